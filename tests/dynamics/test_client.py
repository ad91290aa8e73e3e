"""The facade: what it asks and what it makes of the answers."""

from decimal import Decimal

import pytest

from tandem.dynamics.errors import (
    BadQuery,
    ChangeTrackingOff,
    ColumnUnknown,
    ForeignLink,
    MissingPrivilege,
    NotDataverse,
    RowNotFound,
    TokenExpired,
)
from tandem.dynamics.identity import Depth, Identity, Organization, User
from tandem.dynamics.queries import PageQuery
from tandem.dynamics.rows import RowDecoder
from tandem.model.errors import OurBug
from tandem.model.schema import Column, ColumnType

API = "https://contoso.crm.dynamics.com/api/data/v9.2"
ANN = "465b158c-541c-e511-80d3-3863bb347ba8"
BOB = "565b158c-541c-e511-80d3-3863bb347ba8"
USER = "4026be43-6b69-e111-8f65-78e7d1620f5e"


def test_who_am_i_gives_lower_case_ids(dynamics, service, json_answer):
    """The identity is the caller's ids, and one request is counted, the token not."""
    service.routes["WhoAmI"] = json_answer(
        {"BusinessUnitId": "7A0E", "UserId": USER.upper(), "OrganizationId": "883278F5"}
    )

    identity = dynamics.who_am_i()

    assert Identity(user_id=USER, business_unit_id="7a0e", organization_id="883278f5") == identity
    assert dynamics.requests == 1


def test_every_request_carries_the_documented_headers(dynamics, service, json_answer):
    """Reference 0.1: versions, JSON, no caching, the token, an id of the request, gzip, and no cookie."""
    service.routes["RetrieveVersion()"] = [
        json_answer({"Version": "9.2.1"}, set_cookie="ARRAffinity=abc; Path=/"),
        json_answer({"Version": "9.2.1"}),
    ]

    assert dynamics.version() == dynamics.version() == "9.2.1"

    first, second = (request.headers for request in service.seen if "/api/" in request.url.path)
    assert {
        "accept": "application/json",
        "odata-version": "4.0",
        "odata-maxversion": "4.0",
        "if-none-match": "null",
        "authorization": "Bearer eyJ-token",
        "accept-encoding": "gzip",
    }.items() <= dict(first).items()
    assert first["x-ms-client-request-id"] != second["x-ms-client-request-id"]
    assert "cookie" not in second


def test_organization_is_read_from_the_detail(dynamics, service, json_answer):
    """RetrieveCurrentOrganization nests its facts in Detail."""
    service.routes[
        "RetrieveCurrentOrganization(AccessType=@p1)?@p1=Microsoft.Dynamics.CRM.EndpointAccessType'Default'"
    ] = json_answer(
        {
            "Detail": {
                "OrganizationId": "883278F5",
                "FriendlyName": "Contoso",
                "OrganizationVersion": "9.2.1",
                "UniqueName": "unq1",
                "EnvironmentId": "e1",
            }
        }
    )

    assert dynamics.organization() == Organization(
        id="883278f5", friendly_name="Contoso", unique_name="unq1", version="9.2.1", environment_id="e1"
    )


def test_an_answer_that_is_not_dataverse_is_named_so(dynamics, service, json_answer):
    """A web page with status 200, or JSON of something else, is no organisation."""
    service.routes["WhoAmI"] = [
        json_answer({"hello": "world"}),
        json_answer({}, content_type="text/html"),
    ]

    for _ in range(2):
        with pytest.raises(NotDataverse):
            dynamics.who_am_i()


def test_user_is_read_by_its_columns(dynamics, service, json_answer):
    """A user tells whether it is disabled and which app it is."""
    service.routes[f"systemusers({USER})?$select=fullname,isdisabled,applicationid,accessmode"] = json_answer(
        {
            "systemuserid": USER,
            "fullname": "# Sync",
            "isdisabled": True,
            "applicationid": "ABC",
            "accessmode": 4,
        }
    )

    assert dynamics.user(USER) == User(
        systemuserid=USER, fullname="# Sync", isdisabled=True, applicationid="abc", accessmode=4
    )


def test_privileges_keep_the_widest_depth(dynamics, service, json_answer):
    """Two roles grant the same privilege; the wider one counts."""
    service.routes[f"systemusers({USER})/Microsoft.Dynamics.CRM.RetrieveUserPrivileges()"] = json_answer(
        {
            "RolePrivileges": [
                {"Depth": "Global", "PrivilegeId": "p1", "PrivilegeName": "prvReadLead"},
                {"Depth": "Basic", "PrivilegeId": "p1", "PrivilegeName": "prvReadLead"},
                {"Depth": "Local", "PrivilegeId": "p2", "PrivilegeName": "prvWriteLead"},
            ]
        }
    )

    assert dynamics.privileges(USER) == {"prvReadLead": Depth.GLOBAL, "prvWriteLead": Depth.LOCAL}


def test_privileges_without_names_are_looked_up(dynamics, service, json_answer):
    """Some versions leave PrivilegeName out (reference 1.7); the list of privileges has pages."""
    service.routes |= {
        f"systemusers({USER})/Microsoft.Dynamics.CRM.RetrieveUserPrivileges()": json_answer(
            {
                "RolePrivileges": [
                    {"Depth": "Deep", "PrivilegeId": "P1"},
                    {"Depth": "Deep", "PrivilegeId": "p9"},
                ]
            }
        ),
        "privileges?$select=name,privilegeid": json_answer(
            {"value": [], "@odata.nextLink": f"{API}/privileges?page=2"}
        ),
        "privileges?page=2": json_answer({"value": [{"name": "prvReadLead", "privilegeid": "p1"}]}),
    }

    assert dynamics.privileges(USER) == {"prvReadLead": Depth.DEEP}


def test_record_counts_are_zipped_from_the_dictionary_shape(dynamics, service, json_answer):
    """Keys and values come as two lists (reference 3.3)."""
    service.routes['RetrieveTotalRecordCount(EntityNames=@p1)?@p1=["account","contact"]'] = json_answer(
        {"EntityRecordCountCollection": {"Count": 2, "Keys": ["account", "contact"], "Values": [1234, 98765]}}
    )

    assert dynamics.record_counts(["account", "contact"]) == {"account": 1234, "contact": 98765}


def test_schema_version_is_the_annotation(dynamics, service, json_answer, failure):
    """The probe reads globalmetadataversion; a user who may not read the probed table gets None."""
    service.routes["businessunits?$select=businessunitid&$top=1"] = [
        json_answer({"@Microsoft.Dynamics.CRM.globalmetadataversion": "4521337", "value": []}),
        json_answer({"value": []}),
        failure("0x80040220", status=403),
    ]

    assert [dynamics.schema_version() for _ in range(3)] == ["4521337", None, None]


class TestPages:
    """Streams: the first page, the following ones, and what a refusal means."""

    @pytest.fixture
    def table(self, make_table):
        return make_table(
            columns={
                "fullname": ColumnType.TEXT,
                "revenue": ColumnType.MONEY,
                "parentcustomerid": Column(
                    name="parentcustomerid", type=ColumnType.LOOKUP, targets=("account", "contact")
                ),
            }
        )

    @pytest.fixture
    def decoder(self, table):
        return RowDecoder(table, ["fullname", "revenue", "parentcustomerid"])

    @pytest.fixture
    def query(self, table):
        return PageQuery(
            table=table, columns=["fullname", "revenue", "parentcustomerid"], track_changes=True, page_size=2
        )

    def test_a_tracked_read_follows_its_links(self, dynamics, service, json_answer, decoder, query):
        """The first page asks for tracking; the links go out byte for byte with the other preferences."""
        next_link = f"{API}/contacts?$select=fullname&$skiptoken=%3Ccookie%20pagenumber=%222%22%20/%3E"
        delta_link = f"{API}/contacts?$select=fullname&$deltatoken=919042%2108%2f22%2f2025"
        row = {
            "@odata.etag": 'W/"81"',
            "contactid": ANN,
            "fullname": "Ann Ek",
            "revenue": 5000000.0,
            "_parentcustomerid_value": BOB,
            "_parentcustomerid_value@Microsoft.Dynamics.CRM.lookuplogicalname": "account",
            "versionnumber": 81,
        }
        first_path = "contacts?$select=contactid,fullname,revenue,_parentcustomerid_value,versionnumber"
        service.routes |= {
            first_path: json_answer({"value": [row], "@odata.nextLink": next_link}),
            'contacts?$select=fullname&$skiptoken=<cookie pagenumber="2" />': json_answer(
                {
                    "value": [{"@odata.context": "x/$deletedEntity", "id": BOB, "reason": "deleted"}],
                    "@odata.deltaLink": delta_link,
                }
            ),
        }

        first = dynamics.read_page(query, decoder)
        second = dynamics.read_page(first.next_link, decoder, page_size=2)

        (ann,) = first.rows
        assert (ann.contactid, ann.fullname, ann.versionnumber) == (ANN, "Ann Ek", 81)
        assert (ann.revenue, ann.parentcustomerid, ann.parentcustomerid_type) == (
            Decimal("5000000.0"),
            BOB,
            "account",
        )
        assert (first.deleted, first.next_link, first.delta_link) == ([], next_link, None)
        assert (second.rows, second.deleted, second.delta_link) == ([], [BOB], delta_link)
        requests = [request for request in service.seen if "/api/" in request.url.path]
        annotations = 'odata.include-annotations="Microsoft.Dynamics.CRM.lookuplogicalname"'
        assert [request.headers["prefer"] for request in requests] == [
            f"odata.track-changes,odata.maxpagesize=2,{annotations}",
            f"odata.maxpagesize=2,{annotations}",
        ]
        assert f"https://contoso.crm.dynamics.com{requests[1].extensions['target'].decode()}" == next_link

    def test_D4_only_a_secured_column_is_read_past_servers_that_know_of_old_rights(
        self, dynamics, service, json_answer, make_table
    ):
        """A right that was given back half a minute ago brings values, not nulls (reference 0.1, 1.8)."""
        table = make_table(
            columns={"fullname": ColumnType.TEXT, "ssn": Column(name="ssn", type=ColumnType.TEXT, secured=True)}
        )
        next_link = f"{API}/contacts?$skiptoken=2"
        service.routes |= {
            f"contacts?$select=contactid,{each},versionnumber": json_answer({"value": [], "@odata.nextLink": next_link})
            for each in ("ssn", "fullname")
        } | {"contacts?$skiptoken=2": json_answer({"value": []})}

        for column in ("ssn", "fullname"):
            decoder = RowDecoder(table, [column])
            dynamics.read_page(PageQuery(table=table, columns=[column]), decoder)
            dynamics.read_page(next_link, decoder)

        asked = [request.headers.get("consistency") for request in service.seen if "/api/" in request.url.path]
        assert ["Strong", "Strong", None, None] == asked

    def test_S12_a_filtered_read_is_encoded(self, dynamics, service, json_answer, table):
        """Fresh edits are read by modifiedon in a stable order."""
        decoder = RowDecoder(table, ["fullname"])
        query = PageQuery(
            table=table,
            columns=["fullname"],
            filter="fullname eq 'O''Brien & Co' and modifiedon ge 2025-03-01T00:00:00Z",
            orderby="modifiedon,contactid",
        )
        service.routes[
            "contacts?$select=contactid,fullname,versionnumber&$filter=fullname eq 'O''Brien & Co' and "
            "modifiedon ge 2025-03-01T00:00:00Z&$orderby=modifiedon,contactid"
        ] = json_answer({"value": []})

        assert dynamics.read_page(query, decoder).rows == []
        assert b"O''Brien%20%26%20Co'" in service.seen[-1].extensions["target"]
        assert service.seen[-1].headers["prefer"] == "odata.maxpagesize=5000"

    def test_D7_the_rows_that_meet_a_condition_are_counted(self, dynamics, service, json_answer, failure, table):
        """Reference 3.3: exactly, by an aggregate; above 50,000 rows Dynamics refuses, and the number is not known."""
        address = "contacts?$apply=filter(fullname eq 'O''Brien & Co')/aggregate($count as n)"
        counted = []
        for answer in (json_answer({"value": [{"n": 17}]}), failure("0x8004E023")):
            service.routes[address] = answer
            counted.append(dynamics.count(table, "fullname eq 'O''Brien & Co'"))
        service.routes[address] = failure("0x80060888")

        assert counted == [17, None]
        with pytest.raises(BadQuery):
            dynamics.count(table, "fullname eq 'O''Brien & Co'")

    def test_a_tracked_read_cannot_be_filtered(self, table):
        """Reference 4.4: the service refuses it, so asking is our bug."""
        with pytest.raises(OurBug):
            PageQuery(table=table, columns=["fullname"], track_changes=True, filter="statecode eq 0")

    @pytest.mark.parametrize(
        "link",
        [
            "https://evil.example/api/data/v9.2/contacts?$deltatoken=1",
            "http://contoso.crm.dynamics.com/api/data/v9.2/contacts?$deltatoken=1",
            "https://contoso.crm.dynamics.com:8443/api/data/v9.2/contacts?$deltatoken=1",
            "https://contoso.crm.dynamics.com@evil.example/api/data/v9.2/contacts",
            "https://contoso.crm.dynamics.com/other?$deltatoken=1",
            "https://contoso.crm.dynamics.com/api/data/v9.2/contacts\r\nX: y",
            "contacts?$deltatoken=1",
            "https://contoso.crm.dynamics.com:x/api/data/v9.2/contacts",
        ],
    )
    def test_a_token_never_follows_a_foreign_link(self, dynamics, service, decoder, link):
        """A link to another place stops the stream, and nothing is sent there."""
        with pytest.raises(ForeignLink):
            dynamics.read_page(link, decoder)
        with pytest.raises(ForeignLink):
            dynamics.count_changes(link)

        assert service.paths == []

    @pytest.mark.parametrize(
        ("code", "message", "status", "expected"),
        [
            ("0x80044352", "Version stamp associated with the client has expired.", 400, TokenExpired),
            ("0x80044352", "Expired.", 410, TokenExpired),
            ("", "Who knows.", 410, TokenExpired),
            ("0x8004ffff", "Something new.", 400, TokenExpired),
            ("0x80060888", "Bad token.", 400, TokenExpired),
            (
                "0x80060888",
                "Could not find a property named 'fax' on type 'Microsoft.Dynamics.CRM.contact'.",
                400,
                ColumnUnknown,
            ),
            ("0x80072491", "Entity contact isn't enabled for change tracking.", 400, ChangeTrackingOff),
            (
                "0x80040220",
                "is missing prvReadContact privilege (Id=1) on OTC=2 for entity 'contact'",
                403,
                MissingPrivilege,
            ),
        ],
    )
    def test_S11_a_refused_delta_link_is_an_expired_one_unless_its_cause_is_known(
        self, dynamics, service, failure, decoder, code, message, status, expected
    ):
        """Reference 4.6: the code of an expired token is unconfirmed."""
        service.routes["contacts?$deltatoken=1"] = failure(code, message, status)

        with pytest.raises(expected) as caught:
            dynamics.read_page(f"{API}/contacts?$deltatoken=1", decoder)

        assert caught.value.status == status

    def test_the_same_refusal_of_a_first_page_is_no_expired_link(self, dynamics, service, failure, decoder, query):
        """Only a stored link can expire."""
        service.routes["contacts?$select=contactid,fullname,revenue,_parentcustomerid_value,versionnumber"] = failure(
            "0x80060888", "Could not find a property named 'revenue' on type 'Microsoft.Dynamics.CRM.contact'."
        )

        with pytest.raises(ColumnUnknown) as caught:
            dynamics.read_page(query, decoder)

        assert (caught.value.context["column"], caught.value.context["table"]) == ("revenue", "contact")

    def test_changes_are_counted_by_the_token_alone(self, dynamics, service, json_answer):
        """Reference 4.4: the count takes the delta token without the selection."""
        service.routes["contacts/$count?$deltatoken=919042!08/22"] = json_answer(17, content_type="text/plain")

        assert dynamics.count_changes(f"{API}/contacts?$select=a,b&$deltatoken=919042%2108%2f22") == 17
        assert service.seen[-1].extensions["target"].endswith(b"/contacts/$count?$deltatoken=919042%2108%2f22")

    def test_a_count_that_is_no_number_is_named_so(self, dynamics, service, json_answer):
        """A web page is no count."""
        service.routes["contacts/$count?$deltatoken=1"] = json_answer({}, content_type="text/html")

        with pytest.raises(NotDataverse):
            dynamics.count_changes(f"{API}/contacts?$deltatoken=1")

    def test_S11_a_count_tells_an_expired_link_too(self, dynamics, service, failure):
        """The same refusal means the same."""
        service.routes["contacts/$count?$deltatoken=1"] = failure("0x80044352")

        with pytest.raises(TokenExpired):
            dynamics.count_changes(f"{API}/contacts?$deltatoken=1")

    def test_a_page_size_given_with_the_page_serves_queries_too(self, dynamics, service, json_answer, table):
        """One size from the first page to the last (reference 3.5)."""
        decoder = RowDecoder(table, ["fullname"])
        service.routes |= {
            "contacts?$select=contactid,fullname,versionnumber": json_answer({"value": []}),
            "contacts?page=2": json_answer({"value": []}),
        }

        for where in (PageQuery(table=table, columns=["fullname"]), f"{API}/contacts?page=2"):
            dynamics.read_page(where, decoder, page_size=7)

            assert service.seen[-1].headers["prefer"] == "odata.maxpagesize=7"

    def test_a_link_without_delta_token_cannot_be_counted(self, dynamics):
        """The stored text is no delta link."""
        with pytest.raises(TokenExpired):
            dynamics.count_changes(f"{API}/contacts?$skiptoken=1")


class TestFetch:
    """Single rows by id, in batches."""

    def test_rows_and_missing_ids_are_told_apart(self, dynamics, service, json_answer, failure, make_table):
        """404 0x80040217 is a missing row; one request serves both."""
        table = make_table()
        decoder = RowDecoder(table, ["fullname"])
        service.routes |= {
            f"contacts({ANN})?$select=contactid,fullname,versionnumber": json_answer(
                {"@odata.context": "x/$entity", "contactid": ANN, "fullname": "Ann Ek", "versionnumber": 5}
            ),
            f"contacts({BOB})?$select=contactid,fullname,versionnumber": failure(
                "0x80040217", f"contact With Id = {BOB} Does Not Exist", 404
            ),
        }

        rows, missing = dynamics.fetch(table, [BOB, ANN], decoder)

        assert [row.fullname for row in rows] == ["Ann Ek"]
        assert missing == [BOB]
        assert dynamics.requests == 1
        assert service.seen[-1].headers["prefer"] == "odata.continue-on-error"

    def test_any_other_refusal_is_raised(self, dynamics, service, failure, make_table):
        """A missing privilege must not look like a deleted row."""
        table = make_table()
        service.routes[f"contacts({ANN})?$select=contactid,fullname,versionnumber"] = failure("0x80040220", status=403)

        with pytest.raises(MissingPrivilege):
            dynamics.fetch(table, [ANN], RowDecoder(table, ["fullname"]))

    def test_an_unknown_table_is_no_missing_row(self, dynamics, make_table):
        """404 has several meanings; only the code tells."""
        table = make_table("gone")

        with pytest.raises(Exception, match="no such table") as caught:
            dynamics.fetch(table, [ANN], RowDecoder(table, ["fullname"]))

        assert not isinstance(caught.value, RowNotFound)

    def test_a_table_without_names_has_none_to_fetch(self, dynamics, make_table):
        """Intersect tables have no primary name."""
        assert dynamics.fetch_names(make_table(primary_name=None), [ANN]) == {}
        assert dynamics.requests == 0

    def test_more_than_a_hundred_ids_make_several_batches(self, dynamics, service, json_answer, make_table):
        """201 ids are three requests, and nothing is asked for no ids."""
        table = make_table()
        ids = [f"{number:08x}-541c-e511-80d3-3863bb347ba8" for number in range(201)]
        for row_id in ids:
            service.routes[f"contacts({row_id})?$select=contactid,fullname,versionnumber"] = json_answer(
                {"contactid": row_id, "fullname": row_id[:8], "versionnumber": 1}
            )

        names = dynamics.fetch_names(table, ids)

        assert names == {row_id: row_id[:8] for row_id in ids}
        assert dynamics.requests == 3
        assert dynamics.fetch_names(table, []) == {}
        assert dynamics.requests == 3
