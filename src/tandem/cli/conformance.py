"""`tandem conformance`: does an organisation do what the reference says, and what does it do where that is unsure?

Nobody runs a stranger's suite in an organisation without knowing what it may touch. So it only reads unless it is
told otherwise, writes nothing but rows and a table of its own, and takes them away again, also when it is stopped.
"""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tandem.cli import output
from tandem.cli.invocation import ExitCode, ended_by_sigterm
from tandem.cli.secrets import take_secret
from tandem.cli.sign_in import Authority, CaBundle, ClientId, ClientSecret, Password, Tenant
from tandem.model.errors import NeedsPerson

if TYPE_CHECKING:
    from tandem.testing.facts import Client, Fact, Need, Outcome, SignIn, Verdict


class NothingToLookAt(NeedsPerson):
    """No organisation answers there, or it does not let the caller in."""

    code = "conformance-no-organisation"
    advice = (
        "Check the address, the tenant and the credentials; `tandem connect` tries the same ones. After a 429 or a 5xx,"
        " try again later."
    )


def conformance(
    url: Annotated[
        str, typer.Option(metavar="URL", help="The environment's address, such as https://contoso.crm.dynamics.com.")
    ],
    client_id: ClientId,
    client_secret: ClientSecret = None,
    tenant: Tenant = None,
    username: Annotated[
        str | None, typer.Option(metavar="NAME", help="Look at signing in by password too, as this user.")
    ] = None,
    password: Password = None,
    authority: Authority = None,
    ca_bundle: CaBundle = None,
    allow_writes: Annotated[
        bool, typer.Option("--allow-writes", help="Make, change and delete rows of its own in the sales tables.")
    ] = False,
    allow_schema: Annotated[
        bool, typer.Option("--allow-schema", help="Make a table of its own, write into it, and delete it.")
    ] = False,
    control_url: Annotated[
        str | None, typer.Option(metavar="URL", help="A sandbox's control door, for what only a second hand can show.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(metavar="SECTION", help="Only this section, such as 3 or 5.11; can be repeated.")
    ] = None,
    json: output.Json = False,
) -> None:
    """Look at every fact of the reference in an organisation, and say what it settles. Only reads unless allowed more.

    Exits 1 when a confirmed fact is contradicted. What it makes it takes away again.
    """
    from tandem.dynamics.address import organisation_root
    from tandem.dynamics.credentials import Credentials
    from tandem.testing.facts import SignIn, Stage, look_at

    facts = _facts(only or [])
    sign_in = SignIn(
        token_url=Credentials(client_id=client_id, tenant=tenant, authority=authority).token_url,
        client_id=client_id,
        client_secret=take_secret("--client-secret", client_secret, needed=True) or "",
        username=username,
        password=take_secret("--password", password, needed=True) if username else None,
    )
    allowed = _allowed(allow_writes, allow_schema, control_url)
    client = _reached(organisation_root(url), sign_in, ca_bundle)
    with (
        ended_by_sigterm(ExitCode.INTERRUPTED),
        closing(client),
        Stage(client, allowed=allowed, control_url=control_url) as stage,
    ):
        outcomes = look_at(facts, stage, _section_by_section())
        organisation, version = stage.organization, stage.version
    whose = {"url": client.root, "organization_id": organisation, "version": version}
    if json:
        output.json({**whose, **_told(outcomes), "left_behind": stage.left})
    else:
        output.line("{url}: organisation {organization_id}, version {version}".format(**whose))
        _tell(outcomes, stage.left)
    if any(outcome.contradicts for outcome in outcomes):
        raise typer.Exit(ExitCode.FAILED)


def _facts(sections: list[str]) -> "list[Fact]":
    """The facts of these sections, all without any."""
    from tandem.testing.facts import FACTS

    facts = [fact for fact in FACTS if not sections or any(_within(fact, section) for section in sections)]
    if not facts:
        raise typer.BadParameter("no fact is stated for it.", param_hint="--only")
    return facts


def _allowed(writes: bool, schema: bool, control_url: str | None) -> "frozenset[Need]":
    """What may be done to the organisation."""
    from tandem.testing.facts import Need

    return frozenset(
        {
            Need.READING,
            *([Need.ROWS, Need.SALES] if writes else ()),
            *([Need.ROWS, Need.SCHEMA] if schema else ()),
            *([Need.DOOR] if control_url else ()),
        }
    )


def _within(fact: "Fact", section: str) -> bool:
    return fact.section == section or fact.section.startswith(f"{section}.")


def _reached(root: str, sign_in: "SignIn", ca_bundle: Path | None) -> "Client":
    """A client of an organisation that lets the caller in. Raises NothingToLookAt."""
    import httpx2

    from tandem.testing.facts import Client, Differs

    try:
        client = Client(root, sign_in, ca_bundle=ca_bundle)
    except OSError as problem:
        raise NothingToLookAt(f"The CA bundle {ca_bundle} cannot be used: {problem}.") from problem
    try:
        client.send("GET", "WhoAmI").expect(200)
    except httpx2.TransportError as problem:
        client.close()
        where = "the sign-in service" if not client.seen else root
        raise NothingToLookAt(f"{root} cannot be looked at: no answer from {where}: {problem}.", url=root) from problem
    except Differs as problem:
        told = client.seen[-1].shown()
        client.close()
        raise NothingToLookAt(f"{root} cannot be looked at: {problem}.\n{told}", url=root) from problem
    return client


def _section_by_section() -> Callable[["Outcome"], None]:
    """Says each section when its first fact has been looked at."""
    from tandem.testing.facts import SECTIONS

    told = set[str]()

    def report(outcome: "Outcome") -> None:
        section = outcome.fact.section
        if section not in told:
            told.add(section)
            output.note(f"{section} {SECTIONS[section]}")

    return report


def _told(outcomes: "list[Outcome]") -> dict[str, object]:
    from tandem.testing.facts.report import facts_told

    return {"facts": facts_told(outcomes), "counts": _counts(outcomes)}


def _counts(outcomes: "list[Outcome]") -> "dict[Verdict, int]":
    from tandem.testing.facts import Verdict

    return {verdict: sum(outcome.verdict is verdict for outcome in outcomes) for verdict in Verdict}


def _tell(outcomes: "list[Outcome]", left: list[str]) -> None:
    from tandem.testing.facts import Verdict
    from tandem.testing.facts.report import customised, not_seen, settled

    for outcome in outcomes:
        if outcome.contradicts:
            output.line("\n\n".join([f"CONTRADICTED: {outcome.fact.name}\n{outcome.told}", *outcome.wire, ""]))
    for title, heads, rows in (
        ("What this organisation settles", ("section", "mark", "fact", "found"), settled(outcomes)),
        ("What is otherwise than it ships", ("section", "fact", "found"), customised(outcomes)),
        ("What was not seen", ("because", "facts"), not_seen(outcomes)),
    ):
        if rows:
            output.table(heads, rows, title=title)
    if left:
        output.line("Could not be taken away again:\n" + "\n".join(left))
    counts = _counts(outcomes)
    contradicted = sum(outcome.contradicts for outcome in outcomes)
    output.line(
        f"{counts[Verdict.HOLDS]} facts hold, {counts[Verdict.DIFFERS]} differ ({contradicted} of them contradict the"
        f" reference), {counts[Verdict.NOT_SEEN]} were not seen."
    )
