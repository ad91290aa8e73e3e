"""The documents are true: what they name exists, what they show runs, and what exists is in them."""

import itertools
import pkgutil
import re
import runpy
import shlex
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tandem.actions.arguments import Action
from tandem.actions.registry import perform
from tandem.cli import main
from tandem.database.port import Database, Dialect
from tandem.database.statements import Statement
from tandem.model.entities import STANDARD
from tandem.report.checks import Verdict
from tandem.report.validation import validate
from tandem.runtime.acting import acting
from tandem.runtime.campaigns import enable_campaigns
from tandem.runtime.settings import table as settings_table
from tandem.sandbox.door.operations import Privilege
from tandem.sandbox.store.privileges import Right, privilege_name
from tandem.testing.world import World

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"))])
TEXT = {page.relative_to(ROOT).as_posix(): page.read_text(encoding="utf-8") for page in PAGES}
GENERATOR = runpy.run_path(str(DOCS / "generate.py"))
COMMANDS = GENERATOR["commands"]()
ERRORS = GENERATOR["error_classes"]()

GENERATED = re.compile(r"<!-- generated: ([a-z]+) -->")
LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
RUN = re.compile(r"<!-- run -->\n```sh\n(.*?)```\n(?:<!-- prints -->\n```text\n(.*?)```)?", re.DOTALL)
PROGRAM = re.compile(r"<!-- run -->\n```python\n(.*?)```\n(?:<!-- prints -->\n```text\n(.*?)```)?", re.DOTALL)
TEST = re.compile(r"<!-- test -->\n```python\n(.*?)```", re.DOTALL)
SHELL = re.compile(r"```sh\n(.*?)```", re.DOTALL)
SQL = re.compile(r"^([^\n]+):\n\n```sql\n(.*?)```", re.DOTALL | re.MULTILINE)
FENCED = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
WORD = re.compile(r"[^\W\d_]+")
SECRETS = {"TANDEM_CERTIFICATE_PASSWORD", "TANDEM_CLIENT_SECRET", "TANDEM_PASSWORD"}
TABLES = Statement(
    "tables",
    sqlite="select name from sqlite_schema where type = 'table' and name not like 'sqlite%'",
    postgresql="select tablename from pg_tables where schemaname = current_schema()",
)

everywhere = pytest.mark.parametrize("page", TEXT)


@pytest.mark.parametrize("page", [page for page, text in TEXT.items() if GENERATED.search(text)])
def test_the_generated_parts_are_what_the_code_says(page: str) -> None:
    """After a change to a command, an error or the control door: `.venv/bin/python docs/generate.py`."""
    assert GENERATOR["regenerated"](ROOT / page) == TEXT[page]


def test_everything_that_can_be_generated_stands_on_one_page() -> None:
    """A misspelt marker would leave a part to grow old unseen."""
    assert sorted(GENERATOR["REGIONS"]) == sorted(name for text in TEXT.values() for name in GENERATED.findall(text))


def test_every_command_is_told_with_the_function_behind_it() -> None:
    """What works from the command line works from Python, and the page leads to functions that are there."""
    rows = re.findall(r"(?m)^\| (`tandem .+?|every action) \| (.+) \|$", TEXT["docs/how-to/use-from-python.md"])
    told = {name for commands, _ in rows for name in re.findall(r"`(tandem [^`]+)`", commands)}

    assert told == {name for name in COMMANDS if not name.startswith("tandem action ")}
    for name in (name for _, functions in rows for name in re.findall(r"`(\w+\.[\w.]+)`", functions)):
        assert (pkgutil.resolve_name(f"tandem.{name}").__doc__ or "").strip(), name


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_documented_with_every_option(name: str) -> None:
    """Each has a section of its own."""
    (section,) = re.findall(rf"(?ms)^## {name}$(.*?)(?=^## |\Z)", TEXT["docs/commands.md"])
    options = options_of(name)

    assert options - set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", section)) == set()
    assert "--help" in section


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.code)
def test_every_error_is_documented_once_with_what_to_do(error: Any) -> None:
    """A code leads to one meaning and to one advice."""
    rows = re.findall(rf"(?m)^\| `{re.escape(error.code)}` \| (.+) \| (.+) \|$", TEXT["docs/errors.md"])

    assert [error.advice.replace("|", "\\|")] == [advice for _, advice in rows]
    assert "" != error.advice


@everywhere
def test_links_lead_somewhere(page: str) -> None:
    """To a file that exists, and to a heading in it."""
    here = ROOT / page
    broken = []
    for link in LINK.findall(without_code(TEXT[page])):
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = (here.parent / path).resolve() if path else here
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)

    assert [] == broken


@everywhere
def test_commands_that_are_shown_exist(page: str) -> None:
    """Every `tandem ...` line of a shell example and every quoted command, with its options."""
    assert [] == [shown for shown in shown_commands(TEXT[page]) if not is_known(shown)]


def test_the_shown_commands_are_found() -> None:
    """The search behind the test above does see the examples, continued words and quoted ones."""
    shown = list(shown_commands("```sh\nx=1 tandem sync --enabel\n```\n`tandem people find NAME` and `tandem undo`"))

    assert ["tandem sync --enabel", "tandem people find NAME", "tandem undo"] == shown
    assert [False, True, False] == [is_known(each) for each in shown]


@everywhere
def test_variables_and_make_targets_that_are_named_exist(page: str) -> None:
    """Nobody sets a variable that nothing reads."""
    variables = {row.environment for row in settings_table()} | SECRETS
    targets = set(re.findall(r"(?m)^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8")))

    assert set(re.findall(r"\bTANDEM_[A-Z_]+\b", TEXT[page])) - variables == set()
    assert set(re.findall(r"(?m)(?:^|`)make ([a-z]+)", TEXT[page])) - targets == set()


def test_examples_run_as_written_and_print_what_is_shown(run_examples: Callable[..., None]) -> None:
    """The README's examples and then the sandbox's, in one shell, as a reader types them."""
    run_examples(TEXT["README.md"], TEXT["docs/sandbox.md"])


def test_the_page_for_own_code_runs_as_written_with_microsofts_client(
    tmp_path: Path, shell: Callable[[str], str]
) -> None:
    """What it starts, then its Python as one program, and last its test."""
    page = TEXT["docs/own-code.md"]
    ((start, _),), blocks, (test,) = RUN.findall(page), PROGRAM.findall(page), TEST.findall(page)
    (tmp_path / "own.py").write_text('print("\\f")\n'.join(code for code, _ in blocks), encoding="utf-8")
    (tmp_path / "test_own.py").write_text(test, encoding="utf-8")

    shell(f'cd "{tmp_path}"\n{start}python own.py > printed\npython -m pytest -q test_own.py >&2')
    printed = (tmp_path / "printed").read_text(encoding="utf-8").split("\f\n")

    assert len(blocks) + 1 == page.count("```python")
    assert [shown for _, shown in blocks] == printed


def test_the_transcript_of_the_demo_is_what_the_demo_prints(capsys: pytest.CaptureFixture[str]) -> None:
    """Word for word; only numbers differ from run to run, and the width of the window breaks lines elsewhere."""
    (transcript,) = re.findall(r"```text\n(Everything happens.*?)```", TEXT["README.md"], re.DOTALL)

    code = main.run(["demo"])

    assert 0 == code
    assert Counter(WORD.findall(capsys.readouterr().out)) == Counter(WORD.findall(transcript))


def test_the_rights_that_are_asked_for_are_enough(tmp_path: Path) -> None:
    """Without every other right nothing fails, and everything is copied."""
    named = set(re.findall(r"(?m)`(prv\w+)`(?=.*\|$)", TEXT["docs/connect.md"]))
    with World(tmp_path, people=200) as world:
        known = {privilege_name(table, right) for table in world.organisation.tables.values() for right in Right}
        # The sandbox names the privilege after the table; the service's name is general knowledge.
        kept = {"prvReadSystemUser" if name == "prvReadUser" else name for name in named}
        for privilege in known - kept:
            world.do(Privilege(privilege=privilege))
        (first, *_) = world.connect().sync()
        failed = [check for check in validate(world.subscription) if check.verdict is Verdict.FAIL]

    assert set() == kept - known
    assert ([], {}) == (failed, first.problems)
    assert {entity for entity in STANDARD if not first.entities[entity].read} == set()


def test_F4_the_rights_for_campaigns_are_enough(tmp_path: Path) -> None:
    """Without every other right people are added to a campaign and removed, and its lists looked at again."""
    named = set(re.findall(r"(?m)`(prv\w+)`(?=.*\|$)", TEXT["docs/connect.md"]))
    with World(tmp_path) as world:
        known = {privilege_name(table, right) for table in world.organisation.tables.values() for right in Right}
        for privilege in known - named - {"prvReadSystemUser"}:
            world.do(Privilege(privilege=privilege))
        world.create("campaign", name="Spring")
        records = [world.create("lead", lastname="Ek", subject="Visit"), world.create("contact", lastname="Lund")]
        enable_campaigns(world.connect().subscription, True)
        world.sync()
        people = [world.person(table, each).id for table, each in zip(("lead", "contact"), records, strict=True)]
        with acting(world.subscription) as (engine, context):
            outcomes = [
                perform(engine, context, action, person, {"campaign": "Spring"}).outcome
                for person in people
                for action in (Action.ADD_TO_CAMPAIGN, Action.REMOVE_FROM_CAMPAIGN)
            ]
        enable_campaigns(world.subscription, True)
        report = world.cycle()

    assert ["added", "removed"] * 2 == outcomes
    assert {} == report.problems


# A process may be given some of this module's tests twice, with others in between.
_NUMBERS = itertools.count(1)


@pytest.fixture(scope="module", params=[each.value for each in Dialect])
def queried(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A marketing database in which every example finds something: copied, edited and merged since."""
    settings = {}
    if request.param == Dialect.POSTGRESQL:
        settings["database"] = request.getfixturevalue("postgresql_url")
    name = f"documented{next(_NUMBERS)}"
    with World(tmp_path_factory.mktemp("queried"), people=300, subscription=name, **settings) as world:
        world.connect().sync()
        people = world.export("person")
        contacts = [each["id"] for each in people if each["microsoftType"] == "contact" and each.get("leadStatus") == 0]
        first, second = (world.subscription.state.links.of_people([each])[each].crm_id for each in contacts[:2])
        world.edit("contact", first, jobtitle="Documented")
        world.merge("contact", first, second)
        order = world.make_table("new_Order", new_ContactId="contact")
        world.create(order, new_name="A", new_ContactId__bind=f"contacts({first})")
        world.enable_custom(order)
        world.sync()
        yield world.subscription.database


@pytest.mark.parametrize(
    "query", [pytest.param(query, id=told) for told, query in SQL.findall(TEXT["docs/database.md"])]
)
def test_queries_find_something(queried: Database, query: str) -> None:
    """Each example is valid on both databases and gives rows without a column that is always empty."""
    rows = queried.all(Statement("example", query, query))

    assert rows != []
    assert [] == [number for number, column in enumerate(zip(*rows, strict=True)) if set(column) == {None}]


def test_every_table_of_the_database_is_named(database: Database) -> None:
    """The marketing tables each with a row of the list, the sync's memory in one sentence."""
    text = TEXT["docs/database.md"]
    listed = re.findall(r"(?m)^\| `([a-z_]+)` \|", text[text.index("## The tables") : text.index("The other tables (")])
    memory = re.findall(r"`([a-z_]+)`", text[text.index("The other tables (") : text.index(") are the sync's memory")])

    assert sorted(name for (name,) in database.all(TABLES)) == sorted([*listed, *memory])


def options_of(name: str) -> set[str]:
    """Every spelling of every option of a command."""
    command, _ = COMMANDS[name]
    return {option for each in command.params if each.param_type_name == "option" for option in each.opts}


def shown_commands(text: str) -> Iterator[str]:
    """Every Tandem command a page shows, from `tandem` to the end of the line or of the quotation."""
    for block in SHELL.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            found = re.search(r"\btandem (?!=).*", line.split(" #")[0])
            if found:
                yield re.split(r" [|>&]", found[0])[0].strip()
    yield from re.findall(r"`(tandem [a-z-][^`]*)`", without_code(text, inline=False))


def is_known(shown: str) -> bool:
    """Whether the program has this command and these options; the options of every command come first."""
    words = shlex.split(shown)[1:]
    while words and words[0].startswith("-"):
        option = words.pop(0)
        if option in ("--help", "--version"):
            return True
        if option in ("--subscription", "-s"):
            words.pop(0)
        elif option != "--verbose":
            return False
    if words[:1] == ["COMMAND"]:
        return True
    name = next((name for name in COMMANDS if f"{' '.join(['tandem', *words])} ".startswith(f"{name} ")), None)
    if name is None:
        return any(each.startswith(f"{' '.join(['tandem', *words])} ") for each in COMMANDS)
    options = {word.split("=")[0] for word in words if re.match(r"--?[a-z]", word)}
    return options <= options_of(name) | {"--help"}


def anchors(page: Path) -> set[str]:
    """The headings of a page, as a link names them."""
    headings = re.findall(r"(?m)^#+ (.+)$", page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def without_code(text: str, *, inline: bool = True) -> str:
    """The text without fenced blocks and, unless told otherwise, with the word for what is quoted as code."""
    text = FENCED.sub("", text)
    return re.sub(r"`[^`\n]*`", "code", text) if inline else text
