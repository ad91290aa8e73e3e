"""Answers of the authority: JSON without OData, and one shape for every refused sign-in (reference 1.1).

A client that cannot tell a wrong secret from an account with a second factor cannot tell its user what to do.
"""

from datetime import datetime
from uuid import uuid4

import msgspec

from tandem.sandbox.messages import Response

_HEADERS = {"Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store, no-cache"}


class SignInRefused(Exception):
    """The authority's refusal. Numbers and the 400/401 split are unconfirmed beyond `invalid_grant` (reference 1.1)."""

    def __init__(self, status: int, error: str, number: int, description: str) -> None:
        super().__init__(description)
        self.status = status
        self.error = error
        self.number = number
        self.description = description

    def response(self, now: datetime) -> Response:
        """The answer that says so."""
        content = {
            "error": self.error,
            "error_description": f"AADSTS{self.number}: {self.description}",
            "error_codes": [self.number],
            "timestamp": now.strftime("%Y-%m-%d %H:%M:%SZ"),
            "trace_id": str(uuid4()),
            "correlation_id": str(uuid4()),
        }
        return answer(content, status=self.status)


def answer(content: object, *, status: int = 200) -> Response:
    """An answer of the authority."""
    return Response(status=status, headers=dict(_HEADERS), body=msgspec.json.encode(content))
