"""Create Task in Microsoft: one task about one record, whatever happens on the way (rules F3, R2, P7)."""

from typing import Any

import pytest

from tandem.actions.arguments import Action
from tandem.actions.create_task import NoSubject, TaskColumnRequired
from tandem.actions.requests import Acted, BadArguments, RequestState
from tandem.database.port import Dialect
from tandem.dynamics.client import Dynamics
from tandem.dynamics.errors import Throttled, Unavailable
from tandem.mapping.tokens import UnknownToken
from tandem.model.entities import Entity
from tandem.sandbox.automation.plug_ins import Refuse
from tandem.sandbox.door.automation import Unplug
from tandem.sandbox.door.definitions import ChangeColumn
from tandem.testing.world import World

on_sqlite = pytest.mark.parametrize("world", [Dialect.SQLITE.value], indirect=True)
"""For what takes long: what a kill leaves in either database is for tests/crash to show."""

DONE, REFUSED, BEGUN = RequestState.DONE, RequestState.REFUSED, RequestState.BEGUN
CREATED = "Create Task in Microsoft"
AT = "2026-03-01T08:30:00Z"


class Tasks:
    """A contact of an account, its person, and who may be given something to do."""

    def __init__(self, world: World, marketer: Any) -> None:
        self.world = world
        self.marketer = marketer
        self.olivia = world.create("systemuser", firstname="Olivia", lastname="Owner")
        self.team = world.create("team", name="North", teamtype=0)
        account = world.create("account", name="Contoso & Söner")
        self.contact = world.create(
            "contact",
            firstname="Ann",
            lastname="Ek",
            preferredcontactmethodcode=2,
            parentcustomerid_account__bind=f"/accounts({account})",
            ownerid__bind=f"/systemusers({self.olivia})",
        )
        world.sync()
        self.person = world.person("contact", self.contact).id

    def create(
        self, subject: str = "Call", person: int | None = None, request: str | None = None, **more: Any
    ) -> Acted:
        """Ask for a task."""
        whose = self.person if person is None else person
        acted: Acted = self.marketer.ask(Action.CREATE_TASK, whose, request, subject=subject, **more)
        return acted

    def all(self) -> list[dict[str, Any]]:
        """The tasks in Dynamics."""
        ids = self.world.organisation.connection.execute("select activityid from task order by subject")
        return [self.world.row("task", str(each)) for (each,) in ids]

    def outcomes(self) -> list[str]:
        """The outcomes told in the person's log."""
        return [str(each["outcome"]) for each in self.marketer.told(self.person, CREATED)]


@pytest.fixture
def tasks(world: World, marketer: Any) -> Tasks:
    """A contact that belongs to Olivia, on a day in March."""
    made = Tasks(world, marketer)
    world.subscription.now = lambda: AT
    return made


# It is made ---------------------------------------------------------------------------------------------------------


def test_F3_a_task_is_made_about_the_record(tasks: Tasks) -> None:
    """Open, due in five days, for whoever owns the record; told once in the person's log."""
    acted = tasks.create("Call Ann", description="About the brochure")

    (task,) = tasks.all()
    assert (DONE, "task created", task["activityid"]) == (acted.state, acted.outcome, acted.details["task"])
    assert ("Call Ann", "About the brochure", 0) == (task["subject"], task["description"], task["statecode"])
    assert (tasks.contact, "contact") == (task["regardingobjectid"], task["regardingobjectid_type"])
    assert (tasks.olivia, "2026-03-06T08:30:00Z") == (task["ownerid"], task["scheduledend"])
    assert [{"outcome": "task created", "task": task["activityid"], "regarding": tasks.contact}] == tasks.marketer.told(
        tasks.person, CREATED
    )


def test_F3_tokens_are_filled_in_as_people_see_them(tasks: Tasks) -> None:
    """Labels for codes, the shared company's name, the campaign's, the day; what has no value is nothing."""
    text = (
        "{{lead.First Name}} ({{lead.Microsoft Preferred Method Of Contact}}{{lead.City}}) of "
        "{{company.Company Name}}: {{campaign.name}}, {{system.date}} {{system.time}}"
    )
    tasks.create("Call {{lead.Last Name}}", description=text, campaign="Spring {{lead.City}}")

    (task,) = tasks.all()
    assert "Call Ek" == task["subject"]
    assert "Ann (Email) of Contoso & Söner: Spring {{lead.City}}, 2026-03-01 08:30:00" == task["description"]


def test_F3_a_person_of_no_account_has_a_company_of_its_own(tasks: Tasks) -> None:
    """A lead's Company is its own field; a choice is shown by its label."""
    person = tasks.marketer.create(lastname="Lund", company="Lund AB", leadSource="Web")

    tasks.create("{{company.Company Name}}, {{lead.Person Source}}, {{lead.leadSource}}, {{lead.Id}}", person)

    assert [f"Lund AB, Web, Web, {person}"] == [each["subject"] for each in tasks.all()]


@pytest.mark.parametrize("made_as", [None, "contact"], ids=["nothing", "a contact"])
def test_F3_a_person_without_a_record_gets_one_first(tasks: Tasks, made_as: str | None) -> None:
    """As what it was asked for, else as a lead."""
    person = tasks.marketer.create(lastname="Lund")

    acted = tasks.create("Call", person, as_=made_as)

    (task,), (record,) = tasks.all(), tasks.marketer.records(made_as or "lead", "Lund")
    assert (DONE, made_as or "lead") == (acted.state, acted.record)
    assert record[f"{made_as or 'lead'}id"] == task["regardingobjectid"]


def test_F3_owner_priority_status_and_due_date_are_as_asked_for(tasks: Tasks) -> None:
    """By labels, codes, names and dates."""
    tasks.create("A", owner="North", priority="high", status="In Progress", due="2026-03-31")
    tasks.create("B", owner=tasks.olivia, priority="0", status="4", due="2026-03-31T09:00:00+02:00")
    tasks.create("C", due="+0")
    tasks.create("D", due="+30 days")

    found = {each["subject"]: each for each in tasks.all()}
    assert [(tasks.team, 2, 3), (tasks.olivia, 0, 4)] == [
        (found[name]["ownerid"], found[name]["prioritycode"], found[name]["statuscode"]) for name in "AB"
    ]
    assert ["2026-03-31T12:00:00Z", "2026-03-31T07:00:00Z", AT, "2026-03-31T08:30:00Z"] == [
        found[name]["scheduledend"] for name in "ABCD"
    ]


@pytest.mark.parametrize(("status", "pair"), [("Completed", (1, 5)), ("6", (2, 6))], ids=["completed", "canceled"])
def test_F3_a_closed_status_is_set_after_the_task_is_made(tasks: Tasks, status: str, pair: tuple[int, int]) -> None:
    """None can be made closed (reference 8.8)."""
    acted = tasks.create("Called", status=status)

    assert (DONE, [pair]) == (acted.state, [(each["statecode"], each["statuscode"]) for each in tasks.all()])


def test_F3_text_over_the_limit_is_cut_with_a_note(tasks: Tasks) -> None:
    """The outcome says which and by how much; a subject is one line, and an emoji counts twice and stays whole."""
    acted = tasks.create("two\n lines x" + "😀" * 150, description="y" * 2_500)

    (task,) = tasks.all()
    assert ("two lines x" + "😀" * 94, 2_000) == (task["subject"], len(task["description"]))
    cut = "the subject was cut from 311 to 200 characters; the description was cut from 2,500 to 2,000 characters"
    assert f"task created; {cut}" == acted.outcome


# It is refused ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "kind", "said"),
    [
        ({"subject": "{{lead.Shoe Size}}"}, UnknownToken, "no token"),
        ({"description": "{{lead.__class__}}"}, UnknownToken, "no token"),
        ({"priority": "urgent"}, BadArguments, "'urgent' is no Priority of a task"),
        ({"status": "Done"}, BadArguments, "'Done' is no Status Reason of a task"),
        ({"due": "tomorrow"}, BadArguments, "'tomorrow' is no due date"),
        ({"due": "+1000000"}, BadArguments, "is no due date"),
        ({"due": "2026-02-30"}, BadArguments, "is no due date"),
        ({"due": "1752-12-31"}, BadArguments, "is no due date"),
        ({"due": "9999-12-31"}, BadArguments, "is no due date"),
        ({"subject": " \n"}, BadArguments, "has no subject"),
        ({"subject": "{{lead.City}}"}, NoSubject, "would have no subject: person"),
        ({"description": "a\x00b"}, BadArguments, "control characters"),
        ({"owner": "x" * 401}, BadArguments, "owner is longer than 400"),
        ({"prioritycode": "1"}, BadArguments, "unknown field `prioritycode`"),
    ],
)
def test_F3_what_is_asked_wrongly_is_an_error_before_anything_is_stored(
    tasks: Tasks, arguments: dict[str, str], kind: type[Exception], said: str
) -> None:
    """Neither a record nor a task nor a request comes of it."""
    person = tasks.marketer.create(lastname="Lund")
    given = {"subject": "Call", **arguments}

    with pytest.raises(kind, match=said):
        tasks.create(person=person, request="first", **given)

    assert [] == tasks.all() + tasks.marketer.records(Entity.LEAD, "Lund")
    assert tasks.world.subscription.state.actions.of("first") is None


def test_F3_an_error_lists_what_would_be_right(tasks: Tasks) -> None:
    """The options with their codes."""
    with pytest.raises(BadArguments) as caught:
        tasks.create(priority="urgent")

    assert "Give one of: Low (0), Normal (1), High (2)." == caught.value.remedy


def test_F3_a_column_that_tasks_must_have_is_named(tasks: Tasks) -> None:
    """The action cannot fill it, and the service itself would not demand it (reference 2.3)."""
    tasks.world.organisation.add_column("task", "new_reason", "text", label="Reason")
    tasks.world.do(ChangeColumn(table="task", column="new_reason", required="ApplicationRequired"))

    with pytest.raises(TaskColumnRequired, match="Tasks of this organisation need Reason"):
        tasks.create()


def test_F3_a_parked_person_is_refused(tasks: Tasks) -> None:
    """Its record says No (D8)."""
    tasks.world.filter_column("contact")
    tasks.world.sync()
    tasks.world.edit("contact", tasks.contact, new_synctomkto=False)
    tasks.world.cycle()

    acted = tasks.create()

    assert REFUSED is acted.state
    assert acted.outcome.startswith("The sync filter says No")
    assert (["failed"], []) == (tasks.outcomes(), tasks.all())


@pytest.mark.parametrize("reason", ["a plug-in", "an owner that is gone", "an unknown owner"])
def test_F3_what_dynamics_refuses_is_refused(tasks: Tasks, reason: str) -> None:
    """With the reason; what Dynamics refused is an error of the record until a later task is made (P7)."""
    owner = None if reason == "a plug-in" else "Nobody" if reason == "an unknown owner" else "North"
    if reason == "a plug-in":
        tasks.world.plug_in(Refuse(table="task", message="Not on Fridays."))
    elif reason == "an owner that is gone":
        tasks.world.delete("team", tasks.team)
    acted = tasks.create(owner=owner)

    errors = tasks.world.subscription.state.journal.errors()
    assert (REFUSED, ["failed"], []) == (acted.state, tasks.outcomes(), tasks.all())
    assert ([] if reason == "an unknown owner" else ["create-task"]) == [each["operation"] for each in errors]
    tasks.world.do(Unplug())
    assert DONE is tasks.create().state
    assert {"open"} & {each["state"] for each in tasks.world.subscription.state.journal.errors()} == set()


def test_F3_whose_owner_has_left_gets_a_task_for_somebody_else_only(tasks: Tasks) -> None:
    """What to do is said before Dynamics is asked; the error of a record would say less."""
    tasks.world.edit("systemuser", tasks.olivia, isdisabled=True)
    tasks.world.cycle()

    acted = tasks.create()

    assert (REFUSED, []) == (acted.state, tasks.all())
    assert "the user is disabled. Name another owner (--owner)" in acted.outcome
    assert DONE is tasks.create(owner="North").state


def test_F3_a_record_that_was_deleted_is_made_anew_by_the_next_cycle(tasks: Tasks) -> None:
    """Its deletion is taken over first, then the task goes to the new record (P10)."""
    tasks.world.delete("contact", tasks.contact)

    first = tasks.create(request="first", as_="contact")
    tasks.world.sync()
    again = tasks.create(request="first", as_="contact")

    (task,), (record,) = tasks.all(), tasks.marketer.records(Entity.CONTACT, "Ek")
    assert (BEGUN, DONE) == (first.state, again.state)
    assert record["contactid"] == task["regardingobjectid"] != tasks.contact


# The same request, and no answer ------------------------------------------------------------------------------------


def test_F3_the_same_request_makes_one_task(tasks: Tasks) -> None:
    """Its outcome is told again, with the same task."""
    first = tasks.create(request="first")

    assert first == tasks.create(request="first")
    assert 1 == len(tasks.all())


@pytest.mark.parametrize("fault", ["reset-before", "reset-after", "truncate", "unexpected", "unexpected-after"])
@pytest.mark.parametrize(
    ("status", "answered"), [(None, 0), ("Completed", 0), ("Completed", 1)], ids=["open", "completed", "its status"]
)
def test_R2_a_task_without_an_answer_is_made_once(tasks: Tasks, fault: str, status: str | None, answered: int) -> None:
    """Whether the task or its status arrived or not."""
    tasks.world.fault(fault, method="PATCH", after=answered)

    acted = tasks.create(status=status)

    assert (DONE, "task created") == (acted.state, acted.outcome)
    assert [1 if status else 0] == [each["statecode"] for each in tasks.all()]
    assert ["task created"] == tasks.outcomes()


def test_R2_a_task_that_never_arrives_is_made_by_the_next_cycle(tasks: Tasks) -> None:
    """The answer says so; the due date is counted from when it was asked for."""
    tasks.world.fault("reset-before", method="PATCH", times=3)

    acted = tasks.create(request="first")
    tasks.world.subscription.now = lambda: "2026-03-02T08:30:00Z"
    tasks.world.sync()

    (task,) = tasks.all()
    assert (BEGUN, "Dynamics did not answer.") == (acted.state, acted.outcome)
    assert "2026-03-06T08:30:00Z" == task["scheduledend"]
    assert (DONE, task["activityid"]) == (
        tasks.create(request="first").state,
        tasks.create(request="first").details["task"],
    )


@pytest.mark.parametrize("problem", [Throttled("Wait.", retry_after=1.0), Unavailable("Away.")], ids=["429", "500"])
def test_F3_what_passes_by_itself_is_gone_on_with(
    tasks: Tasks, monkeypatch: pytest.MonkeyPatch, problem: Exception
) -> None:
    """By the next cycle, with the same task."""

    def refused(*_: Any) -> Any:
        raise problem

    with monkeypatch.context() as patch:
        patch.setattr(Dynamics, "write_task", refused)
        acted = tasks.create(request="first")
    tasks.world.sync()

    assert BEGUN is acted.state
    assert [acted.details["task"]] == [each["activityid"] for each in tasks.all()]


def test_F3_a_task_that_was_deleted_before_it_was_closed_says_so(tasks: Tasks, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not made again."""
    fetch = Dynamics.fetch

    def late(dynamics: Dynamics, table: Any, *query: Any) -> Any:
        for task in tasks.all() if table.name == "task" else ():
            tasks.world.delete("task", task["activityid"])
        return fetch(dynamics, table, *query)

    monkeypatch.setattr(Dynamics, "fetch", late)
    acted = tasks.create(status="Completed")

    assert (REFUSED, []) == (acted.state, tasks.all())
    assert "was deleted before it was closed" in acted.outcome


@pytest.mark.parametrize("became", ["deleted", "merged"])
def test_F3_a_person_that_is_gone_meanwhile_gets_no_task(
    tasks: Tasks, monkeypatch: pytest.MonkeyPatch, became: str
) -> None:
    """The request that was cut off ends with the reason, which stands in the log of whoever goes on."""
    other = tasks.marketer.create(lastname="Lund")
    with monkeypatch.context() as patch:
        patch.setattr(Dynamics, "write_task", lambda *_: (_ for _ in ()).throw(Unavailable("Away.")))
        tasks.create(request="first")
    if became == "deleted":
        tasks.marketer.ask(Action.DELETE_PERSON, tasks.person)
    else:
        tasks.marketer.ask(Action.MERGE_PEOPLE, tasks.person, winner=other)
    tasks.world.sync()

    stored = tasks.world.subscription.state.actions.of("first")
    assert ("refused", []) == (stored and stored.state, tasks.all())
    assert "here is no person" in str(stored) if became == "deleted" else f"merged into person {other}" in str(stored)
    told = ["failed"] if became == "merged" else []
    assert told == [each["outcome"] for each in tasks.marketer.told(other, CREATED)]


@on_sqlite
@pytest.mark.parametrize("next_is", ["a cycle", "the same request"])
def test_R2_killed_at_any_point_a_record_and_its_task_are_made_once(tasks: Tasks, killed_at: Any, next_is: str) -> None:
    """Whoever comes next: the task is closed, about the one record, and the log tells of it once."""
    world, marketer, asked = tasks.world, tasks.marketer, list[int]()
    wanted = {"subject": "Called {{lead.Id}}", "status": "Completed"}
    finished = list[str]()
    while not finished:
        person = marketer.create(lastname="Lund")
        asked.append(person)
        with killed_at(len(asked)) as finished:
            tasks.create(person=person, request=f"request {person}", **wanted)
        if next_is == "a cycle":
            world.sync()
        acted = tasks.create(person=person, request=f"request {person}", **wanted)
        assert (DONE, "task created") == (acted.state, acted.outcome), len(asked)

    made, records, state = tasks.all(), marketer.records(Entity.LEAD, "Lund"), world.subscription.state
    assert len(asked) > 15
    assert [f"Called {each}" for each in sorted(asked, key=str)] == [each["subject"] for each in made]
    assert {1} == {each["statecode"] for each in made}
    assert sorted(each["leadid"] for each in records) == sorted(each["regardingobjectid"] for each in made)
    told = [[each["outcome"] for each in marketer.told(person, CREATED)] for person in asked]
    assert told == [["task created"]] * len(asked)
    assert ([], []) == (state.intents.begun(), state.actions.begun(limit=1))
