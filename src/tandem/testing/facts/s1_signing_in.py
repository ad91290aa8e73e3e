"""Tokens, and who the caller is (reference 1)."""

import re

from tandem.testing.facts.case import Differs, Mark, Need, NotSeen, fact, same, true
from tandem.testing.facts.stage import Stage

FOREIGN = "not-a-token"


@fact("1.1", "the token endpoint grants an application a Bearer token")
def granted(stage: Stage) -> None:
    """Seconds of life, and the token."""
    found = stage.client.token(stage.client.application()).expect(200).json
    same("token_type", found["token_type"], "Bearer")
    true(isinstance(found["expires_in"], int) and found["expires_in"] > 0, "expires_in is no number of seconds")
    true(found["access_token"], "no access_token")


@fact("1.1", "the client-credentials grant gives no refresh token")
def no_refresh_token(stage: Stage) -> None:
    """Ask again instead."""
    true("refresh_token" not in stage.client.token(stage.client.application()).expect(200).json, "a refresh_token")


@fact(
    "1.1",
    "{0} is refused with `{2}`",
    each=[
        ("a wrong secret", {"client_secret": "wrong"}, "invalid_client"),
        ("a scope that is not `/.default`", {"scope": "https://example.org/other"}, "invalid_scope"),
    ],
)
def refused_grants(stage: Stage, _told: str, changed: dict[str, str], error: str) -> None:
    """A fault of configuration, told by `error`."""
    answer = stage.client.token(stage.client.application(**changed))
    true(answer.status in (400, 401), f"HTTP {answer.status}")
    same("error", answer.json["error"], error)


@fact("1.1", "a refused grant carries AADSTS text, error_codes, timestamp, trace_id and correlation_id")
def refusal_shape(stage: Stage) -> None:
    """What support asks for."""
    found = stage.client.token(stage.client.application(client_secret="wrong")).json
    true(re.match(r"AADSTS\d+: ", found["error_description"]), "error_description does not begin with AADSTS")
    true(isinstance(found["error_codes"], list), "error_codes is no list")
    missing = [name for name in ("timestamp", "trace_id", "correlation_id") if name not in found]
    same("members missing", missing, [])


@fact(
    "1.1",
    "which AADSTS number and status {0} has",
    mark=Mark.UNCONFIRMED,
    each=[
        ("a wrong secret", {"client_secret": "wrong"}),
        ("an unknown application", {"client_id": "00000000-0000-4000-8000-000000000000"}),
    ],
)
def refusal_numbers(stage: Stage, _told: str, changed: dict[str, str]) -> str:
    """Branch on `error`; this is for the record."""
    answer = stage.client.token(stage.client.application(**changed))
    true(answer.status in (400, 401), f"HTTP {answer.status}")
    return f"HTTP {answer.status} {answer.json['error']} {answer.json['error_codes']}"


def _by_password(stage: Stage, **changed: str) -> dict[str, str]:
    user = stage.client.sign_in
    if user.username is None or user.password is None:
        raise NotSeen("It takes a user name and a password.")
    return stage.client.application(
        **{"grant_type": "password", "username": user.username, "password": user.password, **changed}
    )


@fact("1.2", "a user signs in by password and the grant tells its scope")
def password_grant(stage: Stage) -> None:
    """ROPC."""
    found = stage.client.token(_by_password(stage)).expect(200).json
    true("scope" in found, "no scope")


@fact("1.2", "a refresh token comes only where `offline_access` was asked for")
def offline_access(stage: Stage) -> None:
    """Not otherwise."""
    scope = f"{stage.client.root}/.default"
    plain = stage.client.token(_by_password(stage, scope=scope)).expect(200).json
    offline = stage.client.token(_by_password(stage, scope=f"{scope} offline_access")).expect(200).json
    same("refresh tokens", ("refresh_token" in plain, "refresh_token" in offline), (False, True))


@fact("1.2", "a wrong password is 400 `invalid_grant`", need=Need.DOOR)
def wrong_password(stage: Stage) -> None:
    """Never tried on a real account: it locks."""
    answer = stage.client.token(_by_password(stage, password="wrong")).expect(400)
    same("error", answer.json["error"], "invalid_grant")


@fact("1.3", "{0} is 401 with a challenge", each=[("a foreign token", FOREIGN), ("no token", None)])
def unauthorised(stage: Stage, _told: str, token: str | None) -> None:
    """`WWW-Authenticate: Bearer ...`."""
    headers = {"Authorization": f"Bearer {token}" if token else None}
    answer = stage.client.send("GET", "WhoAmI", headers=headers, token=FOREIGN).expect(401)
    true(answer.headers.get("www-authenticate", "").startswith("Bearer"), "no `WWW-Authenticate: Bearer`")


@fact("1.3", "the challenge of a 401 names authorization_uri and resource_id", mark=Mark.UNCONFIRMED)
def challenge(stage: Stage) -> str:
    """The header's detail is unconfirmed."""
    found = stage.client.send("GET", "WhoAmI", token=FOREIGN).expect(401).headers.get("www-authenticate", "")
    return ", ".join(re.findall(r"(\w+)=", found)) or "nothing"


@fact("1.3", "what the body of a 401 is", mark=Mark.UNCONFIRMED)
def unauthorised_body(stage: Stage) -> str:
    """Empty, HTML or an error."""
    answer = stage.client.send("GET", "WhoAmI", token=FOREIGN).expect(401)
    try:
        return f"an error {answer.code}"
    except Differs:
        return f"{answer.headers.get('content-type', 'nothing')}, {len(answer.body)} bytes"


@fact("1.3", "an expired token is 401", need=Need.DOOR)
def expired(stage: Stage) -> None:
    """Drop it, fetch once, repeat once."""
    token = stage.client.token(stage.client.application()).expect(200).json["access_token"]
    stage.client.send("GET", "WhoAmI", token=token).expect(200)
    stage.door("expire-tokens")
    stage.client.send("GET", "WhoAmI", token=token).expect(401, "0x8004A101")


@fact("1.3", "an application user without any role is 403 0x80042F09", need=Need.DOOR)
def without_roles(stage: Stage) -> None:
    """Nothing works without one."""
    stage.afterwards("the roles", lambda: stage.door("roles", assigned=True))
    stage.door("roles", assigned=False)
    stage.get("systemusers?$select=fullname").expect(403, "0x80042F09")


@fact("1.3", "a disabled user is refused with 0x80040225", need=Need.DOOR)
def disabled(stage: Stage) -> None:
    """The status is unconfirmed."""
    stage.afterwards("the user", lambda: stage.door("disable", disabled=False))
    stage.door("disable", disabled=True)
    stage.get("systemusers?$select=fullname").refused("0x80040225")


@fact("1.3", "the status of a disabled user's refusal", mark=Mark.UNCONFIRMED, need=Need.DOOR)
def disabled_status(stage: Stage) -> str:
    """403 expected."""
    stage.afterwards("the user", lambda: stage.door("disable", disabled=False))
    stage.door("disable", disabled=True)
    return stage.get("systemusers?$select=fullname").refused("0x80040225")


@fact("1.3", "a missing table privilege is 403 0x80040220", need=Need.DOOR)
def without_privilege(stage: Stage) -> None:
    """Of the role, for the table."""
    stage.afterwards("prvReadLead", lambda: stage.door("privilege", privilege="prvReadLead", depth="Global"))
    stage.door("privilege", privilege="prvReadLead")
    stage.get("leads?$select=lastname").expect(403, "0x80040220")


@fact("1.4", "the caller of an application is a systemuser with that `applicationid`")
def application_user(stage: Stage) -> None:
    """Its row holds the Entra client id."""
    row = stage.get(f"systemusers({stage.user})?$select=applicationid").expect(200).json
    same("applicationid", str(row["applicationid"]).lower(), stage.client.sign_in.client_id.lower())


@fact("1.4", "an application user's access mode is 4, non-interactive")
def access_mode(stage: Stage) -> None:
    """No licence is needed."""
    same("accessmode", stage.get(f"systemusers({stage.user})?$select=accessmode").expect(200).json["accessmode"], 4)


@fact("1.4", "rows are owned by the application user that creates them, and stamped with it", need=Need.ROWS)
def own_rows(stage: Stage) -> None:
    """Unless `ownerid` says otherwise."""
    names = ["_ownerid_value", "_createdby_value", "_modifiedby_value"]
    row = stage.get(f"{stage.address(stage.row())}?$select={','.join(names)}").expect(200).json
    same("owner and stamps", [row[name] for name in names], [stage.user] * 3)


@fact("1.5", "`{0}` tells who the caller is", each=[("WhoAmI",), ("WhoAmI()",)])
def who_am_i(stage: Stage, path: str) -> None:
    """Three ids."""
    found = stage.get(path).expect(200).json
    missing = [name for name in ("BusinessUnitId", "UserId", "OrganizationId") if name not in found]
    same("members missing", missing, [])


@fact("1.5", "the context of WhoAmI is `$metadata#Microsoft.Dynamics.CRM.WhoAmIResponse`")
def who_am_i_context(stage: Stage) -> None:
    """As of every function."""
    found = stage.get("WhoAmI").expect(200).json["@odata.context"]
    same("@odata.context", found.rpartition("/")[2], "$metadata#Microsoft.Dynamics.CRM.WhoAmIResponse")


@fact("1.5", "UserId is the caller's systemuserid")
def user_id(stage: Stage) -> None:
    """It can be read."""
    stage.get(f"systemusers({stage.user})?$select=fullname").expect(200)
