"""`tandem people import`: who a row is, what is refused, and what a run that ended leaves (rules P2, P3, S4)."""

import json
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tandem.cli.invocation import ExitCode
from tandem.runtime import importing
from tandem.runtime.importing import Wishes, import_people
from tandem.testing.world import World


@contextmanager
def synced(folder: Path) -> Iterator[World]:
    """A synced organisation with a lead, and a contact of a company."""
    with World(folder) as made:
        made.create("lead", lastname="Ek", emailaddress1="ek@example.com")
        account = made.create("account", name="Contoso")
        bound = {"parentcustomerid_account__bind": f"accounts({account})"}
        made.create("contact", lastname="Berg", emailaddress1="berg@example.com", **bound)
        made.connect().sync()
        yield made


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An organisation of the test's own."""
    with synced(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """An organisation for tests that change nothing."""
    with synced(tmp_path_factory.mktemp("untouched")) as made:
        yield made


@pytest.fixture
def importing_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_terminal: Callable[[World], Any]
) -> Callable[[World], Callable[..., Any]]:
    """Imports a file with the given content into a world; what the command said."""

    def into(world: World) -> Callable[..., Any]:
        monkeypatch.setenv("TANDEM_HOME", str(world.settings.home))
        terminal, file = make_terminal(world), tmp_path / "people.csv"

        def run(content: str | bytes, *options: str) -> Any:
            file.write_bytes(content if isinstance(content, bytes) else content.encode())
            return terminal.run("people", "import", str(file), *options)

        return run

    return into


@pytest.fixture
def importer(world: World, importing_into: Callable[[World], Any]) -> Callable[..., Any]:
    """Imports into the test's own organisation."""
    return importing_into(world)


def people(world: World) -> dict[int, dict[str, Any]]:
    """Everybody's own fields, by id."""
    found = (each["id"] for each in world.export("person"))
    return {each.id: json.loads(each.fields) for each in world.subscription.marketing.people.get(found).values()}


def named(world: World, last: str) -> int:
    """The id of the one person of that name."""
    (found,) = (number for number, fields in people(world).items() if fields.get("lastName") == last)
    return found


def everything(world: World) -> Any:
    """What an import may change."""
    marketing = world.subscription.marketing
    return people(world), marketing.people.last_logged(), marketing.people.feed()


def test_P2_rows_with_an_id_edit_and_rows_without_create(world: World, importer) -> None:
    """Fields by either name, choices by their labels; a value that is there already changes nothing."""
    ek = named(world, "Ek")
    ended = importer(
        "ID,lastname,Phone,leadsourcecode,doNotCall\n"
        f"{ek},Ek,555-1,Web,yes\n"
        ",Holm,555-2,1,no\n"
        f"{named(world, 'Berg')},Berg,,,\n"
    )

    assert (0, "1 created, 1 updated, 1 unchanged, 0 refused.\n", "") == (ended.code, ended.out, ended.told)
    assert {"lastName": "Ek", "phone": "555-1", "leadSource": 8, "doNotCall": True}.items() <= people(world)[ek].items()
    assert {"lastName": "Holm", "phone": "555-2", "leadSource": 1, "doNotCall": False} == people(world)[
        named(world, "Holm")
    ]
    assert {("Change Data Value", "phone", None, "555-1")} < set(world.log(ek))
    assert [("New Person", None, None, None)] == world.log(named(world, "Holm"))


def test_S4_what_an_import_edits_goes_to_dynamics_and_who_it_makes_does_not(world: World, importer) -> None:
    (lead,) = world.organisation.find("lead", "lastname", "Ek")
    importer(f"id,lastName,phone\n{named(world, 'Ek')},Ek,555-1\n,Holm,555-2\n")
    world.cycle()

    assert "555-1" == world.row("lead", lead)["telephone1"]
    assert [] == world.organisation.find("lead", "lastname", "Holm")


def test_P1_rows_are_matched_by_email_and_several_people_are_never_guessed_at(world: World, importer) -> None:
    """Letter case does not matter; who is new to one row is known to the next; an empty address matches nobody."""
    importer("lastName,email\nTwin,twin@example.com\nTwin,twin@example.com\nNobody,\n")
    ended = importer(
        "lastName,emailaddress1,phone\n"
        "Ek,EK@Example.com,1\n"
        "Holm,holm@example.com,2\n"
        "Holm,Holm@example.com,3\n"
        "Twin,twin@example.com,4\n"
        "Somebody,,5\n",
        "--match",
        "email",
    )

    assert (ExitCode.RECORD_ERRORS, "2 created, 2 updated, 0 unchanged, 1 refused.\n") == (ended.code, ended.out)
    assert ended.told.startswith("Line 5: People ")
    assert "[several-people]" in ended.told
    assert ("1", "3") == tuple(people(world)[named(world, name)]["phone"] for name in ("Ek", "Holm"))
    assert "EK@Example.com" == people(world)[named(world, "Ek")]["email"]
    assert not any(fields.get("phone") == "4" for fields in people(world).values())


def test_a_row_sees_what_an_earlier_row_did_to_the_same_person(world: World, importer) -> None:
    """Named by its id in two spellings, and by its e-mail."""
    ek = named(world, "Ek")
    ended = importer(
        f"id,email,phone,title\n{ek},,1,First\n0{ek},,2,\n,ek@example.com,,Third\n{ek},,2,Third\n", "--match", "email"
    )

    assert "0 created, 3 updated, 1 unchanged, 0 refused.\n" == ended.out
    assert ("2", "Third") == (people(world)[ek]["phone"], people(world)[ek]["title"])
    assert [(None, "1"), ("1", "2")] == [entry[2:] for entry in world.log(ek) if entry[1] == "phone"]


@pytest.mark.parametrize("page", [1, 1_000], ids=["in pages of their own", "in one page"])
def test_P1_a_row_finds_the_address_that_an_earlier_row_gave(
    world: World, importer, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    """And not the one that it took."""
    monkeypatch.setattr(importing, "PAGE", page)
    content = f"id,email,phone\n{named(world, 'Ek')},new@example.com,1\n,new@example.com,2\n,ek@example.com,3\n"
    ended = importer(content, "--match", "email").out

    assert "1 created, 2 updated, 0 unchanged, 0 refused.\n" == ended
    assert "2" == people(world)[named(world, "Ek")]["phone"]


def test_P1_many_rows_of_one_person_are_one_person(world: World, importer) -> None:
    """Each sees what the one before did."""
    rows = "".join(f"same@example.com,{number}\n" for number in range(40))
    ended = importer(f"email,phone\n{rows}", "--match", "email")

    assert "1 created, 39 updated, 0 unchanged, 0 refused.\n" == ended.out
    assert ["39"] == [each["phone"] for each in people(world).values() if each.get("email") == "same@example.com"]


def test_a_dry_run_tells_what_would_be_and_stores_nothing(world: World, importer) -> None:
    """The same counts as the run itself, with rows that speak of one person in different pages."""
    before = everything(world)
    importing.PAGE, kept = 2, importing.PAGE
    try:
        content = "lastName,email\nEk,ek@example.com\nHolm,h@example.com\nBad,b@example.com,\nHolme,h@example.com\n"
        dry = importer(content, "--match", "email", "--dry-run", "--json").json
        after = everything(world)
        done = importer(content, "--match", "email", "--json").json
    finally:
        importing.PAGE = kept

    assert before == after
    assert (True, False) == (dry.pop("dry_run"), done.pop("dry_run"))
    assert dry == done
    assert (1, 1, 1, 1) == tuple(dry[name] for name in ("created", "updated", "unchanged", "refused"))


@pytest.mark.parametrize(
    ("row", "column", "code"),
    [
        pytest.param("{ek},Changed,perhaps", "doNotCall", "bad-value", id="a value of another type"),
        pytest.param("999999,Changed,yes", None, "unknown-person", id="an id of nobody"),
        pytest.param("{merged},Changed,yes", None, "unknown-person", id="an id that was merged away"),
        pytest.param("x7,Changed,yes", None, "row-unusable", id="an id that is no number"),
        pytest.param("99999999999999999999,Changed,yes", None, "row-unusable", id="an id beyond all numbers"),
        pytest.param("{ek},Changed", None, "row-unusable", id="a cell too few"),
        pytest.param("{ek},Changed,yes,more", None, "row-unusable", id="a cell too many"),
    ],
)
def test_P3_nothing_of_a_row_with_a_mistake_is_stored_and_the_others_are(
    world: World, importer, row, column, code
) -> None:
    """It is told by its line, counted where the row begins, and by its column."""
    importer("lastName\nWinner\nLoser\n")
    winner, merged = named(world, "Winner"), named(world, "Loser")
    with world.subscription.database.transaction():
        world.subscription.marketing.people.merge([(merged, winner)])
    before, row = people(world), row.format(ek=named(world, "Ek"), merged=merged)
    ended = importer(f'id,title,doNotCall\n\n,"Two\nlines",no\n{row}\n,Last,no\n', "--json")
    (problem,) = ended.json["problems"]
    after = people(world)

    assert ExitCode.RECORD_ERRORS == ended.code
    assert (2, 1) == (ended.json["created"], ended.json["refused"])
    assert (5, column, code) == (problem["line"], problem["column"], problem["code"])
    assert before == {number: after[number] for number in before}
    assert {"Two\nlines", "Last"} == {after[number]["title"] for number in set(after) - set(before)}


def test_A2_a_shared_companys_field_is_refused_only_where_it_is_shared(world: World, importer) -> None:
    """An empty cell of it is no edit of it."""
    berg, ek = named(world, "Berg"), named(world, "Ek")
    ended = importer(f"id,phone,company\n{berg},1,Fabrikam\n{berg},2,\n{ek},3,Fabrikam\n")
    whole = importer(f"id,company.website\n{berg},x\n,y\n")

    assert "0 created, 2 updated, 0 unchanged, 1 refused.\n" == ended.out
    assert "Line 2, company: " in ended.told
    assert ("2", "Fabrikam") == (people(world)[berg]["phone"], people(world)[ek]["company"])
    assert "1 created, 0 updated, 0 unchanged, 1 refused.\n" == whole.out
    assert "tandem people set ID company.FIELD=VALUE" in whole.told


def test_A2_a_value_that_the_shared_company_has_says_nothing(world: World, importer) -> None:
    """As in a list that names everybody's company; the rest of the row is stored, and the company is left alone."""
    berg = named(world, "Berg")
    ended = importer("email,phone,company\nBerg@Example.com,1,Contoso\n", "--match", "email")
    prefixed = importer(f"id,phone,company.company\n{berg},2,Contoso\n")

    assert ("0 created, 1 updated, 0 unchanged, 0 refused.\n", "") == (ended.out, ended.told)
    assert ("0 created, 1 updated, 0 unchanged, 0 refused.\n", "") == (prefixed.out, prefixed.told)
    assert "2" == people(world)[berg]["phone"]
    assert ["Contoso"] == [row["company"] for row in world.export("company")]


def test_every_mistake_of_a_row_is_told_and_many_are_cut(world: World, importer) -> None:
    two = importer("doNotCall,unsubscribed\nmaybe,never\n", "--json").json
    many = importer("doNotCall\n" + "maybe\n" * 1_500)
    listed = importer("doNotCall\n" + "maybe\n" * 1_500, "--json").json

    assert [(2, "doNotCall"), (2, "unsubscribed")] == [(each["line"], each["column"]) for each in two["problems"]]
    assert (1, 1_500, 1_000) == (two["refused"], listed["refused"], len(listed["problems"]))
    assert 20 == many.told.count("[bad-value]")
    assert "1,500 refused" in many.out


@pytest.mark.parametrize(
    ("content", "options", "code"),
    [
        pytest.param("", (), "file-unusable", id="an empty file"),
        pytest.param("\n\n", (), "file-unusable", id="blank lines"),
        pytest.param("phone,,title\n1,2,3\n", (), "file-unusable", id="a column without a name"),
        pytest.param("phone,Phone\n1,2\n", (), "file-unusable", id="a column named twice"),
        pytest.param('phone\n1\n"2"3\n', (), "file-unusable", id="quotes that do not fit"),
        pytest.param('phone\n1\n"2\n', (), "file-unusable", id="a quote that does not end"),
        pytest.param("phone\n1\n\0\n", (), "file-unusable", id="a NUL"),
        pytest.param(b"phone\n1\n\xe9\n", (), "file-unusable", id="text of another encoding"),
        pytest.param("phone\n1\n".encode("utf-16"), (), "file-unusable", id="two bytes a letter"),
        pytest.param("phone,nonsense\n1,2\n", (), "unknown-field", id="a field that is not there"),
        pytest.param("phone,createdAt\n1,2\n", (), "not-editable", id="a field that Tandem keeps"),
        pytest.param("phone,telephone1\n1,2\n", (), "not-editable", id="one field by both names"),
        pytest.param("phone\n1\n", ("--only", "title"), "unknown-field", id="a column that is not in the file"),
        pytest.param("phone\n1\n", ("--match", "email"), "unknown-field", id="matching without an address"),
    ],
)
def test_a_file_that_is_unusable_is_refused_before_its_first_row(
    untouched: World, importing_into, content, options, code
) -> None:
    """However late in it the reason comes."""
    before = everything(untouched)
    ended = importing_into(untouched)(content, *options)

    assert (ExitCode.FAILED, "") == (ended.code, ended.out)
    assert ended.told.endswith(f"[{code}]\n")
    assert before == everything(untouched)


@pytest.mark.parametrize("arguments", [("nowhere.csv",), (".",), ()], ids=["no file", "a folder", "nothing"])
def test_a_file_that_is_not_there_is_a_usage_error(untouched: World, make_terminal, arguments) -> None:
    assert ExitCode.USAGE == make_terminal(untouched).run("people", "import", *arguments).code


def test_an_import_before_the_first_sync_says_what_is_missing(own_terminal, tmp_path: Path) -> None:
    """Fields come with the first sync."""
    file = tmp_path / "people.csv"
    file.write_text("lastName\nEk\n")

    assert "tandem sync --enable" in own_terminal.connected().run("people", "import", str(file)).told


@pytest.mark.parametrize("delimiter", [",", ";", "\t"], ids=["comma", "semicolon", "tab"])
def test_files_of_spreadsheets_are_understood(world: World, importer, delimiter) -> None:
    """With the mark that Windows puts before UTF-8, and line ends of its own."""
    lines = [["lastName", "title"], ["Ö,l;m", "a"], ["Ek\tlund", "b"]]
    text = "".join(delimiter.join(f'"{cell}"' for cell in line) + "\r\n" for line in lines)

    assert "2 created, 0 updated, 0 unchanged, 0 refused.\n" == importer(text.encode("utf-8-sig")).out
    assert {"Ö,l;m", "Ek\tlund"} < {fields.get("lastName") for fields in people(world).values()}


def test_an_empty_cell_says_nothing_unless_it_is_to_clear(world: World, importer) -> None:
    ek = named(world, "Ek")
    importer(f"id,phone,title\n{ek},1,A\n")
    importer(f"id,phone,title\n{ek},, \n")
    kept = people(world)[ek]
    importer(f"id,phone,title\n{ek},,B\n", "--clear-empty")

    assert ("1", "A") == (kept["phone"], kept["title"])
    assert (None, "B") == (people(world)[ek].get("phone"), people(world)[ek]["title"])


def test_an_export_can_be_imported_by_the_columns_that_count(world: World, importer) -> None:
    """All others, which Tandem keeps, are ignored; nothing has changed."""
    ended = importer(
        "id,microsoftType,phone,updatedAt\n"
        + "".join(f"{each['id']},lead,{each.get('phone', '')},now\n" for each in world.export("person")),
        "--only",
        "phone",
    )

    assert "0 created, 0 updated, 2 unchanged, 0 refused.\n" == ended.out


class _Killed(BaseException):
    """Nothing runs after this."""


def test_S2_a_run_that_was_killed_goes_on_although_another_file_was_imported_since(
    world: World, importer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each file has a place of its own; else half of the first would be created twice."""
    monkeypatch.setattr(importing, "PAGE", 2)
    file = tmp_path / "list.csv"
    file.write_text("lastName\nA\nB\nC\n")

    def killed(_report: object) -> None:
        raise _Killed

    with pytest.raises(_Killed):
        import_people(world.subscription, file, told=killed)
    other = importer("lastName\nD\n", "--json").json
    rest = import_people(world.subscription, file)

    assert (None, 1) == (other["resumed_after"], other["created"])
    assert (3, 1) == (rest.resumed_after, rest.created)
    assert None is world.subscription.state.setting("imports")


@pytest.mark.parametrize("page", [1, 2, 3], ids=["the first page", "a page between", "the last page"])
def test_S2_a_run_that_was_killed_goes_on_behind_the_last_page_it_stored(
    world: World, importer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    """Nobody is made twice, though nothing tells the rows from new ones; once it is done the file is a new one."""
    monkeypatch.setattr(importing, "PAGE", 2)
    content, file = "lastName\n" + "".join(f"New {number}\n" for number in range(6)), tmp_path / "people.csv"
    file.write_text(content)
    pages = iter(range(1, 9))

    def killed(_report: object) -> None:
        if next(pages) == page:
            raise _Killed

    with pytest.raises(_Killed):
        import_people(world.subscription, file, told=killed)
    rest = importer(content, "--json").json
    new = [fields["lastName"] for fields in people(world).values() if fields["lastName"].startswith("New")]
    again = importer(content, "--json").json

    assert (1 + 2 * page, 6 - 2 * page) == (rest["resumed_after"], rest["created"])
    assert [f"New {number}" for number in range(6)] == sorted(new)
    assert (None, 6) == (again["resumed_after"], again["created"])


def test_S2_another_file_or_another_wish_begins_at_its_start(
    world: World, importer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "PAGE", 1)
    file = tmp_path / "people.csv"
    file.write_text("lastName,email\nA,a@example.com\nB,b@example.com\n")

    def killed(_report: object) -> None:
        raise _Killed

    with pytest.raises(_Killed):
        import_people(world.subscription, file, told=killed)
    matched = importer(file.read_text(), "--match", "email", "--json").json
    with pytest.raises(_Killed):
        import_people(world.subscription, file, told=killed)
    other = importer(file.read_text() + "C,c@example.com\n", "--json").json

    assert (None, 1, 1) == (matched["resumed_after"], matched["created"], matched["unchanged"])
    assert (None, 3) == (other["resumed_after"], other["created"])


def test_what_was_imported_in_part_is_told_to_a_person(
    world: World, importer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "PAGE", 1)
    (tmp_path / "people.csv").write_text("lastName\nA\nB\n")

    def killed(_report: object) -> None:
        raise _Killed

    with pytest.raises(_Killed):
        import_people(world.subscription, tmp_path / "people.csv", told=killed)

    assert "Went on behind line 2, where an earlier run of this file had ended.\n" in importer("lastName\nA\nB\n").out


def test_an_import_needs_no_more_memory_for_more_rows(
    untouched: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Six megabytes of rows pass through, and never half of them is held."""
    monkeypatch.setattr(importing, "PAGE", 100)
    file = tmp_path / "people.csv"
    file.write_text("mktoPersonNotes\n" + f"{'x' * 6_000}\n" * 1_000)
    tracemalloc.start()
    report = import_people(untouched.subscription, file, Wishes(dry_run=True))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert 1_000 == report.created
    assert file.stat().st_size > 6_000_000
    assert peak < 3_000_000


def test_P1_an_import_into_postgresql_does_the_same(tmp_path: Path, postgresql_url: str) -> None:
    """By id, by e-mail, and going on after a kill."""
    file = tmp_path / "people.csv"
    with World(tmp_path, database=postgresql_url, subscription="imported") as world:
        world.create("lead", lastname="Ek", emailaddress1="ek@example.com")
        world.connect().sync()
        ek = named(world, "Ek")
        file.write_text(f"id,lastName,email,phone\n{ek},Ek,,1\n,Holm,h@example.com,2\n,Ek,EK@example.com,3\n,Lind,,x\n")

        def killed(_report: object) -> None:
            raise _Killed

        with pytest.raises(_Killed):
            import_people(world.subscription, file, Wishes(match_email=True), told=killed)
        rest = import_people(world.subscription, file, Wishes(match_email=True))
        again = import_people(world.subscription, file, Wishes(match_email=True))
        found = people(world)

    assert (5, 0) == (rest.resumed_after, rest.created + rest.updated + rest.unchanged)
    assert (1, 2, 1, 0) == (again.created, again.updated, again.unchanged, again.refused)
    assert "3" == found[ek]["phone"]
    assert ["Ek", "Holm", "Lind", "Lind"] == sorted(fields["lastName"] for fields in found.values())
