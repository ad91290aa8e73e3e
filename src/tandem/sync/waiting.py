"""Lets go on what waited for a record, and keeps what must wait: no polling, no recursion (rules P11, P14, O2).

A reference to a record that is not here is stored with the reason; the page that brings the record releases it. Only
the reference waits, never the record that holds it, except a contact whose lead decides whose person it is.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from tandem.marketing.records import Role
from tandem.model.entities import Entity
from tandem.model.ids import PersonId
from tandem.rules.presence import LinkState
from tandem.state import SyncState
from tandem.state.customs import Unplaced
from tandem.state.links import Link, Waiter
from tandem.sync.context import Context
from tandem.sync.plan import TablePlan

LEAD_OF_CONTACT = "lead"
"""Kind of waiting: a contact names a lead that was not read yet."""
CONTACT_OF_LEAD = "qualified-into"
"""Kind of waiting: a qualified lead names a contact that is not synced yet."""
ROLE = "role"
"""Kind of waiting: an opportunity role names a person who is not here."""
AMBIGUOUS = "ambiguous"
"""Kind of waiting: several people have the new record's e-mail; somebody must choose (P1)."""

PERSON_NOT_READ = "the person has not been read yet"
PERSON_EXCLUDED = "the person is excluded by the filter"
PERSON_DELETED = "the person was deleted in marketing"
"""Why nobody is there: there was somebody once (P9)."""
COMPANY_NOT_READ = "the company has not been read yet"
COMPANY_EXCLUDED = "the company is excluded by the filter"
_NOBODY_YET = {LinkState.NONE: PERSON_NOT_READ, LinkState.EXCLUDED: PERSON_EXCLUDED}
CUSTOMER_SOURCE = "customer"
"""Where a role comes from that a contact has because the opportunity's customer is that contact (O1)."""


class WantedRole(NamedTuple):
    """A person's part in an opportunity, as the record `record` says; the person is `crm_id` of `table`."""

    record: str
    table: Entity
    crm_id: str
    opportunity: str
    role: str
    source: str
    is_primary: int


class Waiting:
    """What waits for the rows of one people table."""

    def __init__(self, context: Context, plans: dict[Entity, TablePlan], entity: Entity) -> None:
        self._context = context
        self._contacts = plans.get(Entity.CONTACT)
        self._entity = entity

    def release(self, ids: Sequence[str], apply_contacts: Callable[[Sequence[Any]], None]) -> None:
        """These records are here now: give roles, and apply the contacts that waited for a lead among them."""
        waiters = self._context.state.waiting.for_targets(self._entity, ids)
        self._give_roles([each for each in waiters if each.kind == ROLE])
        self._apply([each for each in waiters if each.kind == LEAD_OF_CONTACT], apply_contacts)

    def settle(self, finished: int, apply_contacts: Callable[[Sequence[Any]], None]) -> bool:
        """Apply a page of the contacts whose lead a read begun after theirs did not bring; False: there are none.

        `finished` numbers the last read.
        """
        waiters = self._context.state.waiting.settled(Entity.LEAD, LEAD_OF_CONTACT, finished=finished)
        self._apply(waiters, apply_contacts)
        return bool(waiters)

    def _apply(self, waiters: Sequence[Waiter], apply_contacts: Callable[[Sequence[Any]], None]) -> None:
        if not waiters or self._contacts is None:
            return
        self._context.state.waiting.stop(waiters)
        plan, payloads = self._contacts, [each.payload or "" for each in waiters]
        # A row kept from before the filter column was there does not say whether it is wanted; the read that the column
        # began brings it again (D8).
        apply_contacts([plan.decoder.decode_row(each.encode()) for each in payloads if plan.knows_filter(each)])

    def _give_roles(self, waiters: Sequence[Waiter]) -> None:
        if not waiters:
            return
        links = self._context.state.links.of(self._entity, {each.target_id for each in waiters})
        ready = [each for each in waiters if _person(links.get(each.target_id)) is not None]
        roles = [
            Role(opportunity, PersonId(_person(links[each.target_id]) or 0), role, source, is_primary)
            for each in ready
            for opportunity, role, source, is_primary in msgspec.json.decode(each.payload or "[]")
        ]
        self._context.marketing.mirrors.put_roles(roles)
        self._context.marketing.mirrors.put_customers(
            [(role.external_opportunity_id, role.person_id) for role in roles if role.source == CUSTOMER_SOURCE]
        )
        self._context.state.waiting.stop(ready)


def give_roles(context: Context, source: Entity, wanted: Sequence[WantedRole], links: dict[str, Link]) -> None:
    """Give roles to people that are here, let the others wait (O2). `links`: those of the people's CRM ids."""
    roles, absent = list[Role](), list[tuple[WantedRole, str]]()
    for each in wanted:
        link = links.get(each.crm_id)
        person = _person(link)
        if person is not None:
            roles.append(Role(each.opportunity, PersonId(person), each.role, each.source, each.is_primary))
        else:
            reason = _NOBODY_YET.get(link.state if link else LinkState.NONE, PERSON_DELETED)
            absent.append((each, reason))
    context.marketing.mirrors.put_roles(roles)
    let_roles_wait(context.state, source, absent, at=context.now())


def let_roles_wait(state: SyncState, source: Entity, absent: Iterable[tuple[WantedRole, str]], *, at: str) -> None:
    """Keep roles until the record of their person is read, each with the reason why nobody is there."""
    waiting: dict[tuple[str, Entity, str, str], list[tuple[str, str, str, int]]] = {}
    for each, reason in absent:
        # One contact can be both the primary contact and the customer: both roles wait for the same record.
        key = (each.record, each.table, each.crm_id, reason)
        waiting.setdefault(key, []).append((each.opportunity, each.role, each.source, each.is_primary))
    page = [
        (Waiter(source, record, crm_id, ROLE, msgspec.json.encode(payload).decode()), table.value, None, reason)
        for (record, table, crm_id, reason), payload in waiting.items()
    ]
    state.waiting.add(page, at=at)


class ObjectsWaiting(NamedTuple):
    """Custom objects whose person, company or record between, of the table `target`, is not here."""

    entity: Entity
    target: str
    reason: str
    objects: int
    since: str
    oldest: list[tuple[str, str, str]]


def objects_waiting(state: SyncState, *, limit: int = 1) -> list[ObjectsWaiting]:
    """The custom objects that wait, by reason, with the `limit` oldest of each as (id, target's id, since when).

    Nobody has to release them: see `oneway.custom_objects`.
    """
    return [
        ObjectsWaiting(
            entity=each.entity,
            target=each.via.table if each.via else each.belongs_to.value,
            reason=_why(each),
            objects=each.objects,
            since=each.since,
            oldest=each.oldest,
        )
        for each in state.customs.unplaced(limit=limit)
    ]


def _why(each: Unplaced) -> str:
    if each.via is not None:
        return f"the {each.via.table} it belongs to has not been read yet"
    if each.belongs_to is Entity.ACCOUNT:
        return COMPANY_EXCLUDED if each.kept_out else COMPANY_NOT_READ
    return _NOBODY_YET.get(each.link, PERSON_DELETED)


def _person(link: Link | None) -> int | None:
    return link.person_id if link is not None else None
