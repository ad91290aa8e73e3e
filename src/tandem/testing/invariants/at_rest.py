"""What holds when everybody told the truth for a while and nobody did anything, and what once all else is mended."""

from collections.abc import Iterator, Mapping
from typing import Any

from tandem.mapping.fields import FILTER_COLUMN
from tandem.mapping.projection import decode_fields, decode_value
from tandem.mapping.values import same
from tandem.model.entities import Entity
from tandem.report.differences import FieldDifference
from tandem.rules.brakes import HoldKind
from tandem.rules.reasons import Reason
from tandem.runtime.syncing import verify
from tandem.state.streams import StreamState
from tandem.sync.plan import TablePlan
from tandem.testing.invariants.promise import WITH_PERSON, Promise, fields_of, listed_differences, stored
from tandem.testing.ledger import meaning
from tandem.testing.picture import Picture, rows
from tandem.testing.walk import MERGED, Walk
from tandem.testing.walk.tables import LINE, OF_CONTACT, OF_ORDER, ORDER


def i1_both_sides_agree_or_say_why(walk: Walk) -> Iterator[str]:
    """AS-I1, R1: every selected field is equal by meaning, or its difference is listed with a reason that is true."""
    listed = {(each.person_id, each.field): each for each in listed_differences(walk)}
    picture = walk.picture()
    for (table, record), link in picture.links.items():
        row, plan = walk.world.organisation.get(table, record), walk.plans.get(Entity(table))
        if link["state"] != "live" or row is None or plan is None:
            continue
        values = picture.people[link["person_id"]]["values"]
        for field in plan.projection.fields:
            why = listed.pop((link["person_id"], field.api_name), None)
            if same(field, values.get(field.api_name), stored(row.get(field.column))):
                continue
            if why is None:
                yield f"{field.api_name} of {table} {record} differs and nobody says why"
            elif not _is_true(walk, plan, record, why):
                yield f"{field.api_name} of {table} {record} differs, and {why.reason} is no reason: {why.text}"


def _is_true(walk: Walk, plan: TablePlan, record: str, why: FieldDifference) -> bool:
    """Could it really not go?"""
    match why.reason:
        case Reason.WAITING:
            return False
        case Reason.LEFT:
            return bool(walk.counts[f"left by {HoldKind.OWN_WRITES}"])
        case Reason.REFUSED:
            return _refuses(walk, plan, record, why)
        case _:
            return True


def _refuses(walk: Walk, plan: TablePlan, record: str, why: FieldDifference) -> bool:
    """AS-I15, P7: a refusal concerns the record that was refused and no other."""
    organisation, table = walk.world.organisation, plan.entity.value
    row = organisation.get(table, record) or {}
    closed = table == "lead" and row.get("statecode") != 0
    value = why.marketing.value
    misfit = len(value or "") > 100 if isinstance(value, str | None) and why.field != "lastName" else value is None
    return closed or misfit or bool({table, record} & walk.refused)


def i5_nothing_anybody_saw_is_gone(walk: Walk) -> Iterator[str]:
    """AS-I5, R2: a value that was visible on a person is there still, in its log, in the journal, or in Dynamics; so is
    every value of Dynamics that was written over, but for sets and counters, in whose new value both changes are."""
    picture, kept = walk.picture(), _kept(walk)
    for person, fields in walk.ledger.held.items():
        now = walk.resolve(person)
        if now is None:
            continue
        current = picture.people[now]["values"]
        for name, values in fields.items():
            lost = (
                {each for each in values if each is not None}
                - kept.get((now, name), set())
                - {meaning(current.get(name))}
            )
            lost -= _in_dynamics(walk, picture, now, name)
            if lost:
                yield f"{name} of person {now} was {sorted(map(repr, lost))} once, which is kept nowhere"
    for write in walk.ledger.writes:
        now = walk.resolve(write.person)
        if now is None or write.refused is not None or write.creates or write.person in walk.merged:
            # Whoever merged two people in marketing chose what their record holds from then on (P16).
            continue
        names = {field.column: field for field in fields_of(walk, write.table) if field.pulled}
        for column in write.values:
            field, before = names.get(column), meaning(stored(write.before.get(column)))
            if field is None or field.column in MERGED or before in (None, False):
                continue
            known = kept.get((now, field.api_name), set()) | {
                meaning(picture.people[now]["values"].get(field.api_name))
            }
            if before not in known:
                yield f"{column} of {write.table} {write.record} was {before!r}, was written over and is kept nowhere"


def _kept(walk: Walk) -> dict[tuple[int, str], set[Any]]:
    """What the logs and the journal tell of each person's fields."""
    kept: dict[tuple[int, str], set[Any]] = {}
    for row in rows(walk.reader, "activity"):
        if row["field"] is not None:
            kept.setdefault((row["person_id"], row["field"]), set()).update(
                meaning(decode_value(row[name])) for name in ("old", "new")
            )
    for row in rows(walk.reader, "conflict"):
        if row["person_id"] is not None:
            kept.setdefault((row["person_id"], row["field"]), set()).update(
                meaning(decode_value(row[name])) for name in ("base", "marketing", "crm")
            )
    return kept


def _in_dynamics(walk: Walk, picture: Picture, person: int, name: str) -> set[Any]:
    """What the person's records hold in a field now."""
    found = set()
    for (table, record), link in picture.links.items():
        if link["person_id"] == person:
            row = walk.world.organisation.get(table, record) or {}
            columns = [field.column for field in fields_of(walk, table) if field.api_name == name]
            found |= {meaning(stored(row.get(column))) for column in columns}
    return found


def i16_no_reference_dangles(walk: Walk) -> Iterator[str]:
    """AS-I16: whoever belongs to a company belongs to one that is here."""
    companies = {row["external_company_id"] for row in rows(walk.reader, "company")}
    for person in walk.picture().people.values():
        company = person["external_company_id"]
        if company is not None and company not in companies:
            yield f"person {person['id']} belongs to company {company}, which is not here"


def i1_everybody_is_where_the_record_says(walk: Walk) -> Iterator[str]:
    """AS-I1, D8: at rest the filter and the merges of Dynamics are those of the links."""
    links = walk.picture().links
    waiting = {row["crm_id"] for row in rows(walk.reader, "waiting")}
    for entity in walk.plans:
        if not entity.is_person:
            continue
        for record, row in walk.world.organisation.rows(entity.value).items():
            link = links.get((entity.value, record))
            state = link["state"] if link else None
            expected = _expected_states(row)
            if state not in expected and record not in waiting:
                yield f"{entity.value} {record} is {state}, which should be one of {', '.join(expected)}"


def _expected_states(row: Mapping[str, Any]) -> tuple[str, ...]:
    if row.get("merged") and row.get("masterid"):
        return ("superseded", "removed")
    if row.get(FILTER_COLUMN) is False:
        return ("parked", "excluded", "removed", "superseded")
    return ("live", "removed", "superseded")


def i2_nothing_is_under_way(walk: Walk) -> Iterator[str]:
    """AS-I2, R2: no write is open, and nobody waits to be looked at who could be."""
    for intent in rows(walk.reader, "intent"):
        if intent["begun"]:
            yield f"the {intent['kind']} of {intent['entity']} {intent['crm_id']} is under way"
    held = {hold.entity.value for hold in walk.world.open_holds() if hold.kind == HoldKind.OWN_WRITES}
    links = {link["person_id"]: key[0] for key, link in walk.picture().links.items() if link["state"] in WITH_PERSON}
    for row in rows(walk.reader, "nomination"):
        if links.get(row["person_id"]) not in held:
            yield f"person {row['person_id']} waits to be looked at"


def r6_what_is_held_is_listed(walk: Walk) -> Iterator[str]:
    """R6: a held field is under an open hold, and its person is here and differs in it, if it is decided alone."""
    holds, picture = {hold.id for hold in walk.world.open_holds()}, walk.picture()
    live = {link["person_id"]: link for link in picture.links.values() if link["state"] == "live"}
    for row in rows(walk.reader, "held_field"):
        person, name = row["person_id"], row["field"]
        if row["hold_id"] not in holds:
            yield f"{name} of person {person} is held under {row['hold_id']}, which is not open"
        if person not in picture.people:
            yield f"{name} is held of person {person}, who is not there"
        if person in live and name not in live[person]["known"] and _is_alone(walk, live[person]["entity"], name):
            yield f"{name} of person {person} is held although both sides agree"


def _is_alone(walk: Walk, table: str, name: str) -> bool:
    """Is the field selected, and decided alone?"""
    plan = walk.plans.get(Entity(table))
    return plan is not None and any([field.api_name for field in unit.fields] == [name] for unit in plan.units)


def r1_looking_at_both_sides_finds_nothing(walk: Walk) -> Iterator[str]:
    """R1, AS-R: every record is compared, and every difference has a reason."""
    verify(*walk.at_work())
    for each in walk.world.subscription.state.verifications.findings():
        yield f"{each.field or 'the whole'} of {each.entity.value} {each.crm_id} is {each.verdict.value}"


def c1_custom_objects_are_where_their_rows_say(walk: Walk) -> Iterator[str]:
    """C1, O3: every line is here once and as new as its row, and belongs to whom its order's contact is linked; of one
    whose person never returns nothing is here but its ids."""
    state, organisation, links = walk.world.subscription.state, walk.world.organisation, walk.picture().links
    if any(state.streams.all()[entity].state is not StreamState.LIVE for entity in _READ_FOR_LINES):
        return
    versions = {row["id"]: row["version"] for row in rows(walk.reader, "custom_object")}
    placed = {row["id"]: row for row in rows(walk.reader, "placed_custom_object")}
    for line, row in organisation.rows(LINE).items():
        order = organisation.get(ORDER, row[OF_ORDER.column].id) if row.get(OF_ORDER.column) else None
        contact = stored(order.get(OF_CONTACT.column)) if order else None
        link = links.get(("contact", str(contact)))
        found, version = placed.get(line), row["versionnumber"]
        if found is not None and not decode_fields(found["fields"]) and link and link["state"] == "superseded":
            version = versions[line]
        expected = (version, contact, link and link["person_id"])
        if found is None or (versions[line], found["record"], found["person_id"]) != expected:
            yield f"line {line} is {found}, and should be {expected}"
    refused = any(each.kind == HoldKind.MASS_DELETE and each.state == "cancelled" for each in state.journal.holds())
    pending = {row["crm_id"] for row in rows(walk.reader, "deletion")}
    for gone in set() if refused else placed.keys() - organisation.rows(LINE).keys() - pending:
        yield f"line {gone} is here, and was deleted"


_READ_FOR_LINES = (Entity(LINE), Entity.via(OF_CONTACT.table, str(OF_CONTACT)))


AT_REST: tuple[Promise, ...] = (
    r1_looking_at_both_sides_finds_nothing,
    i1_both_sides_agree_or_say_why,
    i1_everybody_is_where_the_record_says,
    i2_nothing_is_under_way,
    r6_what_is_held_is_listed,
    i5_nothing_anybody_saw_is_gone,
    i16_no_reference_dangles,
    c1_custom_objects_are_where_their_rows_say,
)


# After all ------------------------------------------------------------------------------------------------------------


def p7_an_error_goes_with_its_cause(walk: Walk) -> Iterator[str]:
    """P7: nobody has an open error who could be sent; the refusal of an action stays until it is asked for again."""
    refused = {each.person_id for each in listed_differences(walk) if each.reason is Reason.REFUSED}
    refused |= {row["person_id"] for row in rows(walk.reader, "intent")}
    for error in rows(walk.reader, "sync_error"):
        person = error["person_id"]
        of_push = error["operation"] in ("create", "update", "qualify")
        if error["state"] == "open" and of_push and person is not None and person not in refused:
            yield f"{error['code']} of person {person} is open, and nothing of it is refused any more"


def i20_a_new_beginning_writes_nothing(walk: Walk) -> Iterator[str]:
    """AS-I20: with nothing stored, the same organisation is copied and not written; everybody is a new person who
    agrees with the record (P1)."""
    writes = len(walk.ledger.writes)
    with walk.begin_anew() as world:
        world.sync()
        world.cycle()
        base = [link for link in rows(walk.reader, "link") if link["base"] is not None]
    if len(walk.ledger.writes) > writes or base:
        yield f"{len(walk.ledger.writes) - writes} records were written, and {len(base)} differ"


AFTER_ALL: tuple[Promise, ...] = (p7_an_error_goes_with_its_cause, i20_a_new_beginning_writes_nothing)
