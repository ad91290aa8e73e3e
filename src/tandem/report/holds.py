"""What waits for a person, with enough of it to decide by (rules R6, N7).

Approving thousands of deletions by their number alone is a coin toss; a few names usually tell a clean-up from a lost
privilege, and of a contested field both values must be seen.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tandem.mapping.projection import decode_fields
from tandem.model.entities import Entity
from tandem.model.ids import PersonId
from tandem.report.values import KnownFields, ShownValue, label_of, shown_value
from tandem.rules.brakes import HoldKind
from tandem.runtime.subscription import Subscription
from tandem.state.journal import Hold
from tandem.sync.defined import field_named
from tandem.sync.holds.settling import WAYS_OUT

_PREVIEWED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldRecord:
    """A record that would be deleted. `name` is its name in marketing, where it has one."""

    crm_id: str
    name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldValue:
    """A field of a person that moves neither way, and what both sides hold."""

    person_id: int
    name: str
    field: str
    label: str
    marketing: ShownValue
    dynamics: ShownValue


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldWork:
    """A hold: what it is about in words, and what approving and cancelling it does.

    On deletions and emptied values, `count` of `known` records are concerned where `brake` may be without asking; on
    writes, `count` would be written for `known` changes, and `brake` were. `preview` shows the first few records that
    would be deleted, `values` the first few fields that wait.
    """

    id: int
    kind: str
    entity: Entity
    person_id: int | None
    field: str | None
    what: str
    approving: str
    cancelling: str
    count: int
    known: int
    brake: int
    state: str
    at: str
    settled_at: str | None
    preview: list[HeldRecord]
    values: list[HeldValue]


def read_holds(subscription: Subscription) -> list[HeldWork]:
    """Every hold, oldest first; a settled one has no preview."""
    return tell_holds(subscription, subscription.state.journal.holds())


def tell_holds(subscription: Subscription, holds: Iterable[Hold]) -> list[HeldWork]:
    """These holds as people read them."""
    known = KnownFields(subscription)
    return [_work(subscription, known, hold) for hold in holds]


def _work(subscription: Subscription, known: KnownFields, hold: Hold) -> HeldWork:
    is_open, kind = hold.state == "open", HoldKind(hold.kind)
    ids = subscription.state.deletions.held(hold.id)[:_PREVIEWED] if is_open else []
    names = _names(subscription, hold.entity, ids)
    values = _values(subscription, known, hold) if is_open else []
    return HeldWork(
        id=hold.id,
        kind=hold.kind,
        entity=hold.entity,
        person_id=hold.person_id,
        field=hold.field,
        what=_what(hold, kind, _label(known, hold), values),
        approving=WAYS_OUT[kind].approved,
        cancelling=WAYS_OUT[kind].cancelled,
        count=hold.count,
        known=hold.known,
        brake=hold.brake,
        state=hold.state,
        at=hold.at,
        settled_at=hold.settled_at,
        preview=[HeldRecord(crm_id=each, name=names.get(each)) for each in ids],
        values=values,
    )


def _label(known: KnownFields, hold: Hold) -> str:
    name = hold.field or ""
    return label_of(field_named(known.of_people(hold.entity.value), name), name)


def _what(hold: Hold, kind: HoldKind, label: str, values: Sequence[HeldValue]) -> str:
    match kind:
        case HoldKind.MASS_DELETE:
            return f"{hold.count:,} of {hold.known:,} records deleted; up to {hold.brake:,} may be without asking"
        case HoldKind.EMPTY_TABLE:
            return f"the table is empty in Dynamics; {hold.known:,} records are known"
        case HoldKind.MASS_BLANK:
            share = f"{hold.count:,} of {hold.known:,} records"
            return f"{label} emptied on {share}; up to {hold.brake:,} may be without asking"
        case HoldKind.OWN_WRITES:
            return f"{hold.count:,} writes for {hold.known:,} changes; {hold.brake:,} are written"
        case _:
            name = values[0].name if values else ""
            return f"{label} of {name} (person {hold.person_id})" if name else f"{label} of person {hold.person_id}"


def _values(subscription: Subscription, known: KnownFields, hold: Hold) -> list[HeldValue]:
    """The first few fields under a hold."""
    held = subscription.state.held_fields.under(hold.id, limit=_PREVIEWED)
    ids = [person for person, _ in held]
    people, links = subscription.marketing.people.get(ids), subscription.state.links.of_people(ids)
    fields, found = known.of_people(hold.entity.value), []
    for number, name in held:
        person, link = people.get(PersonId(number)), links.get(number)
        if person is None or link is None:
            continue
        ours = decode_fields(person.fields)
        theirs, field = {**ours, **decode_fields(link.base)}, field_named(fields, name)
        found.append(
            HeldValue(
                person_id=number,
                name=_joined(ours, _NAME),
                field=name,
                label=label_of(field, name),
                marketing=shown_value(field, ours.get(name)),
                dynamics=shown_value(field, theirs.get(name)),
            )
        )
    return found


_NAME = ("firstName", "lastName", "email")
_OWN_NAME = "name"


def _names(subscription: Subscription, entity: Entity, ids: list[str]) -> dict[str, str]:
    """Names of people, companies, opportunities and custom objects; the other mirrors are looked up by id alone."""
    if entity is Entity.OPPORTUNITY:
        return _own_names(subscription.marketing.mirrors.fields(entity.marketing_name, ids))
    if not entity.is_standard:
        return _own_names(subscription.marketing.custom_objects.fields(entity, ids))
    if entity is Entity.ACCOUNT:
        companies = subscription.marketing.companies.get(ids)
        return {key: _joined(decode_fields(each.fields), ["company"]) for key, each in companies.items()}
    if not entity.is_person:
        return {}
    links = subscription.state.links.of(entity, ids)
    people = subscription.marketing.people.get({link.person_id for link in links.values() if link.person_id})
    names = {int(key): _joined(decode_fields(person.fields), _NAME) for key, person in people.items()}
    return {key: names[link.person_id] for key, link in links.items() if link.person_id in names}


def _own_names(found: dict[str, str]) -> dict[str, str]:
    """What records call themselves: by the first column that ends so, for which it is only its definition tells."""
    named = {key: sorted(decode_fields(text).items()) for key, text in found.items()}
    texts = {
        key: [value for name, value in fields if name.endswith(_OWN_NAME) and isinstance(value, str)]
        for key, fields in named.items()
    }
    return {key: values[0] for key, values in texts.items() if values}


def _joined(fields: dict[str, object], names: Iterable[str]) -> str:
    return " ".join(str(fields[name]) for name in names if fields.get(name))
