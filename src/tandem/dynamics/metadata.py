"""A table's definition, from the service's metadata.

The properties that matter (lengths, options, targets, navigation names) come only by casting to one column type at a
time (reference 2.4), so a definition is a conversation of two batches: what the table is, then the details of the
column types it has. Column definitions are never guessed from names.
"""

from collections.abc import Iterable, Sequence

import msgspec

from tandem.dynamics.messages import Conversation, Request, Response, document
from tandem.dynamics.translation import expect
from tandem.model.schema import Column, ColumnType, DateBehavior, Option, Required, Table

_TYPES = {
    "String": ColumnType.TEXT,
    "Memo": ColumnType.MEMO,
    "Integer": ColumnType.INTEGER,
    "BigInt": ColumnType.BIGINT,
    "Decimal": ColumnType.DECIMAL,
    "Double": ColumnType.DOUBLE,
    "Money": ColumnType.MONEY,
    "Boolean": ColumnType.BOOLEAN,
    "DateTime": ColumnType.DATETIME,
    "Picklist": ColumnType.CHOICE,
    "State": ColumnType.STATE,
    "Status": ColumnType.STATUS,
    "Lookup": ColumnType.LOOKUP,
    "Customer": ColumnType.LOOKUP,
    "Owner": ColumnType.LOOKUP,
    "Uniqueidentifier": ColumnType.GUID,
}
_MULTI_CHOICE = "MultiSelectPicklistType"

_OPTIONS = "&$expand=OptionSet($select=Options),GlobalOptionSet($select=Options)"
_DETAILS = {
    ColumnType.TEXT: ("String", ",MaxLength"),
    ColumnType.MEMO: ("Memo", ",MaxLength"),
    ColumnType.INTEGER: ("Integer", ",MinValue,MaxValue"),
    ColumnType.DECIMAL: ("Decimal", ",MinValue,MaxValue,Precision"),
    ColumnType.DOUBLE: ("Double", ",MinValue,MaxValue,Precision"),
    ColumnType.MONEY: ("Money", ",MinValue,MaxValue,Precision"),
    ColumnType.DATETIME: ("DateTime", ",DateTimeBehavior"),
    ColumnType.LOOKUP: ("Lookup", ",Targets"),
    ColumnType.CHOICE: ("Picklist", _OPTIONS),
    ColumnType.CHOICES: ("MultiSelectPicklist", _OPTIONS),
    ColumnType.STATE: ("State", "&$expand=OptionSet($select=Options)"),
    ColumnType.STATUS: ("Status", "&$expand=OptionSet($select=Options)"),
    ColumnType.BOOLEAN: ("Boolean", "&$expand=OptionSet($select=TrueOption,FalseOption)"),
}
"""For each type with details: the cast's name, and what its query asks beside the logical name (reference 2.4)."""

_REQUIRED = {
    "None": Required.NONE,
    "Recommended": Required.RECOMMENDED,
    "ApplicationRequired": Required.APPLICATION,
    "SystemRequired": Required.SYSTEM,
}
_BEHAVIORS = {
    "UserLocal": DateBehavior.USER_LOCAL,
    "TimeZoneIndependent": DateBehavior.TIME_ZONE_INDEPENDENT,
    "DateOnly": DateBehavior.DATE_ONLY,
}


class _Label(msgspec.Struct, rename="pascal"):
    label: str | None = None
    language_code: int | None = None


class Labels(msgspec.Struct, rename="pascal"):
    """A text in the languages of the organisation (reference 2.2)."""

    localized_labels: list[_Label] = []
    user_localized_label: _Label | None = None


class _Managed(msgspec.Struct, rename="pascal"):
    value: str | None = None


class _Definition(msgspec.Struct, rename="pascal"):
    logical_name: str
    entity_set_name: str | None
    primary_id_attribute: str
    primary_name_attribute: str | None = None
    change_tracking_enabled: bool | None = None
    is_optimistic_concurrency_enabled: bool | None = None
    display_name: Labels | None = None


class _Addressed(msgspec.Struct, rename="pascal"):
    entity_set_name: str


class _Attribute(msgspec.Struct, rename="pascal"):
    logical_name: str
    attribute_type: str | None = None
    attribute_type_name: _Managed | None = None
    is_valid_for_read: bool | None = None
    is_valid_for_create: bool | None = None
    is_valid_for_update: bool | None = None
    required_level: _Managed | None = None
    is_secured: bool | None = None
    is_custom_attribute: bool | None = None
    attribute_of: str | None = None
    display_name: Labels | None = None


class _Option(msgspec.Struct, rename="pascal"):
    value: int
    label: Labels | None = None
    state: int | None = None


class _OptionSet(msgspec.Struct, rename="pascal"):
    options: list[_Option] = []
    true_option: _Option | None = None
    false_option: _Option | None = None

    @property
    def choices(self) -> list[_Option]:
        return self.options or [option for option in (self.false_option, self.true_option) if option]


class _Detail(msgspec.Struct, rename="pascal"):
    logical_name: str
    max_length: int | None = None
    min_value: float | None = None
    max_value: float | None = None
    precision: int | None = None
    date_time_behavior: _Managed | None = None
    targets: list[str] | None = None
    option_set: _OptionSet | None = None
    global_option_set: _OptionSet | None = None


class _Relationship(msgspec.Struct, rename="pascal"):
    referencing_attribute: str
    referenced_entity: str
    referencing_entity_navigation_property_name: str | None = None


class _Attributes(msgspec.Struct):
    value: list[_Attribute]


class _Details(msgspec.Struct):
    value: list[_Detail]


class _Relationships(msgspec.Struct):
    value: list[_Relationship]


def read_table(api: str, name: str, *, language: int) -> Conversation[Table | None]:
    """The definition of the table `name` with labels in `language` (an LCID), or None where there is no such table."""
    base = f"{api}/EntityDefinitions(LogicalName='{name}')"
    definition, attributes, relationships = yield [
        Request(
            url=f"{base}?$select=LogicalName,EntitySetName,PrimaryIdAttribute,PrimaryNameAttribute,"
            "ChangeTrackingEnabled,IsOptimisticConcurrencyEnabled,DisplayName"
        ),
        Request(
            url=f"{base}/Attributes?$select=LogicalName,AttributeType,AttributeTypeName,IsValidForRead,"
            "IsValidForCreate,IsValidForUpdate,RequiredLevel,IsSecured,IsCustomAttribute,AttributeOf,DisplayName"
        ),
        Request(
            url=f"{base}/ManyToOneRelationships?$select=ReferencingAttribute,ReferencedEntity,"
            "ReferencingEntityNavigationPropertyName"
        ),
    ]
    if definition.status == 404:
        return None
    facts = document(expect(definition), _Definition)
    found = document(expect(attributes), _Attributes).value
    links = document(expect(relationships), _Relationships).value
    casts = [_DETAILS[kind] for kind in dict.fromkeys(map(_type_of, found)) if kind in _DETAILS]
    answers: Sequence[Response] = ()
    if casts:
        answers = yield [
            Request(url=f"{base}/Attributes/Microsoft.Dynamics.CRM.{cast}AttributeMetadata?$select=LogicalName{query}")
            for cast, query in casts
        ]
    details = {detail.logical_name: detail for answer in answers for detail in document(expect(answer), _Details).value}
    return _table(facts, found, links, details, language=language)


def read_entity_sets(api: str, names: Sequence[str]) -> Conversation[dict[str, str]]:
    """The entity set of each named table; a lookup is written with that of the table it points to (reference 5.6).

    Raises what `expect` raises for an unknown table.
    """
    answers = yield [
        Request(url=f"{api}/EntityDefinitions(LogicalName='{name}')?$select=EntitySetName") for name in names
    ]
    found = (document(expect(answer), _Addressed).entity_set_name for answer in answers)
    return dict(zip(names, found, strict=True))


def _table(
    facts: _Definition,
    attributes: Iterable[_Attribute],
    links: Iterable[_Relationship],
    details: dict[str, _Detail],
    *,
    language: int,
) -> Table:
    columns = (_column(attribute, details.get(attribute.logical_name), language=language) for attribute in attributes)
    return Table(
        name=facts.logical_name,
        entity_set=facts.entity_set_name or "",
        primary_id=facts.primary_id_attribute,
        primary_name=facts.primary_name_attribute,
        change_tracking=bool(facts.change_tracking_enabled),
        columns={column.name: column for column in columns},
        label=label_in(facts.display_name, language=language),
        optimistic_concurrency=bool(facts.is_optimistic_concurrency_enabled),
        navigation={
            (link.referencing_attribute, link.referenced_entity): link.referencing_entity_navigation_property_name
            for link in links
            if link.referencing_entity_navigation_property_name
        },
    )


def _column(attribute: _Attribute, detail: _Detail | None, *, language: int) -> Column:
    detail = detail or _Detail(logical_name=attribute.logical_name)
    kind = _type_of(attribute)
    behavior = None
    if kind is ColumnType.DATETIME:
        named = detail.date_time_behavior.value if detail.date_time_behavior else None
        behavior = _BEHAVIORS.get(named or "", DateBehavior.USER_LOCAL)
        if behavior is DateBehavior.DATE_ONLY:
            # Only this behaviour changes the wire form; the *format* "date only" is a matter of display.
            kind = ColumnType.DATE
    level = attribute.required_level.value if attribute.required_level else None
    options = detail.option_set if detail.option_set and detail.option_set.choices else detail.global_option_set
    return Column(
        name=attribute.logical_name,
        type=kind,
        label=label_in(attribute.display_name, language=language),
        custom=bool(attribute.is_custom_attribute),
        readable=bool(attribute.is_valid_for_read),
        creatable=bool(attribute.is_valid_for_create),
        updatable=bool(attribute.is_valid_for_update),
        secured=bool(attribute.is_secured),
        required=_REQUIRED.get(level or "", Required.NONE),
        max_length=detail.max_length,
        precision=detail.precision,
        minimum=detail.min_value,
        maximum=detail.max_value,
        targets=tuple(detail.targets or ()),
        options=tuple(
            Option(value=option.value, label=label_in(option.label, language=language), state=option.state)
            for option in (options.choices if options else ())
        ),
        behavior=behavior,
    )


def _type_of(attribute: _Attribute) -> ColumnType:
    # A column of another column is its shadow (a name, a yomi form): no query can select it (reference 2.3).
    if attribute.attribute_of is not None:
        return ColumnType.UNSUPPORTED
    if attribute.attribute_type_name is not None and attribute.attribute_type_name.value == _MULTI_CHOICE:
        return ColumnType.CHOICES
    return _TYPES.get(attribute.attribute_type or "", ColumnType.UNSUPPORTED)


def label_in(labels: Labels | None, *, language: int) -> str:
    """The text in a language (an LCID), else in the caller's own; empty where there is none."""
    if labels is None:
        return ""
    for label in labels.localized_labels:
        if label.language_code == language and label.label:
            return label.label
    fallback = labels.user_localized_label
    return fallback.label or "" if fallback is not None else ""
