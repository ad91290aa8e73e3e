"""What must hold whatever happened, told from both sides' data and the ledger (behaviour section 9, AS section 6).

Each function is one promise under its number and says how it is broken, if it is. `ALWAYS` holds after every step,
`AT_REST` when everybody told the truth for a while and nobody did anything, `AFTER_ALL` once what stood in the way is
gone as well. AS-I17 (purity) is proven where the rules are.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tandem.dynamics.errors import RowNotFound, VersionMismatch
from tandem.mapping.fields import FILTER_COLUMN, Field
from tandem.mapping.projection import decode_value
from tandem.mapping.values import same
from tandem.model.entities import Entity
from tandem.report.differences import DifferenceFinder, FieldDifference
from tandem.rules.brakes import Brakes, HoldKind
from tandem.rules.qualify import QUALIFIED
from tandem.rules.reasons import Reason
from tandem.runtime.syncing import verify
from tandem.state.streams import StreamState
from tandem.sync.plan import TablePlan
from tandem.testing.fake.queries import place_of_delta
from tandem.testing.fake.store import Reference
from tandem.testing.ledger import meaning
from tandem.testing.picture import Picture, rows
from tandem.testing.walk import MERGED, PEOPLE, Walk
from tandem.testing.walk.tables import LINE, OF_CONTACT, OF_ORDER, ORDER

Promise = Callable[[Walk], Iterator[str]]
_WITH_PERSON = ("live", "parked")


class Broken(AssertionError):
    """A promise that does not hold."""


def check(walk: Walk, promises: tuple[Promise, ...]) -> None:
    """Raises Broken for the first promise that does not hold."""
    for promise in promises:
        for how in promise(walk):
            raise Broken(f"{promise.__name__}: {how}")


# Always ---------------------------------------------------------------------------------------------------------------


def i3_an_edit_is_answered_by_few_writes(walk: Walk) -> Iterator[str]:
    """AS-I3: at most three writes of a field for one act from outside."""
    for (table, record, column), count in walk.ledger.written.items():
        if count > 3:
            yield f"{column} of {table} {record} was written {count} times although nobody touched it"


def i4_nobody_has_two_records_of_ours(walk: Walk) -> Iterator[str]:
    """AS-I4, R2: of the records made for a person at most one is alive; one that somebody restored is not counted, and
    neither is one for which another speaks, such as a qualified lead, whether or not the answer has arrived."""
    links = walk.picture().links
    for person, made in walk.ledger.made.items():
        alive = [
            each
            for each in made
            if each[1] not in walk.restored
            and (row := walk.world.organisation.get(*each)) is not None
            and not (each[0] == "lead" and row["statecode"] == QUALIFIED and row["parentcontactid"] is not None)
            and (each not in links or links[each]["state"] != "superseded")
        ]
        if len(alive) > 1:
            yield f"{len(alive)} records were made for person {person}: {alive}"


def i6_only_a_persons_own_values_are_written(walk: Walk) -> Iterator[str]:
    """AS-I6: every value written was visible on the person the record is linked to."""
    for write in walk.fresh:
        held = walk.ledger.held[write.person]
        for name, value in write.sent.items():
            if value is not None and meaning(value) not in held[name]:
                yield f"{name} of {write.table} {write.record} was written, which person {write.person} never had"


def i7_only_leads_and_contacts_are_written(walk: Walk) -> Iterator[str]:
    """AS-I7, S5."""
    yield from (f"{write.table} was written" for write in walk.fresh if write.table not in PEOPLE)


def i8_a_write_holds_only_what_differs(walk: Walk) -> Iterator[str]:
    """AS-I8, P5: under the version it was decided on, every field of an update differs from the record."""
    for write in walk.fresh:
        if write.refused is None and not write.creates:
            fields = {field.column: field for field in _fields(walk, write.table)}
            for column, value in write.values.items():
                field = fields.get(column)
                if field is not None and column in write.before and same(field, write.before[column], value):
                    yield f"{column} of {write.table} {write.record} was written although it was equal"


def i9_the_place_in_the_changes_covers_nothing_unseen(walk: Walk) -> Iterator[str]:
    """AS-I9: what changed before the stored place is linked at its version, waits, or is nominated to be read; what was
    deleted is deleted here, held, or stays because somebody said so."""
    state, organisation = walk.world.subscription.state, walk.world.organisation
    links = walk.picture().links
    for entity, stream in state.streams.all().items():
        if not entity.is_person or stream.state is not StreamState.LIVE or stream.next_link or not stream.delta_link:
            continue
        until, table = place_of_delta(stream.delta_link), entity.value
        waiting = {row["crm_id"] for row in rows(walk.reader, "waiting") if row["entity"] == table}
        nominated = {row["person_id"] for row in rows(walk.reader, "nomination")}
        unread = {key[1] for key, link in links.items() if not link["version"] and link["person_id"] in nominated}
        for record, row in organisation.rows(table).items():
            link, version = links.get((table, record)), row["versionnumber"]
            if version <= until and record not in waiting | unread and (link is None or link["version"] < version):
                yield f"{table} {record} at version {version} is behind the place {until} and was not taken up"
        if any(each.kind == HoldKind.MASS_DELETE and each.state == "cancelled" for each in state.journal.holds()):
            continue
        pending = {row["crm_id"] for row in rows(walk.reader, "deletion") if row["entity"] == table}
        for record, version in organisation.deleted(table, 0, until):
            link = links.get((table, record))
            if link is not None and link["state"] in _WITH_PERSON and record not in pending:
                yield f"{table} {record}, deleted at {version}, is {link['state']} behind the place {until}"


def i10_the_base_is_what_dynamics_held(walk: Walk) -> Iterator[str]:
    """AS-I10: base and person together are the record as it was at the link's version."""
    picture, plans = walk.picture(), walk.plans
    for (table, record), link in picture.links.items():
        row = walk.ledger.states.get((table, record, link["version"]))
        plan = plans.get(Entity(table))
        if link["state"] != "live" or row is None or plan is None:
            continue
        values = picture.people[link["person_id"]]["values"]
        for field in plan.projection.fields:
            name = field.api_name
            told = link["known"].get(name, values.get(name))
            held = _stored(row.get(field.column))
            if not same(field, told, held):
                yield f"{name} of {table} {record} was {held!r} at version {link['version']}, known is {told!r}"


def i11_one_person_one_record(walk: Walk) -> Iterator[str]:
    """AS-I11: a live or parked link is its person's only one, and the person is what the link says."""
    picture = walk.picture()
    linked = Counter(link["person_id"] for link in picture.links.values() if link["state"] in _WITH_PERSON)
    yield from (f"person {person} has {count} records" for person, count in linked.items() if count > 1)
    types = {link["person_id"]: link["entity"] for link in picture.links.values() if link["state"] in _WITH_PERSON}
    for link in picture.links.values():
        person = link["person_id"]
        if person is not None and person not in picture.people:
            yield f"{link['entity']} {link['crm_id']} belongs to person {person}, who is not there"
    for person, row in picture.people.items():
        if row["type"] != types.get(person):
            yield f"person {person} is {row['type']} and its record {types.get(person)}"


def i12_an_opt_out_is_lifted_by_a_person_only(walk: Walk) -> Iterator[str]:
    """AS-I12 as P15 has it: with the setting on, no cycle lifts an opt-out of a person whose record is the same."""
    if walk.before is None or walk.after is None or walk.overrun or not walk.world.settings.consent_wins:
        return
    choices = walk.world.subscription.state.choices()
    for (table, record), link in walk.before.links.items():
        person, now = link["person_id"], walk.after.links.get((table, record))
        if (
            now is None
            or now["state"] != "live"
            or person != now["person_id"]
            or person not in walk.after.people
            or person not in walk.before.people
        ):
            continue
        was, held = (each.people[person]["values"].get("unsubscribed") for each in (walk.before, walk.after))
        chosen = choices[Entity(table)]["donotbulkemail"]
        if was is True and held is not True and chosen.policy is None and not walk.was_merged(person):
            yield f"the opt-out of person {person} was lifted by a cycle"


def i13_no_more_is_deleted_than_the_brake_lets_pass(walk: Walk) -> Iterator[str]:
    """AS-I13, R6: in one cycle, but for what somebody approved."""
    if walk.before is None or walk.after is None:
        return
    for table in PEOPLE:
        before = {key for key, link in walk.before.links.items() if key[0] == table and link["state"] in _WITH_PERSON}
        gone = [key for key in before if key in walk.after.links and walk.after.links[key]["state"] == "severed"]
        settings = walk.world.settings
        brakes = Brakes(delete_floor=settings.brake_delete_floor, delete_share=settings.brake_delete_share)
        approved = any(hold.state == "approved" for hold in walk.world.subscription.state.journal.holds())
        # Records that are new in this cycle raise the limit; in a walk they are too few for that.
        if len(gone) > brakes.delete_limit(len(before)) and not approved:
            yield f"{len(gone)} of {len(before)} records of {table} were deleted at once"


def i18_a_plan_is_what_the_cycle_does(walk: Walk) -> Iterator[str]:
    """AS-I18: the writes that were promised are those that were tried under the version the record had, where it was
    there still."""
    if walk.rehearsed is None:
        return
    plan, writes = walk.rehearsed
    promised = Counter(f"{each.table} {each.record} {dict(each.after)}" for each in plan.writes)
    tried = Counter(
        f"{each.table} {each.record} {dict(each.values)}"
        for each in writes
        if not isinstance(each.refused, VersionMismatch | RowNotFound)
    )
    if promised != tried:
        yield f"only promised were {list(promised - tried)}, only tried were {list(tried - promised)}"


def i19_leaving_the_filter_changes_no_value(walk: Walk) -> Iterator[str]:
    """AS-I19, D8: a cycle changes nothing of a person whose record was parked all along."""
    if walk.before is None or walk.after is None or walk.overrun:
        return
    for key, link in walk.before.links.items():
        now = walk.after.links.get(key)
        person = link["person_id"]
        if link["state"] != "parked" or now is None or now["state"] != "parked" or person != now["person_id"]:
            continue
        before, after = walk.before.people[person], walk.after.people[person]
        if before["fields"] != after["fields"] and not walk.was_merged(person):
            yield f"person {person} changed although {key[0]} {key[1]} is parked"
        if now["known"] != link["known"] and not walk.was_merged(person):
            yield f"the base of {key[0]} {key[1]} changed although it is parked"


ALWAYS: tuple[Promise, ...] = (
    i3_an_edit_is_answered_by_few_writes,
    i4_nobody_has_two_records_of_ours,
    i6_only_a_persons_own_values_are_written,
    i7_only_leads_and_contacts_are_written,
    i8_a_write_holds_only_what_differs,
    i9_the_place_in_the_changes_covers_nothing_unseen,
    i10_the_base_is_what_dynamics_held,
    i11_one_person_one_record,
    i12_an_opt_out_is_lifted_by_a_person_only,
    i13_no_more_is_deleted_than_the_brake_lets_pass,
    i18_a_plan_is_what_the_cycle_does,
    i19_leaving_the_filter_changes_no_value,
)


# At rest --------------------------------------------------------------------------------------------------------------


def i1_both_sides_agree_or_say_why(walk: Walk) -> Iterator[str]:
    """AS-I1, R1: every selected field is equal by meaning, or its difference is listed with a reason that is true."""
    listed = {(each.person_id, each.field): each for each in _listed(walk)}
    picture = walk.picture()
    for (table, record), link in picture.links.items():
        row, plan = walk.world.organisation.get(table, record), walk.plans.get(Entity(table))
        if link["state"] != "live" or row is None or plan is None:
            continue
        values = picture.people[link["person_id"]]["values"]
        for field in plan.projection.fields:
            why = listed.pop((link["person_id"], field.api_name), None)
            if same(field, values.get(field.api_name), _stored(row.get(field.column))):
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
        names = {field.column: field for field in _fields(walk, write.table) if field.pulled}
        for column in write.values:
            field, before = names.get(column), meaning(_stored(write.before.get(column)))
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
            columns = [field.column for field in _fields(walk, table) if field.api_name == name]
            found |= {meaning(_stored(row.get(column))) for column in columns}
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
    links = {link["person_id"]: key[0] for key, link in walk.picture().links.items() if link["state"] in _WITH_PERSON}
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
    """C1, O3: every line is here once and as new as its row, and belongs to whom its order's contact is linked."""
    state, organisation, links = walk.world.subscription.state, walk.world.organisation, walk.picture().links
    if any(state.streams.all()[entity].state is not StreamState.LIVE for entity in _READ_FOR_LINES):
        return
    versions = {row["id"]: row["version"] for row in rows(walk.reader, "custom_object")}
    placed = {row["id"]: row for row in rows(walk.reader, "placed_custom_object")}
    for line, row in organisation.rows(LINE).items():
        order = organisation.get(ORDER, row[OF_ORDER.column].id) if row.get(OF_ORDER.column) else None
        contact = _stored(order.get(OF_CONTACT.column)) if order else None
        link = links.get(("contact", str(contact)))
        expected = (row["versionnumber"], contact, link and link["person_id"])
        found = placed.get(line)
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
    """P7: nobody has an open error who could be sent."""
    refused = {each.person_id for each in _listed(walk) if each.reason is Reason.REFUSED}
    refused |= {row["person_id"] for row in rows(walk.reader, "intent")}
    for error in rows(walk.reader, "sync_error"):
        person = error["person_id"]
        if error["state"] == "open" and person is not None and person not in refused:
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


# Facts ----------------------------------------------------------------------------------------------------------------


def _listed(walk: Walk) -> list[FieldDifference]:
    """Every difference that is reported."""
    return [each for page in DifferenceFinder(walk.world.subscription).pages() for each in page]


def _fields(walk: Walk, table: str) -> Sequence[Field]:
    plan = walk.plans.get(Entity(table))
    return plan.fields if plan else ()


def _stored(value: Any) -> Any:
    return value.id if isinstance(value, Reference) else value
