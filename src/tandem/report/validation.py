"""Checks everything a sync needs, before it needs it (rule N2).

A missing right shows itself in the middle of a copy, as an error of one table or, worse, as values that look empty.
Each check here asks the organisation the very question the sync will ask, and says what to do about the answer.
"""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from tandem.dynamics.client import Dynamics
from tandem.dynamics.credentials import Credentials
from tandem.dynamics.errors import (
    AddressRefused,
    CaBundleUnusable,
    ChangeTrackingOff,
    MissingPrivilege,
    NoLicence,
    NoRoles,
    NotAMember,
    NotDataverse,
    TlsFailed,
    Unreachable,
    UserDisabled,
)
from tandem.dynamics.identity import Depth, Identity
from tandem.dynamics.queries import PageQuery
from tandem.mapping.fields import FILTER_COLUMN
from tandem.model.entities import STANDARD, Entity
from tandem.model.errors import TandemError
from tandem.model.schema import Table
from tandem.runtime.subscription import Binding, NotConnected, Subscription
from tandem.runtime.syncing import dynamics_of
from tandem.state.state import FieldChoice
from tandem.sync.choosing import Selection
from tandem.sync.plan import FilterUnreadable, TablePlan, chosen_fields

_OF_THE_ADDRESS = (AddressRefused, NotDataverse, TlsFailed, CaBundleUnusable, Unreachable)
_OF_THE_USER = (NotAMember, NoRoles, NoLicence, UserDisabled)
_PRIVILEGES = {Entity.USER: ("prvreaduser", "prvreadsystemuser")}
"""Read privileges that are not named after their table; `prvReadUser` is general knowledge."""
_WRITING = ("Create", "Write", "Append", "AppendTo")
"""Rights that sending people to Dynamics takes: the last two to set lookups from and to them (reference 1.7)."""
_REACH = {
    Depth.BASIC: "the sync user's own records",
    Depth.LOCAL: "its business unit",
    Depth.DEEP: "its business unit and those below",
}


class Verdict(StrEnum):
    """How a check ended."""

    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check: what was looked at (and of which table), how it ended, why, and what to do."""

    name: str
    verdict: Verdict
    reason: str
    remedy: str = ""
    table: str | None = None


def validate(subscription: Subscription) -> Iterator[Check]:
    """Every check, as it is made. Without sign-in the rest cannot be checked and is left out. Raises NotConnected."""
    binding = subscription.binding
    if binding is None:
        raise NotConnected(f"Subscription {subscription.name!r} is not connected to an organisation.")
    credentials = subscription.credentials()
    with contextlib.ExitStack() as resources:
        try:
            dynamics = resources.enter_context(dynamics_of(subscription))
            identity = dynamics.who_am_i()
        except TandemError as problem:
            yield from _refused_sign_in(problem)
            return
        yield _passed("address", f"{dynamics.root} is a Dataverse organisation.")
        yield _passed("credentials", "Dynamics accepts them.")
        yield from _guarded("sync user", _check_user(dynamics, identity, binding, credentials))
        yield _check_organization(identity, binding)
        yield from _guarded("roles", _check_tables(dynamics, identity, subscription))


def _refused_sign_in(problem: TandemError) -> Iterator[Check]:
    """How far the sign-in came before it was refused."""
    name = "address"
    if not isinstance(problem, _OF_THE_ADDRESS):
        yield _passed("address", "A Dataverse organisation answers.")
        name = "credentials"
    if isinstance(problem, _OF_THE_USER):
        yield _passed("credentials", "Dynamics accepts them.")
        name = "sync user"
    yield _failed(name, problem.message, problem.remedy)


def _guarded(name: str, checks: Iterator[Check], table: Entity | None = None) -> Iterator[Check]:
    """The checks; what Dynamics refuses while they are made is a failed check, not the end of all others."""
    try:
        yield from checks
    except TandemError as problem:
        yield _failed(name, problem.message, problem.remedy, table)


def _check_user(dynamics: Dynamics, identity: Identity, binding: Binding, credentials: Credentials) -> Iterator[Check]:
    user = dynamics.user(identity.user_id)
    name = user.fullname or identity.user_id
    server_to_server = credentials.username is None
    if server_to_server and user.applicationid != credentials.client_id.lower():
        yield _failed(
            "sync user",
            f"{name} is not the application user of the client id {credentials.client_id}.",
            "Add an application user for this client id in the Power Platform admin centre, or connect again with "
            "its credentials: tandem connect --rotate.",
        )
    elif identity.user_id != binding.user_id:
        yield _failed(
            "sync user",
            f"Dynamics answers as {name}; the subscription was connected as {binding.user_name}.",
            "If the other user is meant, connect again with its credentials: tandem connect --rotate.",
        )
    elif user.isdisabled:
        yield _failed("sync user", f"{name} is disabled.", "Enable the sync user in Dynamics.")
    else:
        yield _passed("sync user", f"{name} is the configured user, and enabled.")


def _check_organization(identity: Identity, binding: Binding) -> Check:
    if identity.organization_id == binding.organization_id:
        return _passed("organisation", f"{binding.organization_name} ({binding.organization_id}).")
    return _failed(
        "organisation",
        f"{binding.url} answers as organisation {identity.organization_id}; this subscription belongs to "
        f"{binding.organization_name} ({binding.organization_id}) for ever.",
        "A refreshed or copied organisation needs a subscription of its own: tandem connect URL --name NAME.",
    )


def _check_tables(dynamics: Dynamics, identity: Identity, subscription: Subscription) -> Iterator[Check]:
    privileges = {name.lower(): depth for name, depth in dynamics.privileges(identity.user_id).items()}
    yield _passed("roles", f"{len(privileges):,} privileges through its roles.")
    choices = subscription.state.choices()
    tables = dynamics.tables([entity.value for entity in STANDARD], subscription.settings.language)
    for entity in STANDARD:
        table = tables.get(entity.value)
        if table is None:
            yield Check(
                name="read",
                table=entity.value,
                verdict=Verdict.WARN,
                reason="This organisation has no such table; it is not synced.",
                remedy="Nothing to do, unless the app that brings the table should be installed.",
            )
            continue
        unreadable = dynamics.unreadable_columns(identity.user_id, table)
        chosen = choices.get(entity, {})
        yield _check_fields(entity, table, chosen, unreadable)
        yield _check_tracking(entity, table)
        yield from _guarded("read", _check_read(dynamics, entity, table, chosen, unreadable, privileges), entity)
        if entity.is_person:
            yield _check_write(entity, privileges)


def _check_fields(
    entity: Entity, table: Table, choices: Mapping[str, FieldChoice], unreadable: frozenset[str]
) -> Check:
    """Selected columns and the filter column (D4, D6, D7)."""
    fields = Selection(entity, table, choices, unreadable).listed()
    lost = [field for field in fields if field.broken]
    if FILTER_COLUMN in unreadable:
        reason = f"The sync filter {FILTER_COLUMN} cannot be read: the table is not synced."
        return _failed("fields", reason, FilterUnreadable.advice, entity)
    if lost:
        return Check(
            name="fields",
            table=entity.value,
            verdict=Verdict.WARN,
            reason=f"Selected and not synced: {'; '.join(f'{field.column}: {field.broken}' for field in lost)}.",
            remedy=f"Let the sync user read them, or deselect them: tandem fields {entity.value} --deselect NAME.",
        )
    return _passed("fields", f"{sum(field.selected for field in fields)} selected, all readable.", entity)


def _check_tracking(entity: Entity, table: Table) -> Check:
    if table.change_tracking:
        return _passed("change tracking", "On.", entity)
    if entity is Entity.TEAM_MEMBERSHIP:
        return _passed("change tracking", "Needs none: this small table is read whole.", entity)
    return Check(
        name="change tracking",
        table=entity.value,
        verdict=Verdict.WARN,
        reason="Off: a weak stream. Changes are found by their time, deletions only by reading the table again.",
        remedy=ChangeTrackingOff.advice,
    )


def _check_read(
    dynamics: Dynamics,
    entity: Entity,
    table: Table,
    choices: Mapping[str, FieldChoice],
    unreadable: frozenset[str],
    privileges: Mapping[str, Depth],
) -> Iterator[Check]:
    """Organisation-wide read: by the privilege, where it has the table's name, and by reading as the sync will."""
    named = _PRIVILEGES.get(entity, (f"prvread{entity.value}",))
    depth = max((privileges[name] for name in named if name in privileges), default=None)
    if depth is not None and depth < Depth.GLOBAL:
        reason = f"Read reaches {_REACH[depth]} only, not the whole organisation."
        yield _failed("read", reason, MissingPrivilege.advice, entity)
        return
    # An unreadable filter column was told of already; the rest of the table is looked at all the same.
    unreadable -= {FILTER_COLUMN}
    fields = chosen_fields(entity, table, choices, unreadable)
    plan = TablePlan(entity, table, fields, organization_id="", unreadable=unreadable)
    query = PageQuery(table=table, columns=plan.columns, track_changes=table.change_tracking, page_size=1)
    dynamics.read_page(query, plan.decoder, page_size=1)
    yield _passed("read", "Every record of the organisation.", entity)


def _check_write(entity: Entity, privileges: Mapping[str, Depth]) -> Check:
    """Organisation-wide create, write, append and append-to, without which edits of marketing are refused."""
    missing = [
        name
        for right in _WRITING
        if privileges.get((name := f"prv{right}{entity.value.title()}").lower(), Depth.BASIC) < Depth.GLOBAL
    ]
    if not missing:
        return _passed("write", "Every record of the organisation.", entity)
    return Check(
        name="write",
        table=entity.value,
        verdict=Verdict.WARN,
        reason=f"Not for the whole organisation: {', '.join(missing)}. What marketing changes is refused there.",
        remedy=MissingPrivilege.advice,
    )


def _passed(name: str, reason: str, table: Entity | None = None) -> Check:
    return Check(name=name, verdict=Verdict.PASS, reason=reason, table=table.value if table else None)


def _failed(name: str, reason: str, remedy: str, table: Entity | None = None) -> Check:
    return Check(name=name, verdict=Verdict.FAIL, reason=reason, remedy=remedy, table=table.value if table else None)
