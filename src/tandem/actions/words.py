"""What the tokens of a text stand for, for one person (rule F3).

A code or an id in a salesperson's task says nothing. Values are shown as on every page, by the labels of the person's
own table; a name that no field has is known for unknown even where the person has no company.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from tandem.mapping.fields import Field
from tandem.mapping.projection import decode_fields
from tandem.mapping.tokens import Words
from tandem.mapping.values import shown
from tandem.marketing.records import Person
from tandem.model.entities import Entity
from tandem.sync.context import Context
from tandem.sync.defined import defined_fields

_PEOPLE = (Entity.LEAD, Entity.CONTACT)


def words_of(context: Context, person: Person, *, campaign: str, at: str) -> Words:
    """What can be put into a text about this person; `at` is the moment it speaks of, in UTC."""
    known = defined_fields(context.marketing, context.state)
    order = sorted(_PEOPLE, key=lambda each: each.value != person.type)
    values = decode_fields(person.fields)
    of_people = [field for each in order for field in known.get(each, ())]
    return {
        "lead": {"Id": str(person.id), **_named(of_people, values)},
        "company": _named(known.get(Entity.ACCOUNT, ()), _company(context, person, values)),
        "campaign": {"name": campaign},
        "system": {"date": at[:10], "time": at[11:19], "dateTime": f"{at[:10]} {at[11:19]}"},
    }


def _company(context: Context, person: Person, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """The values of the person's company; a private one's are the person's own."""
    key = person.external_company_id
    if key is None:
        return values
    company = context.marketing.companies.get([key]).get(key)
    return {} if company is None or company.is_excluded else decode_fields(company.fields)


def _named(fields: Iterable[Field], values: Mapping[str, Any]) -> dict[str, str]:
    """The values as people see them, by label and by API name; of two fields with one name the first."""
    found: dict[str, str] = {}
    for field in fields:
        text = shown(field, values.get(field.api_name))
        for name in (field.label, field.api_name):
            found.setdefault(name, text)
    return found
