"""The crash matrix sees what it is there to see: processes die where they are told to, and a difference is found."""

from functools import partial

import pytest

from tandem.model.entities import Entity
from tandem.testing.asking import delete_person, make_record
from tandem.testing.crash_matrix import CrashMatrix
from tandem.testing.killing import Processes, Task
from tandem.testing.world import World


def test_a_process_tells_the_points_it_passed(world: World, processes: Processes) -> None:
    """Commits and writes, each before and after; a request that only reads is none."""
    lead = world.create("lead", lastname="Ek", subject="Visit")
    world.sync()
    work = partial(make_record, person=world.person("lead", lead).id, wanted=Entity.CONTACT)

    with world.closed():
        ended = processes.run(Task(settings=world.settings, work=work))

    assert (False, None) == (ended.killed, ended.failure)
    assert [name.replace("before", "after") for name in ended.points[::2]] == list(ended.points[1::2])
    assert {"a commit", "POST Microsoft.Dynamics.CRM.QualifyLead"} == {name.split(" ", 1)[1] for name in ended.points}


@pytest.mark.parametrize(("moment", "people"), [("before", 1), ("after", 0)])
def test_a_killed_process_leaves_what_was_committed(
    world: World, processes: Processes, moment: str, people: int
) -> None:
    """And nothing else; it cannot tell anything."""
    for _ in range(2):
        world.create("contact", lastname="Ek")
    world.sync()

    with world.closed():
        points = processes.run(Task(settings=world.settings, work=partial(delete_person, person=1))).points
        deadly = len(points) if moment == "after" else len(points) - 1
        ended = processes.run(Task(settings=world.settings, work=partial(delete_person, person=2), deadly=deadly))

    assert (True, ()) == (ended.killed, ended.points)
    assert people == len(world.export("person"))


@pytest.mark.parametrize(("moment", "contacts"), [("before", 1), ("after", 2)])
def test_a_process_killed_around_a_write_leaves_its_intent(
    world: World, processes: Processes, moment: str, contacts: int
) -> None:
    """After it, Dynamics has carried it out, and nobody read the answer."""
    for _ in range(2):
        world.create("lead", lastname="Ek", subject="Visit")
    world.sync()
    first, second = (partial(make_record, person=number, wanted=Entity.CONTACT, request=None) for number in (1, 2))

    with world.closed():
        points = processes.run(Task(settings=world.settings, work=first)).points
        deadly = next(number for number, name in enumerate(points, 1) if name.startswith(f"{moment} POST"))
        ended = processes.run(Task(settings=world.settings, work=second, deadly=deadly))

    assert ended.killed
    assert contacts == len(world.organisation.find("contact", "lastname", "Ek"))
    assert [2] == [each.person_id for each in world.subscription.state.intents.begun()]


def test_what_is_done_twice_is_found(world: World, processes: Processes) -> None:
    """Somebody who asks under a new id each time is answered twice where the first answer was lost."""
    world.sync()
    contact = world.create("contact", lastname="Ek")
    world.sync()
    careless = partial(make_record, person=world.person("contact", contact).id, wanted=Entity.CONTACT, request=None)

    with pytest.raises(AssertionError, match="Killed at point"):
        CrashMatrix(world, processes).prove(careless)


def test_what_fails_in_a_process_is_told(world: World, processes: Processes) -> None:
    """With the traceback."""
    world.sync()

    with pytest.raises(AssertionError, match="UnknownPerson"):
        CrashMatrix(world, processes).prove(partial(make_record, person=77, wanted=Entity.LEAD))
