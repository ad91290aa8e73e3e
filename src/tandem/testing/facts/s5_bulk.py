"""CreateMultiple, UpdateMultiple, UpsertMultiple (reference 5.10)."""

from typing import Any
from uuid import uuid4

from tandem.testing.facts.case import Mark, Need, fact, same, true
from tandem.testing.facts.client import Answer
from tandem.testing.facts.s3_rows import MISSING
from tandem.testing.facts.s5_keys import key, unique
from tandem.testing.facts.stage import Stage


def call(stage: Stage, name: str, *targets: dict[str, Any], mark: str = "") -> Answer:
    """The answer to one of the messages; `mark` goes before the name of the type of each target."""
    kind = f"{mark}Microsoft.Dynamics.CRM.{stage.subject.table}"
    content = {"Targets": [{"@odata.type": kind, **target} for target in targets]}
    return stage.post(f"{stage.subject.entity_set}/Microsoft.Dynamics.CRM.{name}", content)


def target(stage: Stage, row: str, **values: object) -> dict[str, Any]:
    """One target with its id, which is taken away afterwards."""
    stage.taken_away(stage.address(row))
    return {stage.subject.id: row, **stage.subject.values(name=stage.mark, **values)}


def texts(stage: Stage, *rows: str) -> list[Any]:
    """The texts of rows; None for an empty one, `gone` for a missing row."""
    found = (stage.get(f"{stage.address(row)}?$select={stage.subject.text}") for row in rows)
    return [each.json[stage.subject.text] if each.status == 200 else "gone" for each in found]


@fact("5.10", "CreateMultiple answers 200 with `Ids` in the order of the targets", need=Need.ROWS)
def created(stage: Stage) -> None:
    """Own ids are kept."""
    rows = [str(uuid4()), str(uuid4())]
    found = call(stage, "CreateMultiple", *(target(stage, row) for row in rows)).expect(200).json
    same("Ids", found["Ids"], rows)
    same("the context", found["@odata.context"].rpartition("#")[2], "Microsoft.Dynamics.CRM.CreateMultipleResponse")


@fact("5.10", "`@odata.type` is taken {0}", need=Need.ROWS, each=[("with `#`", "#"), ("without `#`", "")])
def kinds(stage: Stage, _told: str, mark: str) -> None:
    """Either spelling."""
    call(stage, "CreateMultiple", target(stage, str(uuid4())), mark=mark).expect(200)


@fact("5.10", "a target without `@odata.type` is refused", need=Need.ROWS)
def kindless(stage: Stage) -> None:
    """It is obligatory."""
    content = {"Targets": [target(stage, str(uuid4()))]}
    stage.post(f"{stage.subject.entity_set}/Microsoft.Dynamics.CRM.CreateMultiple", content).refused()


@fact("5.10", "UpdateMultiple answers 204 without a body", need=Need.ROWS)
def updated(stage: Stage) -> None:
    """Each target with its id."""
    rows = [stage.row(), stage.row()]
    targets = (target(stage, row, text=f"new {number}") for number, row in enumerate(rows))
    answer = call(stage, "UpdateMultiple", *targets).expect(204)
    same("the body", answer.body, b"")
    same("the texts", texts(stage, *rows), ["new 0", "new 1"])


@fact("5.10", "UpsertMultiple answers 204, and makes and changes rows", need=Need.ROWS)
def upserted(stage: Stage) -> None:
    """By id."""
    old, new = stage.row(), str(uuid4())
    call(stage, "UpsertMultiple", target(stage, old, text="old"), target(stage, new, text="new")).expect(204)
    same("the texts", texts(stage, old, new), ["old", "new"])


@fact("5.10", "UpsertMultiple takes a target by its alternate key in `@odata.id`", need=Need.SCHEMA)
def upserted_by_key(stage: Stage) -> None:
    """The key column is left out of the body."""
    value = unique()
    row = stage.row(text=value)
    by_key = {"@odata.id": key(stage, value), stage.subject.whole: 7}
    call(stage, "UpsertMultiple", by_key).expect(204)
    found = stage.get(f"{stage.address(row)}?$select={stage.subject.whole}").expect(200).json
    same("the number", found[stage.subject.whole], 7)


@fact(
    "5.10",
    "one bad target fails all of {0}",
    need=Need.ROWS,
    each=[
        ("CreateMultiple",),
        ("UpdateMultiple",),
        ("UpsertMultiple",),
    ],
)
def all_or_nothing(stage: Stage, name: str) -> None:
    """One transaction."""
    rows = [str(uuid4()), str(uuid4())] if name == "CreateMultiple" else [stage.row(), stage.row()]
    before = texts(stage, *rows)
    bad = target(stage, rows[1], text="x" * (stage.subject.length + 1))
    call(stage, name, target(stage, rows[0], text="new"), bad).refused("0x80044331")
    same("the texts", texts(stage, *rows), before)


@fact("5.10", "UpdateMultiple fails on a missing row, with all others", need=Need.ROWS)
def missing(stage: Stage) -> None:
    """UpsertMultiple would make it."""
    row = stage.row()
    call(stage, "UpdateMultiple", target(stage, row, text="new"), {stage.subject.id: MISSING}).refused("0x80040217")
    same("the text", texts(stage, row), [None])


@fact(
    "5.10",
    "whether one row may stand twice in {0}",
    mark=Mark.UNCONFIRMED,
    need=Need.ROWS,
    each=[
        ("UpdateMultiple",),
        ("UpsertMultiple",),
    ],
)
def twice(stage: Stage, name: str) -> str:
    """No duplicate targets, the documentation says, and not what comes of it."""
    row = stage.row()
    answer = call(stage, name, target(stage, row, text="one"), target(stage, row, text="two"))
    return f"refused with {answer.refused()}" if answer.status >= 400 else f"the text is {texts(stage, row)[0]}"


@fact(
    "5.10",
    "{0} takes {1}",
    each=[
        (table, name)
        for table in ("lead", "account", "contact")
        for name in ("CreateMultiple", "UpdateMultiple", "UpsertMultiple")
    ],
)
def probed(stage: Stage, table: str, name: str) -> None:
    """By `sdkmessagefilters`."""
    stage.definition(table, "?$select=LogicalName")
    condition = "sdkmessageid/name eq @message and primaryobjecttypecode eq @table"
    path = f"sdkmessagefilters?$select=sdkmessagefilterid&$filter={condition}&@message='{name}'&@table='{table}'"
    true(stage.get(path).rows, "no sdkmessagefilter")


@fact("5.10", "DeleteMultiple is not there for standard tables", need=Need.ROWS)
def delete_multiple(stage: Stage) -> None:
    """Elastic ones only."""
    row = stage.row()
    true(call(stage, "DeleteMultiple", {stage.subject.id: row}).status >= 400, "it is carried out")
    same("the row", texts(stage, row), [None])
