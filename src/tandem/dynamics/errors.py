"""What can go wrong with Dynamics, one class for each thing that somebody must tell apart.

    RetryLater     Throttled, Unavailable, Unreachable, NotAnswered, VersionMismatch
    NeedsRecord    RowNotFound, NotOnList
    NeedsPerson    AddressRefused, NotDataverse, TlsFailed, CaBundleUnusable
                   CertificateUnusable, CertificateLocked, CertificateOver, CredentialsIncomplete
                   Unauthorised, SignInRefused, SignInMisconfigured
                   NotAMember, NoRoles, NoLicence, UserDisabled, MissingPrivilege, ColumnSecured
                   TableUnknown, ColumnUnknown, ChangeTrackingOff
                   DuplicateKey, DuplicateRule, InvalidValue, OwnerRefused, RecordInactive, StateConflict, ListClosed
                   Refused
    HaltStream     TokenExpired, ColumnTypeChanged, ForeignLink
    OurBug         BadQuery

`error_from` in translation.py makes them from answers. None holds a token, a secret or a field value; only Refused
repeats the words of the server, because a plug-in's message is the only explanation there is.
"""

from tandem.model.errors import (
    HaltStream,
    NeedsPerson,
    NeedsRecord,
    OurBug,
    RetryLater,
    TandemError,
)


class DynamicsError(TandemError):
    """Anything Dynamics or the way to it refused."""

    @property
    def status(self) -> int | None:
        """The HTTP status, or None where there was no answer."""
        value = self.context.get("status")
        return value if isinstance(value, int) else None

    @property
    def dataverse_code(self) -> str | None:
        """The service's code as `0x` and eight lower-case digits, or None where it gave none."""
        return self._text("dataverse_code")

    @property
    def request_id(self) -> str | None:
        """The server's id of the request, for its support."""
        return self._text("request_id")

    def _text(self, name: str) -> str | None:
        value = self.context.get(name)
        return value if isinstance(value, str) else None


class Throttled(DynamicsError, RetryLater):
    """The service protection limits are reached (reference 6.1)."""

    code = "dynamics-throttled"


class Unavailable(DynamicsError, RetryLater):
    """The service had a fault of its own."""

    code = "dynamics-unavailable"


class Unreachable(DynamicsError, RetryLater):
    """No answer, or only a part of one, came back."""

    code = "dynamics-unreachable"
    advice = (
        "Try again later; `tandem run` does so by itself. If it stays so, check the network, the proxy and the address."
    )


class NotAnswered(DynamicsError, RetryLater):
    """A change was sent and no whole answer came back, so nobody knows whether Dynamics made it."""

    code = "dynamics-not-answered"
    advice = "Nothing to do: before Tandem sends anything to the record again, it looks what became of the change."


class VersionMismatch(DynamicsError, RetryLater):
    """The row changed since it was read."""

    code = "dynamics-version-mismatch"
    advice = "Nothing to do: Tandem reads the record again and decides again."


class RowNotFound(DynamicsError, NeedsRecord):
    """A row, or a row it names, does not exist."""

    code = "dynamics-row-not-found"


class NotOnList(DynamicsError, NeedsRecord):
    """The record is no member of the marketing list."""

    code = "not-on-list"
    advice = "Nothing to do: it is off the list already."


class AddressRefused(DynamicsError, NeedsPerson):
    """The given text is no address Tandem may send credentials to."""

    code = "dynamics-address"
    advice = "Give the address of the environment, for example https://contoso.crm.dynamics.com."


class NotDataverse(DynamicsError, NeedsPerson):
    """Something answered, but no Dataverse organisation."""

    code = "not-dataverse"
    advice = (
        "Check the address: it is the environment's own, as in the browser when Dynamics 365 is open, "
        "for example https://contoso.crm.dynamics.com."
    )


class TlsFailed(DynamicsError, NeedsPerson):
    """The server's certificate cannot be trusted."""

    code = "tls-failed"
    advice = (
        "Check the address and this machine's clock. If a company proxy inspects the traffic, give its CA with "
        "--ca-bundle. Tandem never goes on without a valid certificate."
    )


class CaBundleUnusable(DynamicsError, NeedsPerson):
    """The CA bundle cannot be read."""

    code = "ca-bundle"
    advice = "Give a readable file with one or more certificates in PEM form (-----BEGIN CERTIFICATE-----)."


class CertificateUnusable(DynamicsError, NeedsPerson):
    """The certificate file is none that can sign in."""

    code = "certificate-unusable"
    advice = (
        "Give a PEM file with the RSA private key and its certificate, or a PFX file. docs/how-to/"
        "sign-in-with-a-certificate.md makes one."
    )


class CertificateLocked(DynamicsError, NeedsPerson):
    """The certificate file has a password, and none or a wrong one was given."""

    code = "certificate-locked"
    advice = "Set TANDEM_CERTIFICATE_PASSWORD, or give --certificate-password - and the password on standard input."


class CertificateOver(DynamicsError, NeedsPerson):
    """The certificate is not valid today."""

    code = "certificate-over"
    advice = (
        "Make a new certificate, upload it at the app registration in Microsoft Entra (Certificates & secrets), and "
        "give it to Tandem: tandem connect --rotate --client-id ID --certificate FILE."
    )


class CredentialsIncomplete(DynamicsError, NeedsPerson):
    """The credentials cannot be used as they are."""

    code = "credentials-incomplete"
    advice = "Give a client id with a client secret, a certificate, or a user name and password, and the tenant."


class Unauthorised(DynamicsError, NeedsPerson):
    """The client's secret or certificate, or the token it got, is not accepted."""

    code = "dynamics-unauthorised"
    advice = (
        "Check the client id and the client secret (the secret's value, not its id; it may have expired), or whether "
        "the certificate is uploaded at the app registration. Then connect again; a subscription that is connected "
        "takes new credentials with tandem connect --rotate."
    )


class SignInRefused(DynamicsError, NeedsPerson):
    """The user's sign-in was refused."""

    code = "sign-in-refused"
    advice = "Check user name and password. Tandem does not try again by itself, so that the account is not locked."


class SignInMisconfigured(DynamicsError, NeedsPerson):
    """The app registration does not allow this sign-in."""

    code = "sign-in-misconfigured"
    advice = "Check tenant, client id and the app registration in Microsoft Entra."


class NotAMember(DynamicsError, NeedsPerson):
    """The credentials are good, but there is no such user in this organisation."""

    code = "not-a-member"
    advice = (
        "Add an application user for this client id in the Power Platform admin centre "
        "(environment, Settings, Application users) and give it a security role."
    )


class NoRoles(DynamicsError, NeedsPerson):
    """The sync user has no security role."""

    code = "no-roles"
    advice = "Give the sync user a security role with organisation-wide read on the synced tables."


class NoLicence(DynamicsError, NeedsPerson):
    """The sync user has no licence."""

    code = "no-licence"
    advice = "Assign a Dynamics 365 licence to the user, or use an application user, which needs none."


class UserDisabled(DynamicsError, NeedsPerson):
    """The sync user is disabled or has no business unit."""

    code = "user-disabled"
    advice = "Enable the sync user in Dynamics."


class MissingPrivilege(DynamicsError, NeedsPerson):
    """The sync user lacks a right on a table; context: `privilege`, `table`."""

    code = "missing-privilege"
    advice = "Add the privilege, for the whole organisation, to a security role of the sync user."


class ColumnSecured(DynamicsError, NeedsPerson):
    """Column security forbids it."""

    code = "column-secured"
    advice = "Add the sync user to a column security profile that allows it, or deselect the field."


class TableUnknown(DynamicsError, NeedsPerson):
    """The organisation has no such table."""

    code = "table-unknown"
    advice = "Check that the app that brings the table is installed in this environment."


class ColumnUnknown(DynamicsError, NeedsPerson):
    """The organisation has no such column; context: `column`, `table`."""

    code = "column-unknown"
    advice = "The column was deleted or renamed in Dynamics: deselect the field."


class ChangeTrackingOff(DynamicsError, NeedsPerson):
    """The table does not record its changes."""

    code = "change-tracking-off"
    advice = "Turn on 'Track changes' in the table's properties in Power Apps, then publish."


class DuplicateKey(DynamicsError, NeedsPerson):
    """A row with this id or key exists already."""

    code = "duplicate-key"
    advice = "Find the record with the same key in Dynamics and link or merge the two."


class DuplicateRule(DynamicsError, NeedsPerson):
    """A duplicate detection rule found a similar record."""

    code = "duplicate-rule"
    advice = "Look for the duplicate in Dynamics and merge it, or change the duplicate detection rule."


class InvalidValue(DynamicsError, NeedsPerson):
    """A value does not fit its column; context: `column`, `table` where the answer names them."""

    code = "invalid-value"
    advice = "Correct the value, or the column's limits in Dynamics."


class OwnerRefused(DynamicsError, NeedsPerson):
    """The owner cannot own the record."""

    code = "owner-refused"
    advice = "Choose an enabled user or an owner team that has a role with read on the table."


class RecordInactive(DynamicsError, NeedsPerson):
    """The record, or the one it belongs to, is inactive or read-only."""

    code = "record-inactive"
    advice = "Reactivate the record in Dynamics."


class StateConflict(DynamicsError, NeedsPerson):
    """The record's state does not allow this."""

    code = "state-conflict"
    advice = "Look at the record's status in Dynamics."


class ListClosed(DynamicsError, NeedsPerson):
    """The marketing list is locked, inactive, dynamic or for members of another kind."""

    code = "list-closed"
    advice = "Unlock or reactivate the marketing list in Dynamics, then ask again."


class Refused(DynamicsError, NeedsPerson):
    """A plug-in, a workflow or a rule of the organisation refused; the message holds its words."""

    code = "dynamics-refused"
    advice = "Read the reason; whoever looks after the organisation can change the rule."


class TokenExpired(DynamicsError, HaltStream):
    """The place in a table's changes is lost; its next link or delta link is no longer accepted (reference 4.6)."""

    code = "delta-token-expired"
    advice = "Nothing to do: Tandem reads the table again and compares."


class ColumnTypeChanged(DynamicsError, HaltStream):
    """A column holds values of another type than its definition said; context: `column`, `table`."""

    code = "column-type-changed"
    advice = "The column was deleted and made anew with another type: read the fields again or deselect it."


class ForeignLink(DynamicsError, HaltStream):
    """A link leads away from the organisation, and a token must never go elsewhere."""

    code = "foreign-link"
    advice = (
        "Somebody or something between Tandem and Dynamics changes the answers, or the address changed: check both."
    )


class BadQuery(DynamicsError, OurBug):
    """The service calls our request malformed."""

    code = "bad-query"
