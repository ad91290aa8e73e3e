"""How Tandem's work can fail: what helps, a stable code, and an advice for every leaf."""

import importlib
import pkgutil

import pytest

import tandem
from tandem.model.errors import HaltStream, NeedsPerson, NeedsRecord, OurBug, RetryLater, TandemError

BASES = (RetryLater, NeedsRecord, NeedsPerson, HaltStream, OurBug)
for module in pkgutil.walk_packages(tandem.__path__, "tandem."):
    importlib.import_module(module.name)


def below(kind: type[TandemError]) -> list[type[TandemError]]:
    """Every class below `kind`, in the whole package."""
    return [each for direct in kind.__subclasses__() for each in (direct, *below(direct))]


# By name: a class rebuilt by a decorator (slots) leaves its first self behind until it is collected.
LEAVES = {
    f"{each.__module__}.{each.__qualname__}": each
    for each in below(TandemError)
    if each not in BASES and not each.__subclasses__() and each.__module__.startswith("tandem.")
}


@pytest.mark.parametrize("leaf", LEAVES.values(), ids=LEAVES)
def test_every_error_says_what_helps_and_what_to_do(leaf):
    """One base each, a code of its own in lower case, and an advice that is a sentence."""
    inherited = {each.code for each in leaf.__mro__[1:] if issubclass(each, TandemError)}

    assert sum(issubclass(leaf, base) for base in BASES) == 1
    assert leaf.code == leaf.code.lower()
    assert leaf.code not in inherited
    assert leaf.advice.endswith(".")
    assert leaf.__doc__


def test_no_two_errors_share_a_code():
    """The errors page and the JSON tell them apart by it."""
    codes = [each.code for each in LEAVES.values()]

    assert sorted(codes) == sorted(set(codes))


def test_an_error_carries_its_message_and_its_context():
    """The ids are there for machines, the sentence for people."""
    problem = NeedsPerson("There is no field 'x'.", field="x", entity="lead")

    assert str(problem) == problem.message == "There is no field 'x'."
    assert problem.context == {"field": "x", "entity": "lead"}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(None, OurBug.advice, id="the advice of its kind"),
        pytest.param("Ask Ada.", "Ask Ada.", id="the advice of this very case"),
        pytest.param("", "", id="none, where none is wanted"),
    ],
)
def test_the_remedy_is_the_nearest_advice(given, expected):
    """A case may know better than its kind."""
    assert OurBug("Broken.", advice=given).remedy == expected


def test_a_retry_may_know_how_long_to_wait():
    """In seconds, or None; the rest is as with any error."""
    problem = RetryLater("Busy.", retry_after=2.5, advice="Wait.", entity="lead")

    assert (problem.retry_after, RetryLater("Busy.").retry_after) == (2.5, None)
    assert (problem.remedy, problem.context) == ("Wait.", {"entity": "lead"})
