"""What the sandbox's tests share: an organisation of their own, and a client that writes to it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tandem.sandbox.messages import Refused, Request, Response
from tandem.sandbox.service.app import Application
from tandem.sandbox.service.faults import Faults
from tandem.sandbox.store.organisation import Organisation, Row
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
