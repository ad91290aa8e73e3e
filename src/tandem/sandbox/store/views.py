"""The views that every organisation has from its first day: of each table its rows by state, and the caller's own."""

from collections.abc import Iterator, Mapping
from uuid import NAMESPACE_URL, uuid5
from xml.etree import ElementTree

from tandem.sandbox.tables import TableDefinition

PUBLIC = 0
"""The `querytype` of a view that a list offers. [k]"""

_SHOWN = ("statecode", "ownerid", "createdon")


def shipped_views(tables: Mapping[str, TableDefinition]) -> Iterator[Mapping[str, object]]:
    """The rows of `savedquery`. Their ids follow from their names, so they are the same in every sandbox. [k]"""
    for table in tables.values():
        state = table.columns.get("statecode")
        if state is None or table.primary_name is None:
            continue
        conditions = {
            f"{option.label}: {table.label}": {"attribute": "statecode", "operator": "eq", "value": str(option.value)}
            for option in state.options
        }
        if "ownerid" in table.columns:
            conditions[f"Mine: {table.label}"] = {"attribute": "ownerid", "operator": "eq-userid"}
        for name, condition in conditions.items():
            yield {
                "savedqueryid": str(uuid5(NAMESPACE_URL, f"view:{table.name}:{name}")),
                "name": name,
                "returnedtypecode": table.name,
                "querytype": PUBLIC,
                "isdefault": name == next(iter(conditions)),
                "fetchxml": _fetch_xml(table, condition),
            }


def _fetch_xml(table: TableDefinition, condition: Mapping[str, str]) -> str:
    fetch = ElementTree.Element("fetch", version="1.0", mapping="logical")
    entity = ElementTree.SubElement(fetch, "entity", name=table.name)
    shown = (table.primary_name or "", *(name for name in _SHOWN if name in table.columns), table.primary_id)
    for name in shown:
        ElementTree.SubElement(entity, "attribute", name=name)
    ElementTree.SubElement(entity, "order", attribute=shown[0], descending="false")
    ElementTree.SubElement(ElementTree.SubElement(entity, "filter", type="and"), "condition", dict(condition))
    return ElementTree.tostring(fetch, encoding="unicode")
