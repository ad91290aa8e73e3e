"""What rides in the links of change tracking, and what other acts leave in a delta (reference 4.2, 4.5, 4.6)."""

import re
from urllib.parse import unquote

from tandem.testing.facts.case import Mark, Need, fact, same, true
from tandem.testing.facts.s3_pages import walk
from tandem.testing.facts.s4_changes import TRACK, changes, position, tracked
from tandem.testing.facts.stage import Stage


def next_link(stage: Stage) -> str:
    """The nextLink of a tracked reading of more than one row."""
    for _ in range(2):
        stage.row()
    answer = stage.get(tracked(stage), prefer=f"{TRACK},odata.maxpagesize=1").expect(200)
    return str(answer.json["@odata.nextLink"])


@fact("4.2", "the nextLink of a tracked reading carries istracking", mark=Mark.INFERRED, need=Need.ROWS)
def is_tracking(stage: Stage) -> None:
    """`istracking="True"` in the cookie."""
    true('istracking="True"' in unquote(next_link(stage)), "it does not")


@fact("4.2", "its inner cookie tells the position, `maxTimestamp`", mark=Mark.OSS, need=Need.ROWS)
def max_timestamp(stage: Stage) -> None:
    """At which the deltaLink will be set."""
    true(re.search("maxTimestamp", unquote(unquote(unquote(next_link(stage))))), "it does not")


@fact("4.2", "the first reading lists no deletions", need=Need.ROWS)
def no_deletions(stage: Stage) -> None:
    """Only what is there."""
    row = stage.row()
    stage.delete(stage.address(row)).expect(204)
    link = position(stage)
    same("deletions", [each for each in changes(stage, link) if each.get("id") == row], [])


@fact("4.3", "a delta needs no `Prefer: odata.track-changes`, and takes it", need=Need.ROWS)
def harmless(stage: Stage) -> None:
    """Harmless."""
    link = position(stage)
    row = stage.row()
    rows = stage.get(link, prefer=TRACK).rows
    true(row in [each.get(stage.subject.id) for each in rows], "the row is missing")


@fact("4.4", "an unknown column is refused in a tracked reading with 400 0x80060888")
def unknown_column(stage: Stage) -> None:
    """As in any."""
    stage.get("systemusers?$select=nosuchcolumn", prefer=TRACK).expect(400, "0x80060888")


@fact("4.5", "a delete that cascades is in the delta of the child's own table", need=Need.SALES)
def cascaded(stage: Stage) -> None:
    """A physical delete."""
    account = stage.make("accounts", {"name": stage.mark})
    bound = {"customerid_account@odata.bind": f"/accounts({account})"}
    lead = stage.make("leads", {"lastname": stage.mark, **bound})
    link = _of_leads(stage)
    stage.delete(f"accounts({account})").expect(204)
    same("the deletion", [each["id"] for each in changes(stage, link) if each.get("id") == lead], [lead])


@fact("4.5", "a lookup emptied by a delete is a change of the row that had it", need=Need.SALES)
def emptied(stage: Stage) -> None:
    """RemoveLink."""
    account = stage.make("accounts", {"name": stage.mark})
    lead = stage.make("leads", {"lastname": stage.mark, "parentaccountid@odata.bind": f"/accounts({account})"})
    link = _of_leads(stage)
    stage.delete(f"accounts({account})").expect(204)
    found = [each["_parentaccountid_value"] for each in changes(stage, link) if each.get("leadid") == lead]
    same("the lookup", found, [None])


def _of_leads(stage: Stage) -> str:
    pages = walk(stage, "leads?$select=_parentaccountid_value", 5_000, TRACK)
    return str(pages[-1].json["@odata.deltaLink"])


@fact(
    "4.6",
    "what a token of a higher version than the organisation's answers",
    mark=Mark.UNCONFIRMED,
    need=Need.ROWS,
)
def from_the_future(stage: Stage) -> str:
    """As one kept from before a restore."""
    link = position(stage)
    token = re.sub(r"deltatoken=\d+", "deltatoken=999999999999", link)
    answer = stage.get(token)
    return f"refused with {answer.refused()}" if answer.status >= 400 else f"{len(answer.rows)} rows"
