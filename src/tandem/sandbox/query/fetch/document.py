"""FetchXML text as a query.

An element or attribute that is passed over would return other rows than were asked for. So all that FetchXML has is
either read here or refused by name (reference 3.8; codes are unconfirmed where they are not in 7.2).
"""

from collections.abc import Collection, Iterator, Mapping
from enum import StrEnum
from typing import Any, TypeVar
from xml.etree import ElementTree

from tandem.sandbox.messages import Refused
from tandem.sandbox.query.fetch.elements import (
    FILTERING,
    Attribute,
    DatePart,
    Entity,
    Fetch,
    Filter,
    Link,
    LinkType,
    Sort,
    Test,
)
from tandem.sandbox.query.grouping import Aggregate
from tandem.sandbox.query.options import read_whole_number

Element = ElementTree.Element

Member = TypeVar("Member", bound=StrEnum)

_HINTS = {"version", "output-format", "mapping", "no-lock", "latematerialize", "options"}
_FETCH = {
    *_HINTS,
    *("top", "count", "page", "paging-cookie", "returntotalrecordcount", "distinct"),
    *("aggregate", "aggregatelimit", "useraworderby", "utc-offset", "datasource"),
}
_ATTRIBUTE = {
    *("name", "alias", "aggregate", "groupby", "dategrouping", "distinct", "rowaggregate", "usertimezone"),
    *("addedby", "build"),
}
_LINK = {
    *("name", "from", "to", "alias", "link-type", "intersect", "visible"),
    *("enableprefiltering", "prefilterparametername"),
}
_TEST = {
    *("attribute", "operator", "value", "valueof", "entityname"),
    *("uiname", "uitype", "uihidden"),
}
_DETAILS = {"attribute", "all-attributes", "no-attrs", "filter", "order", "link-entity"}


def read_fetch_xml(text: str) -> Fetch:
    """The query that the text states. Raises Refused (400) for one that is not valid, 501 for what is not spoken.

    A document type is refused before the parser sees it: nothing in FetchXML needs entities of one's own.
    """
    if "<!DOCTYPE" in text.upper():
        raise invalid_xml("a document type is not allowed")
    try:
        root = ElementTree.fromstring(text.strip())
    except ElementTree.ParseError as error:
        raise invalid_xml(str(error)) from None
    if root.tag != "fetch":
        raise invalid_xml(f"the root is '{root.tag}', not 'fetch'")
    _check(root, _FETCH, {"entity"})
    entities = list(root)
    if len(entities) != 1:
        raise invalid_query("A fetch element holds one entity element.")
    return _fetch(root, entities[0])


def invalid_xml(detail: str) -> Refused:
    """The refusal of text that is no FetchXML. The code is general knowledge. [k]"""
    return Refused(400, "0x80040201", f"Invalid XML: {detail}.")


def invalid_query(message: str) -> Refused:
    """The refusal of a query that says what cannot be (reference 7.2)."""
    return Refused(400, "0x80044183", f"The query specified for this operation is invalid. {message}")


def _fetch(root: Element, entity: Element) -> Fetch:
    paging = [name for name in ("page", "count", "paging-cookie", "returntotalrecordcount") if _given(root, name)]
    if "top" in root.attrib and paging:
        # The code is general knowledge. [k]
        raise Refused(400, "0x80040203", f"The top attribute can't be specified with paging attribute {paging[0]}")
    if root.get("utc-offset", "0") != "0":
        raise _unspoken("utc-offset")
    if root.get("datasource", "live") != "live":
        raise _unspoken("datasource")
    _check(entity, {"name", "enableprefiltering", "prefilterparametername"}, _DETAILS)
    return Fetch(
        entity=Entity(table=_name(entity, "name"), **_details(entity)),
        top=_number(root, "top"),
        count=_number(root, "count"),
        page=_number(root, "page") or 1,
        cookie=root.get("paging-cookie") or None,
        total=_flag(root, "returntotalrecordcount"),
        distinct=_flag(root, "distinct"),
        aggregate=_flag(root, "aggregate"),
        limit=_number(root, "aggregatelimit"),
        plain_order=_flag(root, "useraworderby"),
    )


def _details(element: Element) -> Mapping[str, Any]:
    """What an entity and a link hold alike."""
    shown = element.findall("attribute")
    everything = element.find("all-attributes") is not None
    nothing = element.find("no-attrs") is not None
    # A table of the query for which no column is named shows all, but a linked one shows none. [k]
    everything = everything or (not shown and not nothing and element.tag == "entity")
    return {
        "attributes": None if everything else tuple(_attribute(item) for item in shown),
        "filters": tuple(_filter(item) for item in element.findall("filter")),
        "sorts": tuple(_sort(item) for item in element.findall("order")),
        "links": tuple(_link(item, inside_filter=False) for item in element.findall("link-entity")),
    }


def _attribute(element: Element) -> Attribute:
    _check(element, _ATTRIBUTE)
    part = element.get("dategrouping")
    if part in ("fiscal-period", "fiscal-year"):
        raise _unspoken(f"dategrouping {part}")
    if "rowaggregate" in element.attrib:
        raise _unspoken("rowaggregate")
    return Attribute(
        name=_name(element, "name"),
        alias=element.get("alias"),
        aggregate=_member(Aggregate, element, "aggregate"),
        group=_flag(element, "groupby"),
        part=_member(DatePart, element, "dategrouping"),
        distinct=_flag(element, "distinct"),
    )


def _filter(element: Element) -> Filter:
    _check(element, {"type", "hint", "isquickfindfields", "overridequickfindrecordlimitenabled"}, _PARTS)
    if element.get("type", "and") not in ("and", "or"):
        raise invalid_query(f"'{element.get('type')}' is no type of a filter.")
    return Filter(parts=tuple(_part(item) for item in element), either=element.get("type") == "or")


_PARTS = {"condition", "filter", "link-entity"}


def _part(element: Element) -> Test | Filter | Link:
    if element.tag == "filter":
        return _filter(element)
    return _test(element) if element.tag == "condition" else _link(element, inside_filter=True)


def _test(element: Element) -> Test:
    _check(element, _TEST, {"value"})
    listed = element.findall("value")
    for item in listed:
        _check(item, {"uiname", "uitype"})
    values = [item.text or "" for item in listed]
    if not listed and "value" in element.attrib:
        values = [element.attrib["value"]]
    return Test(
        column=_name(element, "attribute"),
        operator=_name(element, "operator"),
        values=tuple(values),
        entity=element.get("entityname"),
        other=element.get("valueof"),
    )


def _sort(element: Element) -> Sort:
    _check(element, {"attribute", "alias", "entityname", "descending"})
    if ("attribute" in element.attrib) == ("alias" in element.attrib):
        raise invalid_query("An order element names an attribute or an alias.")
    return Sort(
        column=element.get("attribute"),
        alias=element.get("alias"),
        entity=element.get("entityname"),
        descending=_flag(element, "descending"),
    )


def _link(element: Element, *, inside_filter: bool) -> Link:
    _check(element, _LINK, _DETAILS)
    type = _member(LinkType, element, "link-type") or LinkType.INNER
    if inside_filter != (type in FILTERING):
        place = "inside" if inside_filter else "outside"
        raise invalid_query(f"A link of the type '{type}' cannot stand {place} a filter.")
    return Link(
        table=_name(element, "name"),
        own=element.get("from"),
        parent=_name(element, "to"),
        alias=element.get("alias"),
        type=type,
        **_details(element),
    )


def _check(element: Element, attributes: Collection[str], children: Collection[str] = ()) -> None:
    """Refuse what FetchXML does not have at this place."""
    for name in _foreign(element.attrib, attributes):
        raise invalid_xml(f"the '{name}' attribute is not declared on '{element.tag}'")
    for child in _foreign([child.tag for child in element], children):
        raise invalid_xml(f"'{child}' is no valid child of '{element.tag}'")


def _foreign(found: Collection[str], known: Collection[str]) -> Iterator[str]:
    return (name for name in found if name not in known)


def _name(element: Element, attribute: str) -> str:
    value = element.get(attribute)
    if not value:
        raise invalid_query(f"The attribute '{attribute}' is missing on '{element.tag}'.")
    return value


def _given(element: Element, attribute: str) -> bool:
    """Whether it says something: a flag that is off does not."""
    return element.get(attribute, "false") not in ("false", "0")


def _flag(element: Element, attribute: str) -> bool:
    value = element.get(attribute, "false").lower()
    if value not in ("true", "false", "1", "0"):
        raise invalid_xml(f"'{value}' is not a boolean value for '{attribute}'")
    return value in ("true", "1")


def _number(element: Element, attribute: str) -> int | None:
    value = element.get(attribute)
    if value is None:
        return None
    number = read_whole_number(value)
    if not number:
        raise invalid_query(f"'{value}' is not a positive number for '{attribute}'.")
    return number


def _member(kind: type[Member], element: Element, attribute: str) -> Member | None:
    value = element.get(attribute)
    if value is not None and value not in list(kind):
        raise invalid_query(f"'{value}' is no value of '{attribute}'.")
    return None if value is None else kind(value)


def _unspoken(what: str) -> Refused:
    return Refused(501, "0x8006088a", f"'{what}' in FetchXML is not implemented by this sandbox.")
