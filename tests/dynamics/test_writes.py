"""Writes: what is sent, what the answers mean, and that nothing is sent twice on a guess."""

from decimal import Decimal
from urllib.parse import unquote

import httpx2
import pytest

from tandem.dynamics.errors import (
    ColumnUnknown,
    DuplicateKey,
    DuplicateRule,
    DynamicsError,
    InvalidValue,
    MissingPrivilege,
    NotAMember,
    NotAnswered,
    NotDataverse,
    RecordInactive,
    Refused,
    RowNotFound,
    SignInRefused,
    StateConflict,
    Throttled,
    Unauthorised,
    Unavailable,
    Unreachable,
    UserDisabled,
    VersionMismatch,
)
from tandem.dynamics.rows import RowDecoder
from tandem.dynamics.session import TRIES
from tandem.dynamics.writes import LARGEST_WRITE_BATCH, RowWrite
from tandem.model.errors import OurBug
from tandem.model.schema import Column, ColumnType

ANN = "465b158c-541c-e511-80d3-3863bb347ba8"
BOB = "565b158c-541c-e511-80d3-3863bb347ba8"
EVE = "665b158c-541c-e511-80d3-3863bb347ba8"
ACCOUNT = "765b158c-541c-e511-80d3-3863bb347ba8"
USER = "4026be43-6b69-e111-8f65-78e7d1620f5e"

SELECT = "$select=contactid,fullname,versionnumber"
ANNS_PATH = f"contacts({ANN})?{SELECT}"


def lookup(name, *targets):
    return Column(name=name, type=ColumnType.LOOKUP, targets=targets)


@pytest.fixture
def table(make_table):
    return make_table(
        columns={
            "fullname": ColumnType.TEXT,
            "creditlimit": ColumnType.MONEY,
            "donotemail": ColumnType.BOOLEAN,
            "familystatuscode": ColumnType.CHOICE,
            "picture": ColumnType.UNSUPPORTED,
            "parentcustomerid": lookup("parentcustomerid", "account", "contact"),
            "transactioncurrencyid": lookup("transactioncurrencyid", "transactioncurrency"),
            "ownerid": lookup("ownerid", "systemuser", "team"),
            "owninguser": lookup("owninguser", "systemuser"),
            "new_venueid": lookup("new_venueid", "new_venue"),
        },
        navigation={
            ("parentcustomerid", "account"): "parentcustomerid_account",
            ("parentcustomerid", "contact"): "parentcustomerid_contact",
            ("transactioncurrencyid", "transactioncurrency"): "transactioncurrencyid",
            ("ownerid", "owner"): "ownerid",
            ("new_venueid", "new_venue"): "new_VenueId",
        },
    )


@pytest.fixture
def decoder(table):
    return RowDecoder(table, ["fullname"])


@pytest.fixture
def update(table):
    def made(row_id=ANN, /, **values):
        return RowWrite(table=table, id=row_id, values=values or {"fullname": "Ann Ek"}, version=81)

    return made


@pytest.fixture
def row(json_answer):
    def made(row_id=ANN, version=82, status=200):
        return json_answer({"contactid": row_id, "fullname": "Ann Ek", "versionnumber": version}, status)

    return made


@pytest.fixture
def entity_sets(service, json_answer):
    for name, entity_set in [
        ("account", "accounts"),
        ("systemuser", "systemusers"),
        ("transactioncurrency", "transactioncurrencies"),
        ("new_venue", "new_venues"),
    ]:
        service.routes[f"EntityDefinitions(LogicalName='{name}')?$select=EntitySetName"] = json_answer(
            {"EntitySetName": entity_set}
        )


def api_requests(service):
    return [request for request in service.seen if "/api/" in request.url.path]


class TestWhatIsSent:
    """One write as a request."""

    def test_P5_an_update_is_a_patch_under_the_version_that_was_decided_for(
        self, dynamics, service, row, update, decoder
    ):
        """Reference 5.3: the condition is there, the word null is not, and the receipt is asked for."""
        service.routes[ANNS_PATH] = row()

        (receipt,) = dynamics.write([update(fullname="Ann Ek", donotemail=True)], decoder)

        (request,) = api_requests(service)
        assert (request.method, request.content) == ("PATCH", b'{"fullname":"Ann Ek","donotemail":true}')
        assert request.headers["if-match"] == 'W/"81"'
        assert "if-none-match" not in request.headers
        assert "mscrm.suppressduplicatedetection" not in request.headers
        assert request.headers["prefer"] == "return=representation"
        assert request.headers["content-type"] == "application/json; charset=utf-8"
        assert (receipt.contactid, receipt.fullname, receipt.versionnumber) == (ANN, "Ann Ek", 82)

    @pytest.mark.parametrize("asked", [True, False], ids=["duplicates are looked for", "they are not"])
    def test_R2_a_create_demands_that_its_id_is_free(self, dynamics, service, row, table, decoder, asked):
        """Reference 5.3 and 5.8: If-None-Match: * and, only where asked, the organisation's duplicate rules."""
        service.routes[ANNS_PATH] = row(status=201)

        (receipt,) = dynamics.write(
            [RowWrite(table=table, id=ANN, values={"fullname": "Ann Ek"}, version=None, check_duplicates=asked)],
            decoder,
        )

        (request,) = api_requests(service)
        assert request.method == "PATCH"
        assert request.headers["if-none-match"] == "*"
        assert "if-match" not in request.headers
        assert request.headers.get("mscrm.suppressduplicatedetection") == ("false" if asked else None)
        assert receipt.contactid == ANN

    @pytest.mark.parametrize(
        ("values", "body"),
        [
            ({"fullname": "Zoë Ø\r\n\u2028😀"}, '{"fullname":"Zoë Ø\\r\\n\u2028😀"}'),
            ({"creditlimit": Decimal("123456789012.3400")}, '{"creditlimit":123456789012.3400}'),
            ({"creditlimit": Decimal("0.1")}, '{"creditlimit":0.1}'),
            ({"fullname": None, "creditlimit": None}, '{"fullname":null,"creditlimit":null}'),
            ({"donotemail": False, "familystatuscode": 0}, '{"donotemail":false,"familystatuscode":0}'),
            ({}, "{}"),
        ],
        ids=[
            "text of any script",
            "all digits of an amount",
            "a decimal no float holds",
            "emptied",
            "falsy",
            "nothing",
        ],
    )
    def test_D3_values_go_out_exactly(self, dynamics, service, row, table, decoder, values, body):
        """Numbers are numbers with their digits, and empty is null."""
        service.routes[ANNS_PATH] = row()

        dynamics.write([RowWrite(table=table, id=ANN, values=values, version=81)], decoder)

        assert api_requests(service)[0].content.decode() == body

    @pytest.mark.parametrize(
        ("column", "value", "body"),
        [
            ("transactioncurrencyid", USER, f'{{"transactioncurrencyid@odata.bind":"/transactioncurrencies({USER})"}}'),
            (
                "parentcustomerid",
                ("account", ACCOUNT),
                f'{{"parentcustomerid_account@odata.bind":"/accounts({ACCOUNT})"}}',
            ),
            ("new_venueid", ACCOUNT, f'{{"new_VenueId@odata.bind":"/new_venues({ACCOUNT})"}}'),
            ("ownerid", ("systemuser", USER), f'{{"ownerid@odata.bind":"/systemusers({USER})"}}'),
            ("new_venueid", None, '{"new_VenueId@odata.bind":null}'),
            ("parentcustomerid", None, '{"parentcustomerid_account@odata.bind":null}'),
        ],
        ids=[
            "the only target is known",
            "one of several targets is named",
            "a custom lookup keeps its case",
            "users and teams share the owner",
            "emptied",
            "emptied by any of its names",
        ],
    )
    def test_a_lookup_goes_by_the_navigation_property_of_its_target(
        self, dynamics, service, row, update, decoder, entity_sets, column, value, body
    ):
        """Reference 5.6: never as a value, and never by a guessed name."""
        service.routes[ANNS_PATH] = row()

        dynamics.write([update(**{column: value})], decoder)

        assert api_requests(service)[-1].content.decode() == body

    def test_the_entity_set_of_a_target_is_asked_for_once(self, dynamics, service, row, update, decoder, entity_sets):
        """Names of sets are no plurals to guess; one question serves all later writes."""
        service.routes[ANNS_PATH] = row()

        for owner in (USER, EVE):
            dynamics.write([update(ownerid=("systemuser", owner))], decoder)

        question = "EntityDefinitions(LogicalName='systemuser')?$select=EntitySetName"
        assert [question, ANNS_PATH, ANNS_PATH] == service.paths

    def test_annotations_are_asked_for_where_the_selection_needs_them(self, dynamics, service, json_answer, update):
        """A polymorphic lookup in the receipt comes with its target."""
        write = update()
        decoder = RowDecoder(write.table, ["parentcustomerid"])
        service.routes[f"contacts({ANN})?$select=contactid,_parentcustomerid_value,versionnumber"] = json_answer(
            {
                "contactid": ANN,
                "_parentcustomerid_value": ACCOUNT.upper(),
                "_parentcustomerid_value@Microsoft.Dynamics.CRM.lookuplogicalname": "account",
                "versionnumber": 82,
            }
        )

        (receipt,) = dynamics.write([write], decoder)

        assert (
            api_requests(service)[0].headers["prefer"]
            == 'return=representation,odata.include-annotations="Microsoft.Dynamics.CRM.lookuplogicalname"'
        )
        assert (receipt.parentcustomerid_type, receipt.versionnumber) == ("account", 82)

    @pytest.mark.parametrize(
        "values",
        [
            {"nickname": "x"},
            {"picture": "x"},
            {"_ownerid_value": USER},
            {"parentcustomerid": ACCOUNT},
            {"parentcustomerid": ("lead", ACCOUNT)},
            {"owninguser": USER},
            {"owninguser": None},
        ],
        ids=[
            "an unknown column",
            "a column of a type that is never carried",
            "the name a lookup is read by",
            "one of several targets, not named",
            "a table the lookup cannot point to",
            "a lookup without navigation property",
            "emptying a lookup without navigation property",
        ],
    )
    def test_what_cannot_be_written_is_our_bug_and_not_sent(
        self, dynamics, service, update, decoder, entity_sets, values
    ):
        """Dynamics would refuse it for ever; the fault is in what was decided."""
        with pytest.raises(OurBug):
            dynamics.write([update(**values)], decoder)

        assert [path for path in service.paths if not path.startswith("EntityDefinitions")] == []

    @pytest.mark.parametrize("name", ["account", "opportunity", "systemuser", "team", "connection", "new_event"])
    def test_S5_a_one_way_table_has_no_way_back(self, dynamics, service, make_table, name):
        """Refused before anything is sent."""
        table = make_table(name)

        with pytest.raises(OurBug, match=name):
            dynamics.write([RowWrite(table=table, id=ANN, values={}, version=1)], RowDecoder(table, ["fullname"]))

        assert service.seen == []

    def test_writes_to_another_table_than_the_selections_are_our_bug(self, dynamics, service, update, make_table):
        """The receipt of a contact cannot be read as a lead."""
        with pytest.raises(OurBug):
            dynamics.write([update()], RowDecoder(make_table("lead"), ["fullname"]))

        assert service.seen == []

    def test_more_than_one_request_holds_is_our_bug(self, dynamics, service, update, decoder):
        """A hundred are one request; which of 101 were carried out could not be told apart."""
        with pytest.raises(OurBug):
            dynamics.write([update()] * (LARGEST_WRITE_BATCH + 1), decoder)

        assert service.seen == []

    def test_P7_an_update_never_asks_for_duplicates(self, table):
        """Half of a merged pair could not be corrected any more."""
        with pytest.raises(OurBug):
            RowWrite(table=table, id=ANN, values={}, version=1, check_duplicates=True)

    def test_R5_a_write_shows_no_values(self, update):
        """Wherever it is printed."""
        assert "Secret Name" not in repr(update(fullname="Secret Name"))

    def test_nothing_to_write_sends_nothing(self, dynamics, service, decoder):
        """No writes, no request."""
        assert dynamics.write([], decoder) == []
        assert service.seen == []


class TestSeveral:
    """Several writes in one request."""

    def test_each_part_carries_its_own_condition_and_body(self, dynamics, service, row, update, table, decoder):
        """Reference 5.11: headers under the request line, then an empty line and the body in UTF-8."""
        service.routes |= {f"contacts({each})?{SELECT}": row(each) for each in (ANN, BOB)}
        create = RowWrite(table=table, id=BOB, values={"fullname": "Bob"}, version=None, check_duplicates=True)

        receipts = dynamics.write([update(fullname="Zoë 😀"), create], decoder)

        assert [receipt.contactid for receipt in receipts] == [ANN, BOB]
        (outer,) = api_requests(service)
        assert (outer.method, unquote(outer.url.path)) == ("POST", "/api/data/v9.2/$batch")
        assert outer.headers["prefer"] == "odata.continue-on-error"
        assert "if-none-match" not in outer.headers
        body = '{"fullname":"Zoë 😀"}'
        assert service.in_batches[0] == "\r\n".join(
            [
                "",
                "Content-Type: application/http",
                "Content-Transfer-Encoding: binary",
                "",
                f"PATCH /api/data/v9.2/contacts({ANN})?{SELECT} HTTP/1.1",
                "Accept: application/json",
                "Content-Type: application/json; charset=utf-8",
                "Prefer: return=representation",
                'If-Match: W/"81"',
                f"Content-Length: {len(body.encode())}",
                "",
                body,
                "",
            ]
        )
        second = service.in_batches[1].split("\r\n")
        assert "If-None-Match: *" in second
        assert "MSCRM.SuppressDuplicateDetection: false" in second
        assert not any(line.startswith("If-Match") for line in second)

    def test_each_write_has_its_own_outcome_in_the_order_asked(self, dynamics, service, row, update, failure, decoder):
        """One refusal says nothing of the others, and one request serves all."""
        service.routes |= {
            f"contacts({ANN})?{SELECT}": failure("0x80060882", status=412),
            f"contacts({BOB})?{SELECT}": row(BOB),
            f"contacts({EVE})?{SELECT}": failure("0x80040265", "Credit check failed.", 400),
        }

        first, second, third = dynamics.write([update(ANN), update(BOB), update(EVE)], decoder)

        assert isinstance(first, VersionMismatch)
        assert second.contactid == BOB
        assert isinstance(third, Refused)
        assert third.message == "Dynamics refused: Credit check failed."
        assert dynamics.requests == 1

    def test_R4_a_throttled_part_is_not_sent_again_but_everybody_waits(
        self, dynamics, service, row, update, failure, decoder, clock
    ):
        """The other part was carried out already; the pause asked for holds the next request."""
        service.routes |= {
            f"contacts({ANN})?{SELECT}": row(),
            f"contacts({BOB})?{SELECT}": failure("0x80072322", status=429, Retry_After="9"),
        }

        first, second = dynamics.write([update(ANN), update(BOB)], decoder)
        requests, waited = dynamics.requests, list(clock.slept)
        dynamics.write([update(ANN)], decoder)

        assert first.contactid == ANN
        assert isinstance(second, Throttled)
        assert second.retry_after == 9
        assert (requests, waited, sum(clock.slept)) == (1, [], 9)

    @pytest.mark.parametrize(
        "answer",
        [
            httpx2.Response(503, html="<html>Busy</html>"),
            httpx2.Response(500, json={"error": {"code": "0x80040216", "message": "Unexpected."}}),
            httpx2.Response(500, json={"error": {"code": "0x80044150", "message": "Generic SQL error."}}),
            httpx2.Response(400, json={"error": {"code": "0x80081111", "message": "Too slow."}}),
        ],
        ids=["a web page", "an unexpected fault", "a deadlock", "a plug-in's time limit"],
    )
    def test_a_fault_of_one_part_is_its_own(self, dynamics, service, row, update, decoder, clock, answer):
        """It is listed, and nothing is repeated by the client."""
        service.routes |= {f"contacts({ANN})?{SELECT}": answer, f"contacts({BOB})?{SELECT}": row(BOB)}

        first, second = dynamics.write([update(ANN), update(BOB)], decoder)

        assert type(first) is Unavailable
        assert second.contactid == BOB
        assert (dynamics.requests, clock.slept) == (1, [])

    def test_a_refusal_of_the_sync_user_is_raised_only_where_all_met_it(
        self, dynamics, service, row, update, failure, decoder
    ):
        """Where one write was carried out, raising would hide it."""
        disabled = failure("0x80040225", status=403)
        service.routes |= {
            f"contacts({ANN})?{SELECT}": [row(), disabled],
            f"contacts({BOB})?{SELECT}": [disabled, disabled],
        }

        first, second = dynamics.write([update(ANN), update(BOB)], decoder)

        assert (first.contactid, type(second)) == (ANN, UserDisabled)
        with pytest.raises(UserDisabled):
            dynamics.write([update(ANN), update(BOB)], decoder)


MULTIPART = {"content-type": "multipart/mixed; boundary=x"}
GOOD_PART = (
    b"--x\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"
    b'{"contactid":"' + ANN.encode() + b'","versionnumber":82}\r\n'
)
REFUSED_PART = (
    b"--x\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n\r\n"
    b'{"error":{"code":"0x80040265","message":"No."}}\r\n'
)


def raising(error):
    def route(_request):
        raise error

    return route


class TestWithoutAnAnswer:
    """A write whose answer is lost may have been carried out, so it is not sent again."""

    @pytest.fixture(params=[1, 2], ids=["one write", "two writes"])
    def send(self, request, service, dynamics, update, decoder):
        def made(*outcomes):
            route = ANNS_PATH if request.param == 1 else "$batch"
            service.routes[route] = list(outcomes)
            return dynamics.write([update(ANN), update(BOB)][: request.param], decoder)

        return made

    @pytest.mark.parametrize(
        "outcome",
        [
            raising(httpx2.ReadTimeout("slow")),
            raising(httpx2.RemoteProtocolError("cut")),
            raising(httpx2.DecodingError("bad gzip")),
            raising(httpx2.ConnectError("refused")),
            httpx2.Response(500, json={"error": {"code": "0x80040216", "message": "Unexpected."}}),
            httpx2.Response(502),
            httpx2.Response(503, html="<html>"),
            httpx2.Response(504, html="<html>"),
            httpx2.Response(200, html="<html>Hello</html>"),
            httpx2.Response(200, headers={"content-type": "application/json"}, content=b'{"contactid":"4'),
            httpx2.Response(204),
        ],
        ids=[
            "a timeout",
            "a lost connection",
            "a damaged answer",
            "no connection",
            "an unexpected fault",
            "502",
            "503",
            "504",
            "a web page that says all is well",
            "half a document",
            "no document",
        ],
    )
    def test_R2_a_write_without_its_answer_is_not_sent_again(self, dynamics, send, clock, outcome):
        """Whoever sent it must look what became of it."""
        with pytest.raises(NotAnswered):
            send(outcome)

        assert (dynamics.requests, clock.slept) == (1, [])

    def test_R4_the_pause_a_gateway_asks_for_is_kept(self, dynamics, service, row, update, decoder, clock):
        """503 with Retry-After: the error tells it, and the next request waits."""
        service.routes[ANNS_PATH] = [httpx2.Response(503, headers={"retry-after": "7"}), row()]

        with pytest.raises(NotAnswered) as caught:
            dynamics.write([update()], decoder)
        dynamics.write([update()], decoder)

        assert (caught.value.retry_after, caught.value.status, clock.slept) == (7, 503, [7])

    @pytest.mark.parametrize(
        "body",
        [
            GOOD_PART + b"--x--",
            GOOD_PART + GOOD_PART + GOOD_PART + b"--x--",
            GOOD_PART + REFUSED_PART[:60],
            GOOD_PART + REFUSED_PART,
            GOOD_PART + b"--x\r\n\r\ncut\r\n--x--",
            GOOD_PART + GOOD_PART.replace(b',"versionnumber":82}', b"") + b"--x--",
            GOOD_PART + GOOD_PART.replace(b"82", b'"82"') + b"--x--",
            b"",
        ],
        ids=[
            "too few parts",
            "too many parts",
            "cut inside a part",
            "cut before its end",
            "a part without status",
            "half a receipt",
            "a receipt of another shape",
            "nothing",
        ],
    )
    def test_R2_a_batch_whose_answer_is_damaged_is_not_sent_again(
        self, dynamics, service, update, decoder, clock, body
    ):
        """What can be read of it does not count: all its records are looked at."""
        service.routes["$batch"] = httpx2.Response(200, headers=MULTIPART, content=body)

        with pytest.raises(NotAnswered):
            dynamics.write([update(ANN), update(BOB)], decoder)

        assert (dynamics.requests, clock.slept) == (1, [])

    def test_a_batch_that_ended_at_its_first_refusal_leaves_the_rest_unknown(self, dynamics, service, update, decoder):
        """A read would take the refusal for all (reference 5.11); here the part before it was carried out."""
        service.routes["$batch"] = httpx2.Response(400, headers=MULTIPART, content=GOOD_PART + REFUSED_PART + b"--x--")

        with pytest.raises(NotAnswered):
            dynamics.write([update(ANN), update(BOB), update(EVE)], decoder)

    def test_R4_a_throttled_write_waits_and_is_sent_again(self, dynamics, service, row, update, decoder, clock):
        """Reference 6.1: a 429 was not executed."""
        service.routes[ANNS_PATH] = [httpx2.Response(429, headers={"retry-after": "27"}), row()]

        (receipt,) = dynamics.write([update()], decoder)

        assert (receipt.versionnumber, dynamics.requests, sum(clock.slept)) == (82, 2, 27)

    def test_R4_a_throttled_batch_waits_and_is_sent_again(self, dynamics, service, row, update, decoder, clock):
        """The outer 429 refuses all of it."""
        service.routes |= {f"contacts({each})?{SELECT}": row(each) for each in (ANN, BOB)}
        answers = iter([httpx2.Response(429, headers={"retry-after": "3"})])
        service.routes["$batch"] = lambda request: next(answers, None) or service._batch(request)

        receipts = dynamics.write([update(ANN), update(BOB)], decoder)

        assert [receipt.contactid for receipt in receipts] == [ANN, BOB]
        assert (dynamics.requests, sum(clock.slept)) == (2, 3)

    def test_R4_lasting_throttling_ends_after_a_bounded_number_of_tries(self, dynamics, send, clock):
        """Then the engine decides when to come back; nothing was carried out."""
        with pytest.raises(Throttled):
            send(*[httpx2.Response(429, headers={"retry-after": "5"})] * TRIES)

        assert dynamics.requests == TRIES
        assert sum(clock.slept) == 5 * (TRIES - 1)

    def test_a_write_that_is_lost_after_a_pause_is_not_sent_a_third_time(self, dynamics, send):
        """What made the first try harmless says nothing of the second."""
        with pytest.raises(NotAnswered):
            send(httpx2.Response(429, headers={"retry-after": "5"}), raising(httpx2.ReadTimeout("slow")))

        assert dynamics.requests == 2

    def test_a_write_refused_for_its_token_is_sent_again_with_a_new_one(
        self, dynamics, service, row, update, decoder, json_answer
    ):
        """401: nothing was carried out, and the new token is used once."""
        service.token_answers = [json_answer({"access_token": name, "expires_in": 3599}) for name in ("old", "new")]
        service.routes[ANNS_PATH] = [httpx2.Response(401), row()]

        dynamics.write([update()], decoder)

        assert [request.headers["authorization"] for request in api_requests(service)] == ["Bearer old", "Bearer new"]

    def test_a_write_refused_with_its_new_token_too_is_given_up(self, dynamics, send):
        """One renewal; then it is the credentials."""
        with pytest.raises(Unauthorised):
            send(httpx2.Response(401), httpx2.Response(401))

        assert dynamics.requests == 2

    def test_a_write_without_token_was_never_sent(self, dynamics, service, update, decoder, clock):
        """A sign-in service that is down leaves no doubt about the write."""
        service.token_answers = [httpx2.Response(503)] * TRIES

        with pytest.raises(Unavailable):
            dynamics.write([update()], decoder)

        assert (service.paths, len(clock.slept)) == ([], TRIES - 1)

    def test_S7_a_refused_sign_in_is_no_lost_write(self, dynamics, service, update, decoder, json_answer):
        """A person must act, and nothing was sent."""
        service.token_answers = [json_answer({"error": "invalid_grant"}, 400)]

        with pytest.raises(SignInRefused):
            dynamics.write([update()], decoder)

        assert service.paths == []

    @pytest.mark.parametrize(
        ("outcome", "expected"),
        [
            (httpx2.Response(302, headers={"location": "https://elsewhere.example"}), NotDataverse),
            (httpx2.Response(403, html="<html>Forbidden</html>"), NotDataverse),
            (httpx2.Response(404, html="<html>Not here</html>"), NotDataverse),
            (httpx2.Response(403, json={"error": {"code": "0x80072560", "message": "No."}}), NotAMember),
        ],
        ids=["a redirect", "a gateway's 403", "a gateway's 404", "not a member"],
    )
    def test_a_refusal_of_the_whole_request_leaves_no_doubt(self, dynamics, send, outcome, expected):
        """Nothing was carried out, and the cause concerns the connection."""
        with pytest.raises(expected):
            send(outcome)

        assert dynamics.requests == 1

    def test_an_unknown_target_of_a_lookup_is_told_before_anything_is_written(self, dynamics, service, update, decoder):
        """The name of its entity set cannot be read."""
        with pytest.raises(DynamicsError):
            dynamics.write([update(new_venueid=ACCOUNT)], decoder)

        assert service.paths == ["EntityDefinitions(LogicalName='new_venue')?$select=EntitySetName"]

    def test_a_read_before_the_write_that_gets_no_answer_leaves_no_doubt(self, dynamics, service, update, decoder):
        """The question for an entity set is repeated like any read, and its failure is not the write's."""
        path = "EntityDefinitions(LogicalName='new_venue')?$select=EntitySetName"
        service.routes[path] = raising(httpx2.ReadTimeout("slow"))

        with pytest.raises(Unreachable):
            dynamics.write([update(new_venueid=ACCOUNT)], decoder)

        assert service.paths == [path] * TRIES


class TestRefusals:
    """What the answer to one write means, alone and in a batch."""

    @pytest.mark.parametrize(
        ("code", "status", "expected"),
        [
            ("0x80060882", 412, VersionMismatch),
            ("", 412, VersionMismatch),
            ("0x80040217", 404, RowNotFound),
            ("", 404, RowNotFound),
            ("0x80040237", 412, DuplicateKey),
            ("0x80060892", 412, DuplicateKey),
            ("0x80040333", 412, DuplicateRule),
            ("0x80040333", 500, DuplicateRule),
            ("0x80040230", 400, RecordInactive),
            ("0x80048408", 400, StateConflict),
            ("0x80044331", 400, InvalidValue),
            ("0x80040220", 403, MissingPrivilege),
            ("0x80040265", 400, Refused),
            ("", 400, Refused),
        ],
    )
    @pytest.mark.parametrize("together", [False, True], ids=["alone", "in a batch"])
    def test_P7_a_refusal_belongs_to_its_write(
        self, dynamics, service, row, update, decoder, failure, together, code, status, expected
    ):
        """By its code; the documentation shows failed conditions of an update with an empty one (reference 5.3)."""
        service.routes |= {ANNS_PATH: failure(code, status=status), f"contacts({BOB})?{SELECT}": row(BOB)}

        outcomes = dynamics.write([update(ANN), update(BOB)] if together else [update(ANN)], decoder)

        assert type(outcomes[0]) is expected
        assert outcomes[0].status == status
        assert dynamics.requests == 1

    @pytest.mark.parametrize("status", [404, 412])
    def test_a_create_without_a_code_is_not_explained_by_its_status(
        self, dynamics, service, table, decoder, failure, status
    ):
        """A row it names, its own id or a duplicate: nobody can tell."""
        service.routes[ANNS_PATH] = failure("", "No.", status=status)

        (outcome,) = dynamics.write([RowWrite(table=table, id=ANN, values={}, version=None)], decoder)

        assert type(outcome) is Refused

    def test_a_record_that_a_write_names_is_told_from_the_record_itself(
        self, dynamics, service, update, decoder, failure
    ):
        """Both are 0x80040217; the text names which."""
        service.routes[ANNS_PATH] = failure("0x80040217", f"account With Id = {ACCOUNT} Does Not Exist", 404)

        (outcome,) = dynamics.write([update()], decoder)

        assert (outcome.context["table"], outcome.context["record"]) == ("account", ACCOUNT)

    def test_a_property_that_is_gone_is_an_unknown_column(self, dynamics, service, update, decoder, failure):
        """Its code is also that of a value of the wrong type (reference 5.6)."""
        service.routes[ANNS_PATH] = [
            failure("0x80048d19", "An undeclared property 'fax' which only has property annotations in the payload"),
            failure("0x80048d19", "Cannot convert the literal 'x' to the expected type 'Edm.Int32'."),
        ]

        outcomes = [dynamics.write([update()], decoder)[0] for _ in range(2)]

        assert [type(outcome) for outcome in outcomes] == [ColumnUnknown, InvalidValue]
        assert outcomes[0].context["column"] == "fax"


class TestQualify:
    """QualifyLead: contact only."""

    PATH = f"leads({BOB})/Microsoft.Dynamics.CRM.QualifyLead"

    @staticmethod
    def created(*rows):
        return {"@odata.context": "x/$metadata#Collection(crmbaseentity)", "value": list(rows)}

    @pytest.mark.parametrize("kind", ["#Microsoft.Dynamics.CRM.contact", "Microsoft.Dynamics.CRM.contact"])
    def test_F1_the_new_contact_is_found_by_its_type(self, dynamics, service, json_answer, kind):
        """Whatever else the organisation made; nothing but a contact is asked for."""
        service.routes[self.PATH] = json_answer(
            self.created(
                {"@odata.type": "#Microsoft.Dynamics.CRM.new_contact", "new_contactid": EVE},
                {"@odata.type": "#Microsoft.Dynamics.CRM.account", "accountid": ACCOUNT},
                {"@odata.type": kind, "contactid": ANN.upper()},
            )
        )

        assert dynamics.qualify(BOB) == ANN

        (request,) = api_requests(service)
        assert request.method == "POST"
        assert request.content == b'{"CreateAccount":false,"CreateContact":true,"CreateOpportunity":false,"Status":3}'
        assert "if-none-match" not in request.headers

    @pytest.mark.parametrize(
        "outcome",
        [
            raising(httpx2.ReadTimeout("slow")),
            httpx2.Response(503),
            httpx2.Response(500, json={"error": {"code": "0x80040216", "message": "Unexpected."}}),
            httpx2.Response(204),
            httpx2.Response(200, json={"value": []}),
            httpx2.Response(200, json={"value": [{"@odata.type": "#Microsoft.Dynamics.CRM.account"}]}),
            httpx2.Response(200, json={"hello": "world"}),
        ],
        ids=["a timeout", "503", "an unexpected fault", "no document", "nothing made", "no contact", "another shape"],
    )
    def test_F1_an_answer_without_the_contact_is_none(self, dynamics, service, clock, outcome):
        """The contact is looked for before anything is repeated."""
        service.routes[self.PATH] = outcome

        with pytest.raises(NotAnswered):
            dynamics.qualify(BOB)

        assert (dynamics.requests, clock.slept) == (1, [])

    @pytest.mark.parametrize(
        ("code", "status", "expected"),
        [
            ("0x80040519", 400, StateConflict),
            ("0x80040217", 404, RowNotFound),
            ("0x80081018", 403, MissingPrivilege),
            ("0x80040265", 400, Refused),
        ],
        ids=["already closed", "no such lead", "no right to create", "a plug-in's veto"],
    )
    def test_F1_a_refusal_is_raised(self, dynamics, service, failure, code, status, expected):
        """Nothing happened."""
        service.routes[self.PATH] = failure(code, status=status)

        with pytest.raises(expected):
            dynamics.qualify(BOB)

    def test_R4_a_throttled_qualify_waits_and_is_sent_again(self, dynamics, service, json_answer, clock):
        """Reference 6.1: a 429 was not executed."""
        contact = {"@odata.type": "#Microsoft.Dynamics.CRM.contact", "contactid": ANN}
        service.routes[self.PATH] = [
            httpx2.Response(429, headers={"retry-after": "4"}),
            json_answer(self.created(contact)),
        ]

        assert dynamics.qualify(BOB) == ANN
        assert clock.slept == [4]
