"""Where facts are looked at: one organisation, what may be done in it, and the rows that are made and taken away again.

A suite that leaves rows in somebody's organisation is run once. So every row is noted before the next request, taken
away after its fact, and whatever a lost reply or an interruption left behind is found again by the run's mark.
"""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cached_property, partial
from typing import Any
from uuid import uuid4

import httpx2

from tandem.testing.facts.case import Differs, Need, NotSeen
from tandem.testing.facts.client import Answer, Client
from tandem.testing.facts.subject import ACCOUNT, Subject, make_table, remove_table

_SWEPT = {
    "tasks": ("activityid", "subject"),
    "lists": ("listid", "listname"),
    "campaigns": ("campaignid", "name"),
    "opportunities": ("opportunityid", "name"),
    "leads": ("leadid", "lastname"),
    "contacts": ("contactid", "lastname"),
    "accounts": ("accountid", "name"),
}
"""Where rows of a run may stand: id and the column that carries its mark; what depends on others first."""

_GONE = (204, 404)
_UNKNOWN_SEGMENT = "0x8006088a"


class Stage:
    """One run at one organisation. Use as a context manager: leaving it takes away all that the run made."""

    def __init__(self, client: Client, *, allowed: frozenset[Need], control_url: str | None = None) -> None:
        self.client = client
        self.allowed = allowed
        self.mark = f"Tandem facts {uuid4().hex[:12]}"
        self.left: list[str] = []
        self._control_url = control_url
        self._no_table = ""
        self._undo: list[tuple[str, Callable[[], object]]] = []

    def __enter__(self) -> "Stage":
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()
        if self.allowed & {Need.ROWS, Need.SALES}:
            self._sweep()
        if "subject" in self.__dict__ and self.subject is not ACCOUNT:
            self._finally(self.subject.table, lambda: remove_table(self.client, self.subject))

    # Requests -------------------------------------------------------------------------------------------------------

    def get(self, path: str, **headers: str) -> Answer:
        """GET; `prefer="..."` and other headers by name, with `_` for `-`."""
        return self.send("GET", path, headers=headers)

    def post(self, path: str, content: object = None, **headers: str) -> Answer:
        """POST."""
        return self.send("POST", path, content, headers=headers)

    def patch(self, path: str, content: object, **headers: str) -> Answer:
        """PATCH."""
        return self.send("PATCH", path, content, headers=headers)

    def delete(self, path: str, **headers: str) -> Answer:
        """DELETE."""
        return self.send("DELETE", path, headers=headers)

    def send(
        self, method: str, path: str, content: object = None, *, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Any request, with header names in which `_` stands for `-`."""
        named = {name.replace("_", "-"): value for name, value in (headers or {}).items()}
        return self.client.send(method, path, content, headers=named)

    def definition(self, table: str, path: str) -> Answer:
        """The answer to a path below a table's definition. Raises NotSeen where there is no such table or column."""
        answer = self.get(f"EntityDefinitions(LogicalName='{table}'){path}")
        if answer.status == 404:
            raise NotSeen(f"There is no {table}, or not with what was asked for.")
        return answer.expect(200)

    @cached_property
    def user(self) -> str:
        """The caller's systemuserid."""
        return str(self.get("WhoAmI").expect(200).json["UserId"])

    @cached_property
    def organization(self) -> str:
        """The organisation's id."""
        return str(self.get("WhoAmI").expect(200).json["OrganizationId"])

    @cached_property
    def version(self) -> str:
        """The organisation's version, or that it does not tell."""
        answer = self.get("RetrieveVersion()")
        return str(answer.json.get("Version")) if answer.status == 200 else "not told"

    @cached_property
    def csdl(self) -> Answer:
        """The answer to `$metadata`: megabytes, so asked for once."""
        return self.client.send("GET", "$metadata", headers={"Accept": "application/xml"}).expect(200)

    # Rows -----------------------------------------------------------------------------------------------------------

    @cached_property
    def subject(self) -> Subject:
        """The table that facts about any table are looked at: one of the suite's own where that is allowed."""
        if Need.SCHEMA not in self.allowed:
            return ACCOUNT
        if self._no_table:
            raise NotSeen(self._no_table)
        try:
            made = make_table(self.client)
        except Differs as problem:
            self._no_table = f"No table could be made: {problem}"
            raise
        self.__dict__.pop("csdl", None)  # It was written before there was such a table.
        return made

    def row(self, **values: object) -> str:
        """The id of a new row of the subject; `values` by the subject's names of its columns."""
        subject = self.subject
        return self.make(subject.entity_set, {subject.name: self.mark} | subject.values(**values))

    def make(self, entity_set: str, values: Mapping[str, object], **headers: str) -> str:
        """The id of a new row of any set, which is deleted after the fact. Raises NotSeen for an unknown set."""
        answer = self.post(entity_set, dict(values), **headers)
        if answer.status == 404 and answer.code == _UNKNOWN_SEGMENT:
            raise NotSeen(f"There are no {entity_set} here.")
        row_id = answer.expect(204).row_id
        self.taken_away(f"{entity_set}({row_id})")
        return row_id

    def taken_away(self, address: str) -> str:
        """The address of a row that a fact makes itself, noted to be deleted after it."""
        self.afterwards(address, lambda: self.delete(address))
        return address

    def address(self, row_id: str) -> str:
        """The address of a row of the subject."""
        return f"{self.subject.entity_set}({row_id})"

    # The second hand ------------------------------------------------------------------------------------------------

    def door(self, operation: str, **content: object) -> Any:
        """What an operation of the sandbox's control door answers. Raises NotSeen without a door."""
        if self._control_url is None:
            raise NotSeen(Need.DOOR.value)
        answered = httpx2.post(
            f"{self._control_url}/{operation}", content=json.dumps(content).encode(), timeout=30.0, trust_env=False
        )
        if answered.status_code != 200:
            raise Differs(f"the control door refuses {operation}: {answered.text}")
        return answered.json()

    # Taking away ----------------------------------------------------------------------------------------------------

    def afterwards(self, what: str, undo: Callable[[], object]) -> None:
        """Undo something after the fact, last things first; `what` is told if that fails."""
        self._undo.append((what, undo))

    def clear(self) -> None:
        """Undo what the last fact did."""
        while self._undo:
            self._finally(*self._undo.pop())

    def _finally(self, what: str, undo: Callable[[], object]) -> None:
        try:
            done = undo()
        except (httpx2.HTTPError, Differs) as problem:
            self.left.append(f"{what} ({problem})")
        else:
            if isinstance(done, Answer) and done.status not in _GONE:
                self.left.append(f"{what} (HTTP {done.status})")

    def _sweep(self) -> None:
        """Take away what carries the run's mark still: a lost reply or an interruption left it behind."""
        for entity_set, (key, column) in _SWEPT.items():
            with suppress(httpx2.HTTPError, Differs):
                found = self.get(f"{entity_set}?$select={key}&$filter=startswith({column},'{self.mark}')")
                for row in found.rows if found.status == 200 else ():
                    address = f"{entity_set}({row[key]})"
                    self._finally(address, partial(self.delete, address))
