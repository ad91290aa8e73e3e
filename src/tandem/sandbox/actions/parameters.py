"""An action called with a misspelt parameter must fail: silence would leave out what the caller asked for.

Takes the parameters out of an action's body one by one; what nobody took is refused (reference 3.7).
"""

from collections.abc import Mapping

from tandem.sandbox.messages import Refused
from tandem.sandbox.paths import as_guid
from tandem.sandbox.store.organisation import Organisation
from tandem.sandbox.writing.addressing import missing_row
from tandem.sandbox.writing.payload import decode_object, payload_error


class Parameters:
    """The parameters of one call. Every method raises Refused for a value of the wrong kind."""

    def __init__(self, organisation: Organisation, content: Mapping[str, object]) -> None:
        self._organisation = organisation
        self._left = {name: value for name, value in content.items() if not name.startswith("@")}

    @classmethod
    def read(cls, organisation: Organisation, body: bytes) -> "Parameters":
        """The parameters in a JSON body."""
        return cls(organisation, decode_object(body))

    def boolean(self, name: str, *, default: bool | None = None) -> bool:
        """A yes or no; obligatory unless it has a default."""
        value = self._take(name, default)
        if not isinstance(value, bool):
            raise payload_error(f"Cannot convert the literal '{value}' of '{name}' to the expected type 'Edm.Boolean'.")
        return value

    def integer(self, name: str) -> int:
        """An obligatory whole number."""
        value = self._take(name, None)
        if isinstance(value, bool) or not isinstance(value, int):
            raise payload_error(f"Cannot convert the literal '{value}' of '{name}' to the expected type 'Edm.Int32'.")
        return value

    def guid(self, name: str) -> str:
        """An obligatory id."""
        value = self._take(name, None)
        guid = as_guid(value) if isinstance(value, str) else None
        if guid is None:
            raise payload_error(f"Cannot convert the literal '{value}' of '{name}' to the expected type 'Edm.Guid'.")
        return guid

    def content(self, name: str, *, optional: bool = False) -> Mapping[str, object]:
        """The properties of a row given as an object, without annotations but for binds."""
        value = self._take(name, {} if optional else None)
        if not isinstance(value, dict):
            raise payload_error(f"'{name}' must be an object.")
        return {key: item for key, item in value.items() if not key.startswith("@")}

    def contents(self, name: str) -> list[Mapping[str, object]]:
        """As `content`, for an obligatory list of objects with all that is in them."""
        value = self._take(name, None)
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise payload_error(f"'{name}' must be a list of objects.")
        return value

    def take(self, name: str) -> object:
        """A parameter of any kind; None where it is not given."""
        return self._left.pop(name, None)

    def reference(self, name: str, *tables: str) -> tuple[str, str]:
        """The table and id of an obligatory existing row of one of the tables."""
        return self._reference(name, self._take(name, None), tables)

    def optional_reference(self, name: str, *tables: str) -> tuple[str, str] | None:
        """As `reference`, or None where the parameter is not given or null."""
        value = self._left.pop(name, None)
        return None if value is None else self._reference(name, value, tables)

    def __contains__(self, name: str) -> bool:
        """Whether the parameter is given and nobody took it."""
        return name in self._left

    def references(self, name: str, *tables: str) -> list[tuple[str, str]]:
        """As `reference`, for a list of rows."""
        value = self._take(name, None)
        if not isinstance(value, list):
            raise payload_error(f"'{name}' must be a list of rows.")
        return [self._reference(name, item, tables) for item in value]

    def done(self) -> None:
        """Refuse the call if a parameter is left that nobody took."""
        for name in self._left:
            raise payload_error(f"The parameter '{name}' is not a valid parameter of the operation.")

    def _take(self, name: str, default: object) -> object:
        value = self._left.pop(name, default)
        if value is None:
            raise Refused(400, "0x80040203", f"Invalid argument. Required parameter '{name}' is missing.")
        return value

    def _reference(self, name: str, value: object, tables: tuple[str, ...]) -> tuple[str, str]:
        """`{"@odata.type": "Microsoft.Dynamics.CRM.contact", "contactid": "..."}`, with or without a leading `#`."""
        row = value if isinstance(value, dict) else {}
        table = str(row.get("@odata.type", "")).lstrip("#").rpartition(".")[2]
        if table not in tables:
            raise payload_error(f"'{name}' must name a row of {' or '.join(tables)} with its '@odata.type'.")
        row_id = as_guid(str(row.get(self._organisation.tables[table].primary_id)))
        if row_id is None:
            raise payload_error(f"'{name}' must hold the id of a {table}.")
        if not self._organisation.exists(table, row_id):
            raise missing_row(table, row_id)
        return table, row_id
