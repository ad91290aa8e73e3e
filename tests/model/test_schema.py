"""What is known of tables and columns."""

import pytest

from tandem.model.schema import Column, ColumnType


@pytest.mark.parametrize(
    ("kind", "targets", "expected"),
    [
        pytest.param(ColumnType.LOOKUP, ("account", "contact"), True, id="a customer is an account or a contact"),
        pytest.param(ColumnType.LOOKUP, ("contact",), False, id="a lookup with one target says nothing new"),
        pytest.param(ColumnType.LOOKUP, (), False, id="a lookup whose targets are unknown"),
        pytest.param(ColumnType.TEXT, ("account", "contact"), False, id="only lookups point anywhere"),
    ],
)
def test_the_target_of_a_polymorphic_lookup_must_be_read(kind, targets, expected):
    """An id alone does not tell whether a contact's parent is an account."""
    assert Column(name="parentcustomerid", type=kind, targets=targets).polymorphic is expected
