"""The rows of accounts, leads and contacts.

A lead and the contact it became must be recognisably the same human, or the rules that join them are tested on
strangers. So a row is written in two steps: a Human, whom several rows can share, then what this row says of them.
"""

import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from tandem.sandbox.data import names
from tandem.sandbox.data.draw import Draw, stamp
from tandem.sandbox.data.shape import Fate, Shape
from tandem.sandbox.data.staff import Row, currency, owner

_CULTURES = tuple(culture for culture in names.CULTURES for _ in range(culture.weight))

# Lead and contact are alike in these; (column, share of rows that say yes).
_REFUSALS = (
    ("donotphone", 0.08),
    ("donotbulkemail", 0.15),
    ("donotemail", 0.05),
    ("donotfax", 0.1),
    ("donotsendmm", 0.1),
)
_STATUS_OF_DISQUALIFIED = (4, 5, 6, 7)
# What Merge leaves a lead with is unconfirmed (reference 8.13): disqualified, as cancelled.
_STATES_OF_LEADS = {Fate.OPEN: (0, 1), Fate.QUALIFIED: (1, 3), Fate.DISQUALIFIED: (2, 4), Fate.MERGED: (2, 7)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """A company's name and mail domain."""

    name: str
    domain: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Human:
    """What all rows about one human agree on.

    `met` is when the first of them was made, `turned` when the second was (both in seconds of generate_draw).
    """

    culture: names.Culture
    salutation: str | None
    first: str | None
    middle: str | None
    last: str
    email: str | None
    address: Row
    met: int
    turned: int


def account(shape: Shape, draw: Draw, number: int) -> Row:
    """Row `number` of accounts."""
    company = company_of(draw, number)
    master = shape.account_master(number)
    draw.start("account", number)
    culture = draw.one(_CULTURES)
    created = draw.moment()
    currency_id, decimals = currency(draw, foreign=0.25)
    revenue = draw.money(10_000, 900_000_000, decimals) if draw.chance(0.7) else None
    return {
        "accountid": draw.guid("account", number),
        "name": company.name,
        **_address(draw, culture),
        "telephone1": _phone(draw, culture) if draw.chance(0.8) else None,
        "businesstypecode": draw.some(0.5, (1,)),
        "accountnumber": f"A-{number + 1:06d}" if draw.chance(0.9) else None,
        "revenue": revenue,
        "transactioncurrencyid": None if revenue is None else currency_id,
        "description": draw.some(0.2, names.NOTES),
        "industrycode": 1 + draw.below(33) if draw.chance(0.8) else None,
        "sic": f"{100 + draw.below(9900):04d}" if draw.chance(0.4) else None,
        "websiteurl": f"https://www.{company.domain}/" if draw.chance(0.7) else None,
        "numberofemployees": int(draw.money(1, 50_000, 0)) if draw.chance(0.6) else None,
        "parentaccountid": draw.reference("account", shape.account_parent(number)),
        **_standing(draw, "account", master, inactive=number % 15 == 8),
        **owner(shape, draw),
        **_times(draw, created),
    }


def lead(shape: Shape, draw: Draw, number: int) -> Row:
    """Row `number` of leads."""
    fate = shape.lead_fate(number)
    contact = shape.lead_contact(number)
    human_number = shape.lead_human(number)
    human = human_of(shape, draw, human_number)
    company = shape.human_company(human_number)
    company_name = None if company is None else company_of(draw, company).name
    draw.start("lead", number)
    state, status = _STATES_OF_LEADS[fate]
    if fate is Fate.DISQUALIFIED:
        status = draw.one(_STATUS_OF_DISQUALIFIED)
    elif fate is Fate.OPEN:
        status = draw.one((1, 2))
    # Who was a contact first became a lead when they turned up again.
    created = human.turned if human_number >= shape.leads else human.met
    currency_id, decimals = currency(draw, foreign=0.15)
    revenue = draw.money(10_000, 50_000_000, decimals) if draw.chance(0.3) else None
    employer = None if contact is None else shape.contact_account(contact)
    return {
        "leadid": draw.guid("lead", number),
        "subject": draw.one(names.TOPICS),
        **_person(draw, human),
        "fax": _phone(draw, human.culture) if draw.chance(0.1) else None,
        "leadsourcecode": 1 + draw.below(10) if draw.chance(0.8) else None,
        "leadqualitycode": 1 + draw.below(3) if draw.chance(0.7) else None,
        "companyname": company_name if draw.chance(0.9) else None,
        "revenue": revenue,
        "transactioncurrencyid": None if revenue is None else currency_id,
        "parentcontactid": draw.reference("contact", contact),
        "parentaccountid": draw.reference("account", employer),
        "campaignid": draw.reference("campaign", shape.lead_campaign(number)),
        "qualifyingopportunityid": draw.reference("opportunity", shape.lead_opportunity(number)),
        "merged": fate is Fate.MERGED,
        "masterid": draw.reference("lead", shape.lead_master(number)),
        "statecode": state,
        "statuscode": status,
        **owner(shape, draw),
        "createdon": stamp(created),
        "modifiedon": stamp(created if fate is Fate.OPEN and draw.chance(0.5) else draw.moment(human.turned)),
    }


def contact(shape: Shape, draw: Draw, number: int) -> Row:
    """Row `number` of contacts."""
    human_number = shape.contact_human(number)
    human = human_of(shape, draw, human_number)
    employer = shape.contact_account(number)
    parent = shape.contact_parent(number)
    draw.start("contact", number)
    return {
        "contactid": draw.guid("contact", number),
        **_person(draw, human),
        "parentcustomerid": draw.reference("account", employer) or draw.reference("contact", parent),
        "parentcustomerid_type": "account" if employer is not None else "contact" if parent is not None else None,
        "originatingleadid": draw.reference("lead", shape.contact_origin(number)),
        "transactioncurrencyid": currency(draw, foreign=0.1)[0],
        **_standing(draw, "contact", shape.contact_master(number), inactive=number % 25 == 9),
        **owner(shape, draw),
        # Who came in as a lead is a contact only later.
        **_times(draw, human.turned if human_number < shape.leads else human.met),
    }


def company_of(draw: Draw, number: int) -> Company:
    """Company `number`: that of the account with this number, or one of a lead alone."""
    draw.start("company", number)
    first, second = draw.one(names.COMPANY_FIRST), draw.one(names.COMPANY_SECOND)
    name = f"{first} {second}{draw.one(names.COMPANY_FORM)}"
    return Company(name=name, domain=f"{_ascii(first) or 'company'}-{_ascii(second)}{number % 1000}.example")


def human_of(shape: Shape, draw: Draw, number: int) -> Human:
    """Human `number`."""
    company = shape.human_company(number)
    domain = "mail.example" if company is None else company_of(draw, company).domain
    draw.start("human", number)
    culture = draw.one(_CULTURES)
    first, last = draw.one(culture.first), draw.one(culture.last)
    met = draw.moment()
    if number % 33 == 5 and company is not None:
        email = f"info@{domain}"  # one address for everybody there
    else:
        email = f"{_ascii(first) or 'p'}.{_ascii(last) or 'x'}{number}@{domain}"
    return Human(
        culture=culture,
        salutation=draw.some(0.4, culture.salutations),
        first=first if draw.chance(0.95) else None,
        middle=draw.some(0.1, culture.first),
        last=last,
        email=email if draw.chance(0.9) else None,
        address=_address(draw, culture),
        met=met,
        turned=draw.moment(met),
    )


def _person(draw: Draw, human: Human) -> Row:
    return {
        "salutation": human.salutation,
        "firstname": human.first,
        "middlename": human.middle,
        "lastname": human.last,
        "emailaddress1": human.email,
        "jobtitle": draw.some(0.7, names.JOB_TITLES),
        "telephone1": _phone(draw, human.culture) if draw.chance(0.7) else None,
        "telephone2": _phone(draw, human.culture) if draw.chance(0.1) else None,
        "mobilephone": _phone(draw, human.culture) if draw.chance(0.5) else None,
        **human.address,
        "description": draw.some(0.15, names.NOTES),
        "preferredcontactmethodcode": 1 + draw.below(5) if draw.chance(0.4) else 1,
        **{column: draw.chance(share) for column, share in _REFUSALS},
    }


def _address(draw: Draw, culture: names.Culture) -> Row:
    known = draw.chance(0.75)
    city, state, postal_code = draw.one(culture.places)
    return {
        "address1_line1": f"{draw.one(culture.streets)} {1 + draw.below(240)}" if known else None,
        "address1_line2": f"{1 + draw.below(30)}. OG" if known and draw.chance(0.15) else None,
        "address1_line3": f"c/o {draw.one(culture.last)}" if known and draw.chance(0.03) else None,
        "address1_city": city if known else None,
        "address1_stateorprovince": state if known else None,
        "address1_postalcode": postal_code if known else None,
        "address1_country": culture.country if known or draw.chance(0.5) else None,
    }


def _phone(draw: Draw, culture: names.Culture) -> str:
    return f"{culture.dial} 555 {draw.below(10_000_000):07d}"


def _standing(draw: Draw, table: str, master: int | None, *, inactive: bool) -> Row:
    gone = inactive or master is not None
    return {
        "merged": master is not None,
        "masterid": draw.reference(table, master),
        "statecode": int(gone),
        "statuscode": 2 if gone else 1,
    }


def _times(draw: Draw, created: int) -> Row:
    return {"createdon": stamp(created), "modifiedon": stamp(draw.moment(created) if draw.chance(0.6) else created)}


@lru_cache(maxsize=1024)
def _ascii(name: str) -> str:
    """The name's Latin letters without their marks, in lower case; empty for another script."""
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return "".join(letter for letter in letters if letter.isalnum())
