"""The rows of opportunities and connections.

An opportunity follows its contact: who works for an account brings the account as the customer, who does not is the
customer. So no deal shows a contact of one firm and the account of another, which nobody could judge a sync by.
"""

from collections.abc import Iterator

from tandem.sandbox.data import names
from tandem.sandbox.data.draw import Draw, day, stamp
from tandem.sandbox.data.people import human_of
from tandem.sandbox.data.shape import Shape
from tandem.sandbox.data.staff import CONNECTION_ROLES, STAKEHOLDER_ROLES, Row, currency, owner

_STEPS = ("1-Qualify", "2-Develop", "3-Propose", "4-Close")
_DAY = 86_400

# One end of a connection: table, id, number of its role.
_End = tuple[str, str, int | None]


def opportunity(shape: Shape, draw: Draw, number: int) -> Row:
    """Row `number` of opportunities."""
    lead = shape.opportunity_origin(number)
    contact = _contact(shape, draw, number)
    account = None if contact is None else shape.contact_account(contact)
    earliest = 0 if lead is None else human_of(shape, draw, shape.lead_human(lead)).turned
    draw.start("opportunity", number)
    created = draw.moment(earliest)
    currency_id, decimals = currency(draw, foreign=0.25)
    # Every tenth one is the customer's own, though an account is known.
    personal = account is None or number % 10 == 6
    customer = draw.reference("contact", contact) if personal else draw.reference("account", account)
    return {
        "opportunityid": draw.guid("opportunity", number),
        "name": f"{draw.one(names.PRODUCTS)} {number + 1}",
        "customerid": customer,
        "customerid_type": None if customer is None else "contact" if personal else "account",
        "parentaccountid": draw.reference("account", account),
        "parentcontactid": draw.reference("contact", contact) if draw.chance(0.8) else None,
        "originatingleadid": draw.reference("lead", lead),
        "transactioncurrencyid": currency_id,
        "description": draw.some(0.2, names.NOTES),
        "isrevenuesystemcalculated": False,
        **_outcome(draw, number, created=created, decimals=decimals),
        **owner(shape, draw),
    }


def connections(shape: Shape, draw: Draw, number: int) -> Iterator[Row]:
    """The connections of opportunity `number`: none, one or two stakeholders, each as a pair of twin rows."""
    for place in range((1, 0, 2, 0)[number % 4] if shape.contacts else 0):
        pair = 2 * number + place
        draw.start("connection", pair)
        contact = shape.contact_standing(draw.below(shape.contacts))
        deal = ("opportunity", draw.guid("opportunity", number), None)
        stakeholder = ("contact", draw.guid("contact", contact), draw.below(STAKEHOLDER_ROLES))
        yield from _twins(shape, draw, pair, *((deal, stakeholder) if draw.chance(0.7) else (stakeholder, deal)))
    # Connections that have nothing to do with a deal are there to be left alone.
    if number % 40 == 5 and shape.contacts > 2:
        pair = 2 * number
        draw.start("connection", pair)
        # Two apart, because neighbours may have been merged into one.
        one = draw.below(shape.contacts - 2)
        ends = [draw.guid("contact", shape.contact_standing(contact)) for contact in (one, one + 2)]
        spouse = len(CONNECTION_ROLES) - 1
        yield from _twins(shape, draw, pair, ("contact", ends[0], spouse), ("contact", ends[1], spouse))


def _twins(shape: Shape, draw: Draw, pair: int, first: _End, second: _End) -> Iterator[Row]:
    """The two rows of one connection; only the first is the master (reference 8.9, an inference there)."""
    shared: Row = {
        "statecode": 0,
        "statuscode": 1,
        **owner(shape, draw),
        "createdon": (moment := stamp(draw.moment())),
        "modifiedon": moment,
    }
    ids = (draw.guid("connection", 2 * pair), draw.guid("connection", 2 * pair + 1))
    for place, (one, other) in enumerate(((first, second), (second, first))):
        yield {
            "connectionid": ids[place],
            "record1id": one[1],
            "record1id_type": one[0],
            "record1roleid": draw.reference("connectionrole", one[2]),
            "record2id": other[1],
            "record2id_type": other[0],
            "record2roleid": draw.reference("connectionrole", other[2]),
            "ismaster": place == 0,
            "relatedconnectionid": ids[1 - place],
            **shared,
        }


def _contact(shape: Shape, draw: Draw, number: int) -> int | None:
    """The contact of opportunity `number`: that of its lead, else anyone, else nobody."""
    lead = shape.opportunity_origin(number)
    if lead is not None:
        return shape.lead_contact(lead)
    if number % 10 == 3 or not shape.contacts:
        return None
    draw.start("opportunity contact", number)
    return shape.contact_standing(draw.below(shape.contacts))


def _outcome(draw: Draw, number: int, *, created: int, decimals: int) -> Row:
    """How far the opportunity is: of seven three are won, one is lost, three are open."""
    place = number % 7
    step = draw.below(len(_STEPS))
    won = draw.money(500, 400_000, decimals)
    moved = draw.moment(created)
    if place < 3:
        state, status, probability = 1, 3, 100
    elif place == 3:
        state, status, probability = 2, draw.one((4, 5)), 0
    else:
        state, status, probability = 0, draw.one((1, 1, 1, 2)), (step + 1) * 20
    return {
        "statecode": state,
        "statuscode": status,
        "stepname": _STEPS[-1] if state == 1 else _STEPS[step],
        "closeprobability": probability if state or draw.chance(0.7) else None,
        "estimatedvalue": draw.money(500, 400_000, decimals) if draw.chance(0.85) else None,
        "estimatedclosedate": day(created + (30 + draw.below(300)) * _DAY) if draw.chance(0.8) else None,
        "actualvalue": won if state == 1 else None,
        "actualclosedate": day(moved) if state else None,
        "createdon": stamp(created),
        "modifiedon": stamp(moved),
    }
