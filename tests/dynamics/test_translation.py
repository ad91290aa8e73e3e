"""Every refusal becomes the error that says what to do, by its code."""

import re

import pytest

from tandem.dynamics import errors
from tandem.dynamics.errors import DynamicsError
from tandem.dynamics.messages import Response
from tandem.dynamics.translation import BY_CODE, error_from
from tandem.model.errors import HaltStream, NeedsPerson, NeedsRecord, OurBug, RetryLater

BODY_BY_CODE = [
    pytest.param('{"error":{"code":"0x80040220","message":"x"}}', id="hex, lower case"),
    pytest.param('{"error":{"code":"0X80040220","message":"x"}}', id="hex, upper case"),
    pytest.param('{"error":{"code":"-2147220960","message":"x"}}', id="signed decimal text"),
    pytest.param('{"error":{"code":"2147746336","message":"x"}}', id="unsigned decimal text"),
    pytest.param('{"error":{"code":-2147220960,"message":"x"}}', id="a number"),
    pytest.param('{"Message":"x","ExceptionMessage":"y","ErrorCode":-2147220960}', id="the older shape"),
]


@pytest.mark.parametrize("body", BODY_BY_CODE)
def test_the_code_is_read_in_every_form(body):
    """Reference 7.1: hex in any case, decimal, and the older body."""
    error = error_from(Response(status=403, headers={"req_id": "r1"}, body=body.encode()))

    assert (type(error), error.dataverse_code, error.status, error.request_id) == (
        errors.MissingPrivilege,
        "0x80040220",
        403,
        "r1",
    )


@pytest.mark.parametrize(
    ("code", "meaning"), BY_CODE.items(), ids=lambda value: hex(value) if isinstance(value, int) else ""
)
def test_every_known_code_has_its_class(code, meaning):
    """The class depends on the code, whatever the status says."""
    body = f'{{"error":{{"code":"0x{code:08X}","message":"text"}}}}'.encode()

    found = {type(error_from(Response(status=status, body=body))) for status in (400, 403, 404, 412, 500)}

    expected = {meaning[0], errors.BadQuery} if meaning[0] is errors.TableUnknown else {meaning[0]}
    assert expected == found


QUOTED = [
    (0x80040227, 405, "another row depends on it"),
    (0x8004023B, 405, "an operation that is not allowed"),
    (0x80040265, 400, "a plug-in's veto"),
    (0x8004030A, 400, "a response without campaign"),
    (0x80040315, 405, "an operation that is not supported"),
    (0x80045300, 400, "a merge in a circle"),
    (0x80045304, 400, "a merge of an inactive record"),
    (0x80045305, 400, "a merge with itself"),
    (0x80045316, 400, "a merge under different parents"),
    (0x80045317, 400, "a merge that loses its parent"),
    (0x80048202, 400, "a role that is there"),
    (0x8006088D, 400, "a table that compares no versions"),
]


@pytest.mark.parametrize(("code", "status"), [each[:2] for each in QUOTED], ids=[each[2] for each in QUOTED])
def test_a_refusal_that_only_its_words_explain_is_quoted(code, status):
    """The other codes of reference 7.2: nothing but reading the reason helps."""
    body = f'{{"error":{{"code":"0x{code:08x}","message":"Because of this."}}}}'.encode()

    error = error_from(Response(status=status, body=body))

    assert code not in BY_CODE
    assert type(error) is errors.Refused
    assert error.message == "Dynamics refused: Because of this."


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, '{"error":{"code":"","message":"No."}}', errors.Refused),
        (400, '{"error":{"code":"0x0","message":"No."}}', errors.Refused),
        (400, '{"error":{"code":"not a code","message":"No."}}', errors.Refused),
        (412, '{"error":{"code":"","message":"No."}}', errors.Refused),
        (404, '{"error":{"code":"","message":"No."}}', errors.Refused),
        (400, '{"error":{"code":"0x80040265","message":"Credit check failed."}}', errors.Refused),
        (501, '{"error":{"code":"0x8006088a","message":"No."}}', errors.BadQuery),
        (401, "", errors.Unauthorised),
        (401, "<html>Sign in</html>", errors.Unauthorised),
        (403, "<html>Forbidden</html>", errors.NotDataverse),
        (404, "<html>Not here</html>", errors.NotDataverse),
        (404, "[]", errors.NotDataverse),
        (404, '{"detail":"No such route"}', errors.NotDataverse),
        (400, '{"ErrorCode":0,"ExceptionMessage":"No."}', errors.Refused),
        (405, "", errors.NotDataverse),
        (413, "", errors.Refused),
        (429, "", errors.Throttled),
        (500, "<html>Oops</html>", errors.Unavailable),
        (502, "", errors.Unavailable),
        (503, "<html>Busy</html>", errors.Unavailable),
        (504, b"\xff\xfe", errors.Unavailable),
    ],
)
def test_an_answer_without_a_known_code_falls_back_to_its_status(status, body, expected):
    """Gateways answer with HTML or nothing; plug-ins with texts of their own."""
    raw = body if isinstance(body, bytes) else body.encode()

    assert type(error_from(Response(status=status, body=raw))) is expected


@pytest.mark.parametrize("shape", ['{"error":{"code":"0x80040265","message":"%s"}}', '{"error":"%s"}'])
def test_P7_what_is_quoted_can_be_kept_and_is_bounded(shape):
    """PostgreSQL keeps no NUL, so one plug-in's message would stop every cycle; and nobody reads a megabyte."""
    body = shape % ("a\\u0000b\\u001b" + "x" * 1_000_000)

    message = error_from(Response(status=400, body=body.encode())).message

    assert "a\ufffdb\ufffdxxx" in message
    assert len(message) < 600


def test_a_refusal_of_the_organisation_is_quoted():
    """A plug-in's words are the only explanation there is."""
    error = error_from(Response(status=400, body=b'{"error":{"code":"0x80040265","message":"Credit check failed."}}'))

    assert error.message == "Dynamics refused: Credit check failed."
    assert error.dataverse_code == "0x80040265"


@pytest.mark.parametrize(
    ("code", "message", "expected"),
    [
        (
            "0x80040220",
            "Principal user (Id=1, type=8) is missing prvReadLead privilege (Id=2) on OTC=4 for entity 'lead'.",
            {"privilege": "prvReadLead", "table": "lead"},
        ),
        ("0x80040220", "is missing prvReadLead privilege (Id=2)", {"privilege": "prvReadLead"}),
        (
            "0x80060888",
            "Could not find a property named 'firstnme' on type 'Microsoft.Dynamics.CRM.contact'.",
            {"column": "firstnme", "table": "contact"},
        ),
        (
            "0x80041103",
            "'contact' entity doesn't contain attribute with Name = 'x'",
            {"column": "x", "table": "contact"},
        ),
        (
            "0x80044331",
            "A validation error occurred. The length of the 'subject' attribute of the 'task' entity exceeded 200.",
            {"column": "subject", "table": "task"},
        ),
        (
            "0x80040217",
            "contact With Id = 465b158c-541c-e511-80d3-3863bb347ba8 Does Not Exist",
            {"record": "465b158c-541c-e511-80d3-3863bb347ba8", "table": "contact"},
        ),
        ("0x80072491", "Entity lead isn't enabled for change tracking.", {"table": "lead"}),
        ("0x8006088a", "Resource not found for the segment 'ontacts'.", {"segment": "ontacts"}),
        ("0x80048d19", "An undeclared property 'fax' which does not exist was found.", {"column": "fax"}),
        ("0x80044331", "Localised beyond recognition", {}),
    ],
)
def test_names_are_taken_from_the_text(code, message, expected):
    """The text serves for names only, and names stand in the message."""
    response = Response(status=404, body=f'{{"error":{{"code":"{code}","message":"{message}"}}}}'.encode())

    error = error_from(response)

    names = {
        name: value for name, value in error.context.items() if name not in ("status", "dataverse_code", "request_id")
    }
    assert expected == names
    assert all(str(name) in error.message for name in expected.values())


@pytest.mark.parametrize(
    ("header", "expected"),
    [("27", 27.0), ("0", 0.0), ("", None), ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("-5", None)],
)
def test_S8_retry_after_is_seconds(header, expected):
    """A wait the server asks for is kept on the error."""
    error = error_from(Response(status=429, headers={"retry-after": header}))

    assert isinstance(error, RetryLater)
    assert expected == error.retry_after


@pytest.mark.parametrize(
    ("status", "failure", "numbers", "expected", "words"),
    [
        (401, "invalid_client", [7000215], errors.Unauthorised, "client secret"),
        (401, "invalid_client", [7000222], errors.Unauthorised, "expired"),
        (400, "unauthorized_client", [700016], errors.Unauthorised, "client id"),
        (400, "invalid_grant", [50076], errors.SignInRefused, "multi-factor"),
        (400, "invalid_grant", [50079], errors.SignInRefused, "multi-factor"),
        (400, "invalid_grant", [50126], errors.SignInRefused, "password"),
        (400, "invalid_grant", [], errors.SignInRefused, "password"),
        (400, "invalid_scope", [], errors.SignInMisconfigured, "address"),
        (400, "invalid_request", [90002], errors.SignInMisconfigured, "no such tenant"),
        (400, "invalid_request", [900144], errors.SignInMisconfigured, "invalid"),
        (400, "invalid_resource", [500011], errors.SignInMisconfigured, "address"),
        (400, "invalid_grant", [65001], errors.SignInMisconfigured, "user_impersonation"),
        (401, "invalid_client", [7000218], errors.SignInMisconfigured, "client secret"),
        (400, "unauthorized_client", [], errors.SignInMisconfigured, "may not sign in"),
        (400, "something_new", [], errors.SignInMisconfigured, "something_new"),
        (503, "temporarily_unavailable", [], errors.Unavailable, "not available"),
    ],
)
def test_S7_sign_in_errors_say_what_to_do(status, failure, numbers, expected, words):
    """The token endpoint's refusals; an MFA account is explained, from the number or from the text."""
    described = " ".join(f"AADSTS{number}: text." for number in numbers)
    by_number = f'{{"error":"{failure}","error_codes":{numbers},"error_description":"x","trace_id":"t1"}}'
    by_text = f'{{"error":"{failure}","error_description":"{described}"}}'

    for body in (by_number, by_text):
        error = error_from(Response(status=status, body=body.encode()))

        assert type(error) is expected
        assert words in error.message + error.remedy


def test_every_leaf_has_a_code_and_an_advice_and_one_recovery():
    """The errors page and the JSON rely on stable codes; a person needs to know what to do."""
    leaves = DynamicsError.__subclasses__()
    recoveries = (RetryLater, NeedsRecord, NeedsPerson, HaltStream, OurBug)

    assert len({leaf.code for leaf in leaves}) == len(leaves)
    for leaf in leaves:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", leaf.code), leaf
        assert leaf.advice, leaf
        assert sum(issubclass(leaf, recovery) for recovery in recoveries) == 1, leaf
        assert leaf.__name__ in str(errors.__doc__), leaf
