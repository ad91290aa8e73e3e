"""The rows everything else refers to: currencies, business units, users, teams and connection roles.

Few rows, but the ones that break an owner picker: a disabled user whose records stay, a user without a mailbox, a team
that owns records and an access team that cannot (reference 8.5).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from tandem.sandbox.data import names
from tandem.sandbox.data.draw import Draw, stamp
from tandem.sandbox.data.shape import Shape

Row = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Currency:
    """A currency beside the organisation's own; `rate` is how many of it one unit of the own one buys."""

    code: str
    name: str
    symbol: str
    precision: int
    rate: Decimal


CURRENCIES = (
    Currency(code="EUR", name="Euro", symbol="€", precision=2, rate=Decimal("0.92")),
    Currency(code="GBP", name="Pound Sterling", symbol="£", precision=2, rate=Decimal("0.79")),
    Currency(code="JPY", name="Yen", symbol="¥", precision=0, rate=Decimal("151.4")),
)
_OWN_PRECISION = 2

# (name, category); the categories are those of reference 13, marked general knowledge there.
CONNECTION_ROLES = (
    ("Stakeholder", 1000),
    ("Decision Maker", 1000),
    ("Technical Buyer", 1000),
    ("Entscheider:in", 1000),
    ("Spouse/Partner", 2),
)
STAKEHOLDER_ROLES = 4

_UNITS = ("Europe", "Americas")
_DISABLED_EVERY = 8
# (name, team type, default team of a business unit); the owner teams come first. Every unit has a default team.
_TEAMS = (
    *((name, 0, False) for name in names.OWNER_TEAMS),
    *((name, 1, False) for name in names.ACCESS_TEAMS),
    *((name, 0, True) for name in _UNITS),
)


def currencies(draw: Draw) -> Iterator[Row]:
    """The rows of transactioncurrencies beside the base currency, which the organisation has anyway."""
    for number, currency in enumerate(CURRENCIES):
        yield {
            "transactioncurrencyid": draw.guid("transactioncurrency", number),
            "currencyname": currency.name,
            "isocurrencycode": currency.code,
            "currencysymbol": currency.symbol,
            "currencyprecision": currency.precision,
            "exchangerate": currency.rate,
            "statecode": 0,
            "statuscode": 1,
            **_from_the_start(),
        }


def units(draw: Draw) -> Iterator[Row]:
    """The rows of businessunits below the root, which the organisation has anyway."""
    for number, name in enumerate(_UNITS):
        yield {"businessunitid": draw.guid("businessunit", number), "name": name, **_from_the_start()}


def users(shape: Shape, draw: Draw) -> Iterator[Row]:
    """The rows of systemusers."""
    for number in range(shape.users):
        draw.start("systemuser", number)
        culture = draw.one(names.CULTURES)
        first, last = draw.one(culture.first), draw.one(culture.last)
        yield {
            "systemuserid": draw.guid("systemuser", number),
            "firstname": first,
            "lastname": last,
            "fullname": f"{first} {last}",
            "internalemailaddress": f"seller{number}@contoso.example" if number % 9 != 7 else None,
            "domainname": f"seller{number}@contoso.example",
            "title": draw.some(0.6, names.JOB_TITLES),
            "address1_telephone1": f"{culture.dial} 555 {draw.below(10_000):04d}" if draw.chance(0.7) else None,
            "isdisabled": number % _DISABLED_EVERY == 3,
            "islicensed": number % _DISABLED_EVERY != 3,
            "accessmode": 0,
            "businessunitid": draw.guid("businessunit", number % len(_UNITS)),
            "parentsystemuserid": draw.reference("systemuser", number // 6 if number else None),
            **_from_the_start(),
        }


def teams(draw: Draw) -> Iterator[Row]:
    """The rows of teams."""
    for number, (name, team_type, default) in enumerate(_TEAMS):
        yield {
            "teamid": draw.guid("team", number),
            "name": name,
            "teamtype": team_type,
            "isdefault": default,
            "businessunitid": draw.guid("businessunit", number % len(_UNITS)),
            **_from_the_start(),
        }


def memberships(shape: Shape, draw: Draw) -> Iterator[Row]:
    """The rows of teammemberships: every user is in one team, every third in two."""
    for number in range(shape.users):
        for place in range(2 if number % 3 == 0 else 1):
            yield {
                "teammembershipid": draw.guid("teammembership", 2 * number + place),
                "teamid": draw.guid("team", (number + place) % len(_TEAMS)),
                "systemuserid": draw.guid("systemuser", number),
            }


def connection_roles(draw: Draw) -> Iterator[Row]:
    """The rows of connectionroles."""
    for number, (name, category) in enumerate(CONNECTION_ROLES):
        yield {
            "connectionroleid": draw.guid("connectionrole", number),
            "name": name,
            "category": category,
            "statecode": 0,
            "statuscode": 1,
            **_from_the_start(),
        }


def owner(shape: Shape, draw: Draw) -> Row:
    """An owner for the row being drawn: a user, who may have been disabled since, or an owner team."""
    if draw.chance(0.12):
        return {"ownerid": draw.guid("team", draw.below(len(names.OWNER_TEAMS))), "ownerid_type": "team"}
    return {"ownerid": draw.guid("systemuser", draw.below(shape.users)), "ownerid_type": "systemuser"}


def currency(draw: Draw, *, foreign: float) -> tuple[str | None, int]:
    """A currency for the row being drawn, as (id, decimals): in a share of `foreign` not the organisation's own.

    The own one has no id here: the organisation fills it in where a row has an amount and no currency.
    """
    if not draw.chance(foreign):
        return None, _OWN_PRECISION
    number = draw.below(len(CURRENCIES))
    return draw.guid("transactioncurrency", number), CURRENCIES[number].precision


def _from_the_start() -> Row:
    return {"createdon": stamp(0), "modifiedon": stamp(0)}
