"""Checks everything a sync needs, before it needs it (rule N2).

A missing right shows itself in the middle of a copy, as an error of one table or, worse, as values that look empty.
Each check here asks the organisation the very question the sync will ask, and says what to do about the answer.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from tandem.dynamics.client import Dynamics
from tandem.dynamics.credentials import Credentials
from tandem.dynamics.errors import (
    CertificateOver,
    ChangeTrackingOff,
    MissingPrivilege,
    NoLicence,
    NoRoles,
    NotAMember,
    UserDisabled,
)
from tandem.dynamics.identity import Depth, Identity
from tandem.dynamics.queries import PageQuery
from tandem.mapping.fields import FILTER_COLUMN
from tandem.model.entities import STANDARD, Entity
from tandem.model.errors import TandemError
from tandem.model.schema import Table
from tandem.report.checks import Check, CheckName, failed, passed, warned
from tandem.report.rights import check_actions, check_writing
from tandem.rules.notices import expiry_warning
from tandem.rules.paths import Step
from tandem.runtime import instance
from tandem.runtime.settings import Settings
from tandem.runtime.subscription import Binding, NotConnected, Subscription, now
from tandem.runtime.syncing import dynamics_of
from tandem.state.state import FieldChoice
from tandem.sync.campaigns import campaign_sync
from tandem.sync.choosing import Selection
from tandem.sync.known_tables import OrganisationChanged
from tandem.sync.plan import FilterUnreadable, TablePlan, chosen_fields, default_choices, filter_problem
from tandem.sync.tables import path_lookups, synced_entities

_OF_THE_USER = (NotAMember, NoRoles, NoLicence, UserDisabled)
_PRIVILEGES = {Entity.USER: ("prvreaduser", "prvreadsystemuser")}
"""Read privileges that are not named after their table; `prvReadUser` is general knowledge."""
_REACH = {
    Depth.BASIC: "the sync user's own records",
    Depth.LOCAL: "its business unit",
    Depth.DEEP: "its business unit and those below",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What a connection is to be good for. `binding` and `choices` are None before the first connect.

    `lookups` are those that custom entities' paths go by, `campaigns`: they are synced.
    """

    credentials: Credentials
    language: int
    entities: Sequence[Entity] = STANDARD
    lookups: Mapping[Entity, Step] = field(default_factory=dict)
    campaigns: bool = False
    choices: Mapping[Entity, Mapping[str, FieldChoice]] | None = None
    binding: Binding | None = None

    def choices_of(self, entity: Entity, table: Table, unreadable: frozenset[str]) -> Mapping[str, FieldChoice]:
        """The choices that were made, by column; those a connect would make, where none were."""
        if self.choices is not None:
            return self.choices.get(entity, {})
        return {each.column: each for each in default_choices(entity, table, unreadable)}


def validate(subscription: Subscription) -> Iterator[Check]:
    """Every check, as it is made. Without sign-in the rest cannot be checked and is left out. Raises NotConnected."""
    binding = subscription.binding
    if binding is None:
        raise NotConnected(f"Subscription {subscription.name!r} is not connected to an organisation.")
    state = subscription.state
    wanted = _Wanted(
        credentials=subscription.credentials(),
        language=subscription.settings.language,
        entities=synced_entities(state),
        lookups=path_lookups(state.customs.all()),
        campaigns=campaign_sync(state),
        choices=state.choices(),
        binding=binding,
    )
    yield _check_database(subscription)
    yield from _checks(dynamics_of(subscription), wanted, at=subscription.now())


def validate_before(
    settings: Settings, url: str, credentials: Credentials, *, ca_bundle: Path | None = None
) -> Iterator[Check]:
    """The checks of a connection that is not made yet, with the fields it would select. Nothing is stored."""
    wanted = _Wanted(credentials=credentials, language=settings.language)
    yield from _checks(_reached(url, credentials, ca_bundle or settings.ca_bundle), wanted, at=now())


@contextmanager
def _reached(url: str, credentials: Credentials, ca_bundle: Path | None) -> Iterator[Dynamics]:
    with Dynamics(url, credentials, ca_bundle=ca_bundle) as dynamics:
        yield dynamics


def _checks(reached: AbstractContextManager[Dynamics], wanted: _Wanted, *, at: str) -> Iterator[Check]:
    yield _check_end(wanted.credentials, at=at)
    with contextlib.ExitStack() as resources:
        try:
            dynamics = resources.enter_context(reached)
            dynamics.knock()
        except TandemError as problem:
            yield failed(CheckName.ADDRESS, problem.message, problem.remedy)
            return
        yield passed(CheckName.ADDRESS, f"{dynamics.root} asks for a token, as a Dataverse organisation does.")
        try:
            identity = dynamics.who_am_i()
        except TandemError as problem:
            yield from _refused_sign_in(problem)
            return
        yield passed(CheckName.CREDENTIALS, "Dynamics accepts them.")
        yield from _guarded(CheckName.SYNC_USER, _check_user(dynamics, identity, wanted))
        if wanted.binding:
            yield _check_organization(identity, wanted.binding)
        yield from _guarded(CheckName.ROLES, _check_tables(dynamics, identity, wanted))


def _check_database(subscription: Subscription) -> Check:
    """Is it the one that may write (S10)?"""
    verdict = instance.look(subscription)
    if verdict is instance.Verdict.SAME:
        return passed(CheckName.DATABASE, "It lies where it was made, and is not older than this home remembers.")
    reason = f"The database {subscription.database.place} {instance.REASONS[verdict]}."
    return failed(CheckName.DATABASE, reason, instance.CopiedDatabase.advice)


def _check_end(credentials: Credentials, *, at: str) -> Check:
    """How long the credentials last (S7)."""
    ends_at = credentials.expire_at
    if ends_at is None:
        return passed(
            CheckName.CREDENTIALS_END,
            "Only Microsoft Entra knows when a secret or a password ends: note the day. A certificate would say so.",
        )
    if ends_at <= at:
        return failed(CheckName.CREDENTIALS_END, f"The certificate ended on {ends_at}.", CertificateOver.advice)
    if expiry_warning(ends_at, at):
        return warned(CheckName.CREDENTIALS_END, f"The certificate ends on {ends_at}.", CertificateOver.advice)
    return passed(CheckName.CREDENTIALS_END, f"The certificate is good until {ends_at}.")


def _refused_sign_in(problem: TandemError) -> Iterator[Check]:
    """How far the sign-in came before it was refused."""
    name = CheckName.CREDENTIALS
    if isinstance(problem, _OF_THE_USER):
        yield passed(CheckName.CREDENTIALS, "Dynamics accepts them.")
        name = CheckName.SYNC_USER
    yield failed(name, problem.message, problem.remedy)


def _guarded(name: CheckName, checks: Iterator[Check], table: Entity | None = None) -> Iterator[Check]:
    """The checks; what Dynamics refuses while they are made is a failed check, not the end of all others."""
    try:
        yield from checks
    except TandemError as problem:
        yield failed(name, problem.message, problem.remedy, table)


def _check_user(dynamics: Dynamics, identity: Identity, wanted: _Wanted) -> Iterator[Check]:
    credentials, binding = wanted.credentials, wanted.binding
    user = dynamics.user(identity.user_id)
    name = user.fullname or identity.user_id
    server_to_server = credentials.username is None
    if server_to_server and user.applicationid != credentials.client_id.lower():
        yield failed(
            CheckName.SYNC_USER,
            f"{name} is not the application user of the client id {credentials.client_id}.",
            "Add an application user for this client id in the Power Platform admin centre, or connect again with "
            "its credentials: tandem connect --rotate.",
        )
    elif binding and identity.user_id != binding.user_id:
        yield failed(
            CheckName.SYNC_USER,
            f"Dynamics answers as {name}; the subscription was connected as {binding.user_name}.",
            "If the other user is meant, connect again with its credentials: tandem connect --rotate.",
        )
    elif user.isdisabled:
        yield failed(CheckName.SYNC_USER, f"{name} is disabled.", "Enable the sync user in Dynamics.")
    else:
        yield passed(CheckName.SYNC_USER, f"{name} is the configured user, and enabled.")


def _check_organization(identity: Identity, binding: Binding) -> Check:
    if identity.organization_id == binding.organization_id:
        return passed(CheckName.ORGANISATION, f"{binding.organization_name} ({binding.organization_id}).")
    return failed(
        CheckName.ORGANISATION,
        f"{binding.url} answers as organisation {identity.organization_id}; this subscription belongs to "
        f"{binding.organization_name} ({binding.organization_id}).",
        OrganisationChanged.advice,
    )


def _check_tables(dynamics: Dynamics, identity: Identity, wanted: _Wanted) -> Iterator[Check]:
    privileges = {name.lower(): depth for name, depth in dynamics.privileges(identity.user_id).items()}
    yield passed(CheckName.ROLES, f"{len(privileges):,} privileges through its roles.")
    entities = wanted.entities
    tables = dynamics.tables(dict.fromkeys(entity.table for entity in entities), wanted.language)
    for entity in entities:
        table = tables.get(entity.table)
        if table is None:
            yield warned(
                CheckName.READ,
                "This organisation has no such table; it is not synced.",
                "Nothing to do, unless the app that brings the table should be installed.",
                entity,
            )
            continue
        rights = dynamics.column_rights(identity.user_id, table)
        table, unreadable = rights.narrow(table), rights.unreadable
        chosen = wanted.choices_of(entity, table, unreadable)
        if not entity.is_path:
            yield _check_fields(entity, table, chosen, unreadable)
        yield _check_tracking(entity, table)
        reading = _check_read(dynamics, entity, table, chosen, unreadable, wanted.lookups.get(entity), privileges)
        yield from _guarded(CheckName.READ, reading, entity)
        if entity.is_person:
            yield from check_writing(entity, chosen_fields(entity, table, chosen, unreadable), privileges)
    yield from check_actions(privileges, campaigns=wanted.campaigns)


def _check_fields(
    entity: Entity, table: Table, choices: Mapping[str, FieldChoice], unreadable: frozenset[str]
) -> Check:
    """Selected columns and the filter column (D4, D6, D7)."""
    fields = Selection(entity, table, choices, unreadable).listed()
    lost = [field for field in fields if field.broken]
    if problem := filter_problem(entity, table, unreadable):
        return failed(CheckName.FIELDS, f"{problem} The table is not synced.", FilterUnreadable.advice, entity)
    if lost:
        return warned(
            CheckName.FIELDS,
            f"Selected and not synced: {'; '.join(f'{field.column}: {field.broken}' for field in lost)}.",
            f"Let the sync user read them, or deselect them: tandem fields {entity.value} --deselect NAME.",
            entity,
        )
    return passed(CheckName.FIELDS, f"{sum(field.selected for field in fields)} selected, all readable.", entity)


def _check_tracking(entity: Entity, table: Table) -> Check:
    if table.change_tracking:
        return passed(CheckName.CHANGE_TRACKING, "On.", entity)
    if entity is Entity.TEAM_MEMBERSHIP:
        return passed(CheckName.CHANGE_TRACKING, "Needs none: this small table is read whole.", entity)
    if entity is Entity.OPPORTUNITY_ROLE:
        return passed(CheckName.CHANGE_TRACKING, "Off: a weak stream, enough for roles of the older kind.", entity)
    return warned(
        CheckName.CHANGE_TRACKING,
        "Off: a weak stream. Changes are found by their time, deletions only by reading the table again.",
        ChangeTrackingOff.advice,
        entity,
    )


def _check_read(
    dynamics: Dynamics,
    entity: Entity,
    table: Table,
    choices: Mapping[str, FieldChoice],
    unreadable: frozenset[str],
    lookup: Step | None,
    privileges: Mapping[str, Depth],
) -> Iterator[Check]:
    """Organisation-wide read: by the privilege, where it has the table's name, and by reading as the sync will."""
    named = _PRIVILEGES.get(entity, (f"prvread{entity.table}",))
    depth = max((privileges[name] for name in named if name in privileges), default=None)
    if depth is not None and depth < Depth.GLOBAL:
        reason = f"Read reaches {_REACH[depth]} only, not the whole organisation."
        yield failed(CheckName.READ, reason, MissingPrivilege.advice, entity)
        return
    if filter_problem(entity, table, unreadable):
        # That was told of already; the rest of the table is looked at all the same.
        columns = {name: column for name, column in table.columns.items() if name != FILTER_COLUMN}
        table = replace(table, columns=columns)
    fields = chosen_fields(entity, table, choices, unreadable)
    plan = TablePlan(entity, table, fields, organization_id="", unreadable=unreadable, lookup=lookup)
    query = PageQuery(table=table, columns=plan.columns, track_changes=table.change_tracking, page_size=1)
    dynamics.read_page(query, plan.decoder, page_size=1)
    yield passed(CheckName.READ, "Every record of the organisation.", entity)
