"""What holds after every step, however much is under way."""

from collections import Counter
from collections.abc import Iterator

from tandem.dynamics.errors import RowNotFound, VersionMismatch
from tandem.mapping.values import same
from tandem.model.entities import Entity
from tandem.rules.brakes import Brakes, HoldKind
from tandem.rules.qualify import QUALIFIED
from tandem.state.streams import StreamState
from tandem.testing.fake.queries import place_of_delta
from tandem.testing.invariants.promise import WITH_PERSON, Promise, fields_of, stored
from tandem.testing.ledger import meaning
from tandem.testing.picture import rows
from tandem.testing.walk import PEOPLE, Walk


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
            fields = {field.column: field for field in fields_of(walk, write.table)}
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
        if state.reviews.open() is not None:
            # Whose these are is decided at the end of the review.
            unread |= set(state.links.undone(entity))
        for record, row in organisation.rows(table).items():
            link, version = links.get((table, record)), row["versionnumber"]
            if version <= until and record not in waiting | unread and (link is None or link["version"] < version):
                yield f"{table} {record} at version {version} is behind the place {until} and was not taken up"
        if any(each.kind == HoldKind.MASS_DELETE and each.state == "cancelled" for each in state.journal.holds()):
            continue
        pending = {row["crm_id"] for row in rows(walk.reader, "deletion") if row["entity"] == table}
        for record, version in organisation.deleted(table, 0, until):
            link = links.get((table, record))
            if link is not None and link["state"] in WITH_PERSON and record not in pending:
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
            held = stored(row.get(field.column))
            if not same(field, told, held):
                yield f"{name} of {table} {record} was {held!r} at version {link['version']}, known is {told!r}"


def i11_one_person_one_record(walk: Walk) -> Iterator[str]:
    """AS-I11: a live or parked link is its person's only one, and the person is what the link says."""
    picture = walk.picture()
    linked = Counter(link["person_id"] for link in picture.links.values() if link["state"] in WITH_PERSON)
    yield from (f"person {person} has {count} records" for person, count in linked.items() if count > 1)
    types = {link["person_id"]: link["entity"] for link in picture.links.values() if link["state"] in WITH_PERSON}
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
        before = {key for key, link in walk.before.links.items() if key[0] == table and link["state"] in WITH_PERSON}
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
