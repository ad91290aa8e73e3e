"""The sign-in service beside the organisation: its URLs, its tenants and what it tells libraries about itself.

Libraries do not take a token URL: they ask an authority for it (OpenID Connect discovery), so an authority without
these documents cannot be tried with any of them. The documents are [k]: the reference tells of the endpoint alone.
"""

import re
from collections.abc import Callable, Mapping
from urllib.parse import parse_qs, unquote

from tandem.sandbox.messages import Request, Response
from tandem.sandbox.service.refusals import SignInRefused, answer
from tandem.sandbox.service.sign_in import SHARED_TENANTS, Endpoint, SignIn
from tandem.sandbox.service.tokens import Credentials
from tandem.sandbox.store.organisation import Organisation

_TOKEN = re.compile(r"/(?P<tenant>[^/]+)/oauth2(?P<second>/v2\.0)?/token")
_DISCOVERY = re.compile(r"/(?P<tenant>[^/]+)(?P<second>/v2\.0)?/\.well-known/openid-configuration")
_KEYS = re.compile(r"/(?P<tenant>[^/]+)/discovery(?:/v2\.0)?/keys")
_INSTANCE = re.compile(r"/common/discovery/instance")
_REALM = re.compile(r"/common/userrealm/(?P<username>[^/]+)")

Answer = Callable[["Authority", Request, Mapping[str, str | None]], Response]


class Authority:
    """Answers what is asked of `https://login.microsoftonline.com`, for one tenant."""

    def __init__(self, organisation: Organisation, credentials: Credentials, sign_in: SignIn) -> None:
        self._organisation = organisation
        self._tenant = credentials.tenant
        self._domain = credentials.username.rpartition("@")[2]
        self._sign_in = sign_in

    def answer(self, request: Request) -> Response | None:
        """The answer, or None for a path that is not the authority's."""
        for pattern, method in _PATHS.items():
            if match := pattern.fullmatch(unquote(request.path)):
                try:
                    return method(self, request, match.groupdict())
                except SignInRefused as refused:
                    return refused.response(self._organisation.clock())
        return None

    def _token(self, request: Request, named: Mapping[str, str | None]) -> Response:
        if request.method != "POST":
            raise SignInRefused(
                400,
                "invalid_request",
                900561,
                f"The endpoint only accepts POST, OPTIONS requests. Received a {request.method} request.",
            )
        endpoint = Endpoint(
            root=request.base,
            tenant=self._known(named["tenant"], "invalid_request"),
            version=2 if named["second"] else 1,
        )
        form = {name: values[0] for name, values in parse_qs(request.body.decode("utf-8", "replace")).items()}
        return answer(self._sign_in.grant(form, endpoint, authorization=request.headers.get("authorization", "")))

    def _configuration(self, request: Request, named: Mapping[str, str | None]) -> Response:
        """What OpenID Connect Discovery asks for, as far as it is here; nobody can sign in with a browser."""
        tenant = self._known(named["tenant"], "invalid_tenant")
        version = "/v2.0" if named["second"] else ""
        place = f"{request.base}/{tenant}"
        issuer = "{tenantid}" if tenant in SHARED_TENANTS else self._tenant
        return answer(
            {
                "token_endpoint": f"{place}/oauth2{version}/token",
                "token_endpoint_auth_methods_supported": [
                    "client_secret_post",
                    "private_key_jwt",
                    "client_secret_basic",
                ],
                "jwks_uri": f"{place}/discovery{version}/keys",
                "response_modes_supported": ["query", "fragment", "form_post"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
                "scopes_supported": ["openid", "profile", "email", "offline_access"],
                "issuer": f"{request.base}/{issuer}{version or '/'}",
                "authorization_endpoint": f"{place}/oauth2{version}/authorize",
            }
        )

    def _keys(self, request: Request, named: Mapping[str, str | None]) -> Response:
        self._known(named["tenant"], "invalid_tenant")
        return answer(self._sign_in.id_tokens.keys())

    def _instance(self, request: Request, named: Mapping[str, str | None]) -> Response:
        """Which names the authority goes by: its own, and where to read about the tenant that is asked after."""
        asked = parse_qs(request.query).get("authorization_endpoint", [""])[0]
        tenant = self._known(asked.removeprefix(request.base).strip("/").partition("/")[0], "invalid_instance")
        host = request.base.partition("://")[2]
        return answer(
            {
                "tenant_discovery_endpoint": f"{request.base}/{tenant}/v2.0/.well-known/openid-configuration",
                "api-version": "1.1",
                "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
            }
        )

    def _realm(self, request: Request, named: Mapping[str, str | None]) -> Response:
        """Where a user's password is checked: here, for the tenant's domain."""
        _, _, domain = str(named["username"]).lower().rpartition("@")
        known = {"account_type": "Managed", "domain_name": domain, "cloud_instance_name": "sandbox"}
        return answer({"ver": "1.0", **(known if domain == self._domain else {"account_type": "Unknown"})})

    def _known(self, tenant: str | None, error: str) -> str:
        """The tenant as it was named: by its id, its domain, or a name that stands for any. Raises SignInRefused."""
        name = str(tenant).lower()
        if name not in (self._tenant, self._domain, *SHARED_TENANTS):
            raise SignInRefused(400, error, 90002, f"Tenant '{tenant}' not found.")
        return name


_PATHS: Mapping[re.Pattern[str], Answer] = {
    _TOKEN: Authority._token,
    _DISCOVERY: Authority._configuration,
    _KEYS: Authority._keys,
    _INSTANCE: Authority._instance,
    _REALM: Authority._realm,
}
