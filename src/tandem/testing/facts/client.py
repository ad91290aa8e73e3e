"""A client of few words, written from the reference: it sends what it is told and shows what came.

A client that mended requests or read answers kindly would hide what the suite is here to see. Only two things are
done unasked, because no fact can be seen without: a token is renewed once (1.3), and a throttled request is repeated
after the pause the service asked for (6.1). What went over the wire is kept for the report, without secrets.
"""

import json
import re
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import httpx2

from tandem.testing.facts.case import Differs

API = "/api/data/v9.2"
HEADERS = {
    "Accept": "application/json",
    "OData-MaxVersion": "4.0",
    "OData-Version": "4.0",
    "If-None-Match": "null",
    "User-Agent": "TandemConformance",
}
"""What every request carries (reference 0.1)."""

_READABLE = "%!#$&'()*+,/:;=?@[]~"
_SHOWN = 2_000
_PAUSES = 5
_LONGEST_PAUSE = 600.0
_SECRETS = re.compile(r'((?:client_secret|password|refresh_token|access_token)(?:=|":\s*"))[^&"\s]+')
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_TIMEOUT = httpx2.Timeout(connect=10.0, read=130.0, write=60.0, pool=130.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """An application's credentials, and where tokens come from (reference 1.1).

    With a user name and password also the facts of the password grant are looked at (reference 1.2).
    """

    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    username: str | None = None
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer, with the request it answers. Header names are in lower case."""

    request: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")

    @property
    def json(self) -> Any:
        """The body. Raises Differs where it is no JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            raise Differs(f"the body is no JSON: {self.text[:200]!r}") from None

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of a collection. Raises Differs where it is none."""
        self.expect(200)
        found = self.json.get("value")
        if not isinstance(found, list):
            raise Differs("the body has no `value` with rows")
        return found

    @property
    def error(self) -> dict[str, Any]:
        """The error object. Raises Differs where the answer is no error of the documented shape (reference 7.1)."""
        found = self.json.get("error") if self.status >= 400 else None
        if not isinstance(found, dict) or not isinstance(found.get("code"), str) or "message" not in found:
            raise Differs(f'status {self.status} without a body {{"error": {{"code", "message"}}}}')
        return found

    @property
    def code(self) -> str:
        """The error code in lower case, `` for an empty one (reference 7.1)."""
        return str(self.error["code"]).lower()

    @property
    def row_id(self) -> str:
        """The GUID at the end of `OData-EntityId`. Raises Differs where there is none."""
        found = re.search(r"\(([0-9a-fA-F-]{36})\)$", self.headers.get("odata-entityid", ""))
        if found is None:
            raise Differs("no `OData-EntityId` with a row's address")
        return found[1].lower()

    def expect(self, status: int, code: str | None = None) -> "Answer":
        """This answer, if it has that status and, where one is given, that error code. Raises Differs."""
        if self.status != status or (code is not None and self.code != code.lower()):
            said = f"{status} {code}" if code is not None else str(status)
            raise Differs(f"answered with {self._outcome}, the reference says {said}")
        return self

    def refused(self, *codes: str) -> str:
        """Status and code of an answer that must be an error: with one of the codes, else with a status below 500.

        Raises Differs.
        """
        if self.status < 400 or (not codes and self.status >= 500):
            raise Differs(f"answered with {self._outcome}, the reference says that it is refused")
        if codes and self.code not in [code.lower() for code in codes]:
            raise Differs(f"refused with {self._outcome}, the reference says {' or '.join(codes)}")
        return f"{self.status} {self.code}"

    @property
    def _outcome(self) -> str:
        """The status, and of an error its code and message."""
        try:
            return f"{self.status} {self.code} `{self.error['message']}`" if self.status >= 400 else str(self.status)
        except Differs:
            return str(self.status)

    def shown(self) -> str:
        """Request and answer as a report prints them."""
        headers = "".join(f"{name}: {value}\n" for name, value in sorted(self.headers.items()) if name != "set-cookie")
        return _clean(f"{self.request}\n\nHTTP {self.status}\n{headers}\n{self.text[:_SHOWN]}")


class Client:
    """Sends requests to one organisation. `seen` holds the answers since it was last emptied."""

    def __init__(
        self,
        url: str,
        sign_in: SignIn,
        *,
        ca_bundle: Path | None = None,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        self.root = url.rstrip("/")
        self.api = f"{self.root}{API}"
        self.sign_in = sign_in
        self.seen: list[Answer] = []
        self._http = httpx2.Client(
            verify=ssl.create_default_context(cafile=ca_bundle) if ca_bundle else httpx2.create_ssl_context(),
            transport=transport,
            timeout=_TIMEOUT,
            follow_redirects=False,
            trust_env=urlsplit(url).hostname not in _LOOPBACK,
        )
        self._token = ""

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def send(
        self,
        method: str,
        path: str,
        content: object = None,
        *,
        headers: Mapping[str, str | None] | None = None,
        token: str | None = None,
        patient: bool = True,
    ) -> Answer:
        """The answer to one request; any status is an answer.

        `path` is below the API, or a link of the service's own, which goes out byte for byte. `content` is JSON, or
        bytes as they are. A header of None is left out. With a `token` of the fact's own nothing is renewed, and
        without `patient` nothing is repeated.
        """
        url = path if path.startswith(("http://", "https://")) else f"{self.api}/{path}"
        target = quote(url, safe=_READABLE)
        sent: dict[str, str | None] = {
            **HEADERS,
            "Authorization": f"Bearer {self._signed() if token is None else token}",
        }
        body = content if isinstance(content, bytes) else b"" if content is None else json.dumps(content).encode()
        if body:
            sent["Content-Type"] = "application/json; charset=utf-8"
        given = {name.lower() for name in headers or {}}
        sent = {name: value for name, value in sent.items() if name.lower() not in given} | dict(headers or {})
        answer = self._exchange(method, target, sent, body)
        if answer.status == 401 and token is None:
            self._token = ""
            answer = self._exchange(method, target, {**sent, "Authorization": f"Bearer {self._signed()}"}, body)
        for _ in range(_PAUSES if patient else 0):
            if answer.status != 429:
                break
            time.sleep(min(float(answer.headers.get("retry-after", "5")), _LONGEST_PAUSE))
            answer = self._exchange(method, target, sent, body)
        return answer

    def token(self, form: Mapping[str, str]) -> Answer:
        """The token endpoint's answer to a form."""
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        return self._exchange("POST", self.sign_in.token_url, dict(headers), urlencode(form).encode())

    def application(self, **changed: str) -> dict[str, str]:
        """The form of the client-credentials grant (reference 1.1), with what is changed in it."""
        return {
            "client_id": self.sign_in.client_id,
            "client_secret": self.sign_in.client_secret,
            "scope": f"{self.root}/.default",
            "grant_type": "client_credentials",
            **changed,
        }

    def forget_cookies(self) -> None:
        """Be a new client to the servers: the cookie that ties to one of them is kept otherwise (reference 6.2)."""
        self._http.cookies.clear()

    def _signed(self) -> str:
        if not self._token:
            granted = self.token(self.application()).expect(200)
            self._token = str(granted.json["access_token"])
        return self._token

    def _exchange(self, method: str, url: str, headers: Mapping[str, str | None], body: bytes) -> Answer:
        sent = {name: value for name, value in headers.items() if value is not None}
        parts = urlsplit(url)
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        answered = self._http.request(
            method, url, headers=sent, content=body or None, extensions={"target": target.encode("ascii")}
        )
        told = "".join(f"{name}: {value}\n" for name, value in sent.items() if name != "Authorization")
        answer = Answer(
            request=_clean(f"{method} {url}\n{told}\n{body.decode('utf-8', 'replace')[:_SHOWN]}".rstrip()),
            status=answered.status_code,
            headers={name.lower(): value for name, value in answered.headers.items()},
            body=answered.content,
        )
        self.seen.append(answer)
        return answer


def _clean(text: str) -> str:
    return _SECRETS.sub(r"\1***", text)
