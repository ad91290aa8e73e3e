"""What the sandbox's tests share: an organisation of their own, and a client that writes to it."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from tandem.sandbox.messages import Refused, Request, Response
from tandem.sandbox.service.app import Application
from tandem.sandbox.service.faults import Faults
from tandem.sandbox.store.customisation import MakeKey
from tandem.sandbox.store.organisation import Organisation, Row
from tandem.sandbox.tables import KeyDefinition
from tandem.sandbox.writing.writes import answer_write

BASE = "http://127.0.0.1:1234/api/data/v9.2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Sends writes to the sans-I/O core as one user; a refusal comes back as (status, code)."""

    organisation: Organisation
    user: str

    def send(
        self,
        method: str,
        path: str,
        content: object = None,
        *,
        query: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """The answer. Raises Refused."""
        body = b"" if content is None else json.dumps(content).encode()
        request = Request(
            method=method,
            path=path,
            query=query,
            headers=headers or {},
            body=body,
            caller=self.user,
            base=BASE,
        )
        return answer_write(self.organisation, request)

    def refusal(
        self, method: str, path: str, content: object = None, *, headers: Mapping[str, str] | None = None
    ) -> tuple[int, str]:
        """The status and code of a write that must be refused."""
        with pytest.raises(Refused) as caught:
            self.send(method, path, content, headers=headers)
        return caught.value.status, caught.value.code

    def attempt(
        self, method: str, path: str, content: object = None, *, headers: Mapping[str, str] | None = None
    ) -> int | tuple[int, str]:
        """The status of a write, with the code where it is refused."""
        try:
            return self.send(method, path, content, headers=headers).status
        except Refused as refusal:
            return refusal.status, refusal.code

    def create(self, table: str, **values: object) -> str:
        """The id of a row created with those values; `x__bind` stands for `x@odata.bind`."""
        content = {name.replace("__bind", "@odata.bind"): value for name, value in values.items()}
        entity = self.send("POST", self.organisation.tables[table].entity_set, content).headers["OData-EntityId"]
        return entity[-37:-1]

    def row(self, table: str, row_id: str) -> Row:
        """The row as stored; it must exist."""
        row = self.organisation.get(table, row_id)
        assert row is not None
        return row

    def version(self, table: str, row_id: str) -> int:
        """The row's version."""
        return int(str(self.row(table, row_id)["versionnumber"]))


@pytest.fixture
def organisation() -> Iterator[Organisation]:
    """A new organisation with its sync user and nothing else."""
    organisation = Organisation()
    yield organisation
    organisation.close()


@pytest.fixture
def make_key(organisation: Organisation) -> Callable[..., None]:
    """Gives a table an alternate key over the columns."""

    def make(table: str, *columns: str, active: bool = True) -> None:
        name = "_".join(("new", *columns))
        key = KeyDefinition(name=name, schema_name=name, label="The key", columns=columns, active=active)
        organisation.customise(MakeKey(table, key))

    return make


@pytest.fixture
def writer(organisation: Organisation) -> Writer:
    """A client that writes as the sync user."""
    return Writer(organisation=organisation, user=organisation.user_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Sends any request to the Web API without a socket, as one user."""

    application: Application
    user: str

    def get(self, url: str, **headers: str) -> Response:
        """The answer to a GET; a full URL or one below the API root, `_` in header names standing for `-`."""
        path, _, query = url.removeprefix(f"{BASE}/").partition("?")
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.application.handle(
            Request(method="GET", path=path, query=query, headers=named, caller=self.user, base=BASE)
        )

    def page(self, url: str, **headers: str) -> Any:
        """The body of an answer that must be 200, decoded."""
        response = self.get(url, **headers)
        assert response.status == 200, response.body
        return json.loads(response.body)

    def refusal(self, url: str, **headers: str) -> tuple[int, str]:
        """The status and code of a request that must be refused."""
        response = self.get(url, **headers)
        assert response.status >= 400, response.body
        return response.status, json.loads(response.body)["error"]["code"]

    def every_page(self, url: str, **headers: str) -> list[Any]:
        """The bodies of all pages, by their nextLinks."""
        pages = [self.page(url, **headers)]
        while "@odata.nextLink" in pages[-1]:
            assert len(pages) < 100
            pages.append(self.page(pages[-1]["@odata.nextLink"], **headers))
        return pages


@pytest.fixture
def reader(organisation: Organisation) -> Reader:
    """A client that reads as the sync user."""
    return Reader(application=Application(organisation, Faults()), user=organisation.user_id)


NAMESPACE = "Microsoft.Dynamics.CRM."


@dataclass(frozen=True, slots=True, kw_only=True)
class Definer:
    """Writes definitions through the whole Web API, as the sync user."""

    reader: Reader

    def send(self, method: str, path: str, content: object = None, **headers: str) -> Response:
        """The answer to any request, a GET too."""
        path, _, query = path.partition("?")
        request = Request(
            method=method,
            path=path,
            query=query,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
            body=b"" if content is None else json.dumps(content).encode(),
            caller=self.reader.user,
            base=BASE,
        )
        return self.reader.application.handle(request)

    def done(self, method: str, path: str, content: object = None, **headers: str) -> str:
        """The id of what was made, or the empty text; the request must be answered with 204."""
        answer = self.send(method, path, content, **headers)
        assert answer.status == 204, answer.body
        return answer.headers.get("OData-EntityId", "")[-37:-1]

    def refusal(self, method: str, path: str, content: object = None) -> tuple[int, str]:
        """The status and code of a request that must be refused."""
        answer = self.send(method, path, content)
        assert answer.status >= 400, answer.body
        return answer.status, json.loads(answer.body)["error"]["code"]

    def table(self, schema_name: str = "new_Ticket", *columns: Mapping[str, object], **more: object) -> str:
        """The MetadataId of a new table whose primary name is `new_name`."""
        primary = self.column("String", "new_Name", IsPrimaryName=True)
        content = {"SchemaName": schema_name, "DisplayName": self.label(schema_name), "Attributes": [primary, *columns]}
        return self.done("POST", "EntityDefinitions", {**content, **more})

    def add(self, type: str, schema_name: str, *, table: str = "new_ticket", **more: object) -> str:
        """The MetadataId of a new column."""
        path = f"EntityDefinitions(LogicalName='{table}')/Attributes"
        return self.done("POST", path, self.column(type, schema_name, **more))

    @staticmethod
    def column(type: str, schema_name: str, **more: object) -> dict[str, object]:
        """A column as a client gives it."""
        kind = f"{NAMESPACE}{type}AttributeMetadata"
        return {"@odata.type": kind, "SchemaName": schema_name, "DisplayName": Definer.label(schema_name), **more}

    @staticmethod
    def label(text: str) -> dict[str, object]:
        """A label in English."""
        return {"LocalizedLabels": [{"Label": text, "LanguageCode": 1033}]}

    @staticmethod
    def options(**labels: int) -> dict[str, object]:
        """Options by label."""
        return {"Options": [{"Value": value, "Label": Definer.label(text)} for text, value in labels.items()]}


@pytest.fixture
def definer(reader: Reader) -> Definer:
    """A client that makes, changes and deletes definitions."""
    return Definer(reader=reader)


@pytest.fixture
def people(organisation: Organisation) -> Organisation:
    """Two accounts and twelve contacts of the first, three of them inactive, one without a name."""
    account = "aaaaaaaa-0000-4000-8000-000000000001"
    organisation.load(
        "account",
        [
            {"accountid": account, "name": "O'Brien & Söhne", "revenue": "5000000", "numberofemployees": 1234},
            {"accountid": account[:-1] + "2", "name": "Lonely"},
        ],
    )
    organisation.load(
        "contact",
        [
            {
                "contactid": str(UUID(int=(0xC << 124) + number * 7_919_777)),
                "firstname": None if number == 11 else f"First{number:02}",
                "lastname": "ÅKE" if number == 3 else f'Last_"{number % 4}',
                "emailaddress1": f"p{number}@example.com" if number % 2 else None,
                "donotemail": number == 5,
                "annualincome": "-0.5" if number == 1 else None,
                "birthdate": "1980-02-29" if number == 2 else None,
                "parentcustomerid": account,
                "parentcustomerid_type": "account",
                "statecode": int(number > 8),
                "createdon": f"2025-01-{number + 1:02}T00:00:00Z",
            }
            for number in range(12)
        ],
    )
    return organisation
