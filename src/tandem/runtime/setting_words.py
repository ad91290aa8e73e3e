"""What a setting may be, in words, from its annotation: pages and refusals say the same of it.

A limit that is written down twice is wrong in one place after the next change.
"""

from typing import Any

from msgspec import Meta, inspect


def meta(hint: Any) -> Meta:
    """What is said of a setting beside its type."""
    (said,) = hint.__metadata__
    assert isinstance(said, Meta)
    return said


def allowed(hint: Any) -> str:
    """What the setting may be, such as "a whole number, 1 to 5000"."""
    kind = inspect.type_info(hint)
    described = _described(kind.type if isinstance(kind, inspect.Metadata) else kind)
    return str((meta(hint).extra or {}).get("allowed") or described)


def _described(kind: inspect.Type) -> str:
    match kind:
        case inspect.UnionType(types=types):
            return _described(next(each for each in types if not isinstance(each, inspect.NoneType)))
        case inspect.IntType(ge=low, le=high):
            return f"a whole number, {_range(low, high)}"
        case inspect.FloatType(ge=low, le=high):
            return f"a number, {_range(low, high)}"
        case inspect.BoolType():
            return "true or false"
        case inspect.EnumType(cls=members):
            return "one of " + ", ".join(member.value for member in members)
        case _:
            return "a path"


def _range(low: float | None, high: float | None) -> str:
    return f"{low:g} or more" if high is None else f"{low:g} to {high:g}"
