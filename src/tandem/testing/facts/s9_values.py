"""Acting for others, time, money, echoes, and what general knowledge adds (reference 9, 13)."""

from tandem.testing.facts.case import Mark, Need, NotSeen, fact, same, true
from tandem.testing.facts.s4_changes import changes, position
from tandem.testing.facts.s5_writes import REPRESENTATION
from tandem.testing.facts.s8_messages import row
from tandem.testing.facts.stage import Stage

_STAMPS = ("_createdby_value", "_createdonbehalfby_value", "_modifiedby_value", "_modifiedonbehalfby_value")


def somebody(stage: Stage) -> dict[str, str]:
    """Another enabled user. Raises NotSeen where there is none."""
    query = "$select=systemuserid,azureactivedirectoryobjectid&$filter=isdisabled eq false and systemuserid ne"
    rows: list[dict[str, str]] = stage.get(f"systemusers?{query} {stage.user}").rows
    if not rows:
        raise NotSeen("There is no other user.")
    return next((each for each in rows if each["azureactivedirectoryobjectid"]), rows[0])


@fact(
    "9.1",
    "with `{0}` the row is the other user's, on behalf of the caller",
    need=Need.ROWS,
    each=[
        ("MSCRMCallerID", "systemuserid"),
        ("CallerObjectId", "azureactivedirectoryobjectid"),
    ],
)
def impersonated(stage: Stage, header: str, column: str) -> None:
    """Four stamps."""
    user = somebody(stage)
    if not user[column]:
        raise NotSeen(f"No other user has an {column}.")
    content = {stage.subject.name: stage.mark}
    answer = stage.post(stage.subject.entity_set, content, **{header: user[column]})
    if answer.status == 403:
        raise NotSeen(f"The caller or the other user may not: {answer.error['message']}")
    address = stage.taken_away(stage.address(answer.expect(204).row_id))
    found = row(stage, address, *_STAMPS)
    same("the stamps", [found[name] for name in _STAMPS], [user["systemuserid"], stage.user] * 2)


@fact("9.1", "a caller without prvActOnBehalfOfAnotherUser is 403 0x8004a110", need=Need.DOOR)
def not_impersonated(stage: Stage) -> None:
    """Role Delegate."""
    name = "prvActOnBehalfOfAnotherUser"
    user = somebody(stage)["systemuserid"]
    stage.afterwards(name, lambda: stage.door("privilege", privilege=name, depth="Global"))
    stage.door("privilege", privilege=name)
    headers = {"MSCRMCallerID": user}
    stage.get("systemusers?$select=fullname&$top=1", **headers).expect(403, "0x8004a110")


def written(stage: Stage, column: str, value: object) -> object:
    """What comes back of a value."""
    address = stage.address(stage.make(stage.subject.entity_set, {stage.subject.name: stage.mark, column: value}))
    return row(stage, address, column)[column]


@fact(
    "9.2",
    "a {0} written as {2} is read as {3}",
    need=Need.SCHEMA,
    each=[
        ("UserLocal moment", "new_moment", "2025-03-04T06:06:07+01:00", "2025-03-04T05:06:07Z"),
        ("UserLocal moment", "new_moment", "2025-03-04T05:06:07.987Z", "2025-03-04T05:06:07Z"),
        ("TimeZoneIndependent moment", "new_typed", "2025-03-04T05:06:07Z", "2025-03-04T05:06:07Z"),
        ("DateOnly date", "new_day", "2025-03-04", "2025-03-04"),
        ("moment of 1753", "new_moment", "1753-01-01T00:00:00Z", "1753-01-01T00:00:00Z"),
        ("moment of 9999", "new_moment", "9999-12-30T23:59:59Z", "9999-12-30T23:59:59Z"),
    ],
)
def moments(stage: Stage, _told: str, column: str, value: str, said: str) -> None:
    """No conversion but to UTC."""
    same(column, written(stage, column, value), said)


@fact(
    "9.2",
    "{0} is refused",
    mark=Mark.INFERRED,
    need=Need.SCHEMA,
    each=[
        ("a moment with neither `Z` nor an offset", "new_moment", "2025-03-04T05:06:07"),
        ("a moment with `Z` and an offset", "new_moment", "2025-03-04T05:06:07Z+01:00"),
        ("a time for a date", "new_day", "2025-03-04T05:06:07Z"),
        ("a 30th of February", "new_day", "2025-02-30"),
    ],
)
def bad_moments(stage: Stage, _told: str, column: str, value: str) -> None:
    """400 family."""
    stage.post(stage.subject.entity_set, {stage.subject.name: stage.mark, column: value}).refused()


@fact("9.3", "`overriddencreatedon` given at creation becomes createdon", need=Need.ROWS)
def backdated(stage: Stage) -> None:
    """Imports do so."""
    content = {stage.subject.name: stage.mark, "overriddencreatedon": "2020-01-02T03:04:05Z"}
    address = stage.address(stage.make(stage.subject.entity_set, content))
    same("createdon", row(stage, address, "createdon")["createdon"], "2020-01-02T03:04:05Z")


@fact(
    "9.3", "what writing `{0}` comes to", mark=Mark.UNCONFIRMED, need=Need.ROWS, each=[("createdon",), ("modifiedon",)]
)
def stamps_written(stage: Stage, column: str) -> str:
    """An error, or ignored."""
    content = {stage.subject.name: stage.mark, column: "2020-01-02T03:04:05Z"}
    answer = stage.post(stage.subject.entity_set, content)
    if answer.status >= 400:
        return f"refused with {answer.refused()}"
    address = stage.taken_away(stage.address(answer.row_id))
    true(row(stage, address, column)[column] != "2020-01-02T03:04:05Z", "it is set")
    return "ignored"


@fact("9.4", "money has a read-only `_base` column, the value divided by the exchange rate", need=Need.ROWS)
def base(stage: Stage) -> None:
    """At the last save."""
    name = stage.subject.money
    found = row(stage, stage.address(stage.row(money=10)), name, f"{name}_base", "exchangerate")
    same("the base value", round(found[f"{name}_base"] * found["exchangerate"], 2), round(found[name], 2))


@fact("9.4", "a row with money gets a currency unasked", need=Need.ROWS)
def currency(stage: Stage) -> None:
    """The user's, else the organisation's."""
    found = row(stage, stage.address(stage.row(money=10)), "_transactioncurrencyid_value")
    true(found["_transactioncurrencyid_value"], "it has none")


@fact("9.4", "the currency of a row with money cannot be emptied: 0x80048cfb", need=Need.ROWS)
def currency_kept(stage: Stage) -> None:
    """Money means nothing without."""
    content = {"transactioncurrencyid@odata.bind": None}
    stage.patch(stage.address(stage.row(money=10)), content, if_match="*").refused("0x80048cfb")


@fact("9.4", "money is rounded to its precision", need=Need.SCHEMA)
def rounded(stage: Stage) -> None:
    """Two decimals here."""
    found = written(stage, stage.subject.money, 10.126)
    same("the money", found, 10.13)


@fact(
    "9.4",
    "transactioncurrencies tell `{0}`",
    each=[
        (name,)
        for name in (
            "isocurrencycode",
            "currencyname",
            "currencysymbol",
            "currencyprecision",
            "exchangerate",
        )
    ],
)
def currencies(stage: Stage, name: str) -> None:
    """isocurrencycode is the match key."""
    rows = stage.get(f"transactioncurrencies?$select={name}").rows
    true(rows and all(each[name] is not None for each in rows), f"no {name}")


@fact("9.4", "the base currency's exchange rate is 1")
def base_rate(stage: Stage) -> None:
    """Its own measure."""
    identity = stage.get("organizations?$select=_basecurrencyid_value").rows[0]["_basecurrencyid_value"]
    found = row(stage, f"transactioncurrencies({identity})", "exchangerate")["exchangerate"]
    same("exchangerate", float(found), 1.0)


@fact("9.6", "the version that a write returns is the version of its echo in the delta", need=Need.ROWS)
def echo(stage: Stage) -> None:
    """Version memory."""
    subject, identity = stage.subject, stage.row()
    link = position(stage, "versionnumber")
    path = f"{stage.address(identity)}?$select=versionnumber"
    kept = stage.patch(path, {subject.whole: 1}, if_match="*", prefer=REPRESENTATION).expect(200).json["versionnumber"]
    found = [each["versionnumber"] for each in changes(stage, link) if each.get(subject.id) == identity]
    same("the echo's version", found, [kept])


@fact("9.6", "`modifiedby` is the last writer, and hides the one before", need=Need.DOOR)
def last_writer(stage: Stage) -> None:
    """A hint only."""
    account = stage.make("accounts", {"name": stage.mark})
    stage.door("update", table="account", id=account, values={"fax": "1"})
    true(row(stage, f"accounts({account})", "_modifiedby_value")["_modifiedby_value"] != stage.user, "it is the caller")
    stage.patch(f"accounts({account})", {"telephone1": "2"}, if_match="*").expect(204)
    same("modifiedby", row(stage, f"accounts({account})", "_modifiedby_value")["_modifiedby_value"], stage.user)


@fact("13", "teammemberships are rows with `teamid` and `systemuserid`", mark=Mark.KNOWN)
def memberships(stage: Stage) -> None:
    """An intersect table."""
    rows = stage.get("teammemberships?$select=teammembershipid,teamid,systemuserid&$top=1").rows
    true(not rows or (rows[0]["teamid"] and rows[0]["systemuserid"]), "ids are missing")


@fact("13", "a teammembership cannot be created directly", mark=Mark.KNOWN, need=Need.DOOR)
def membership_written(stage: Stage) -> str:
    """Only by the association, or by AddMembersTeam."""
    return stage.post("teammemberships", {"systemuserid": stage.user}).refused()


@fact("13", "a user joins and leaves a team by `teammembership_association/$ref`", mark=Mark.KNOWN, need=Need.DOOR)
def membership(stage: Stage) -> None:
    """POST and DELETE."""
    team = stage.get("teams?$select=teamid&$filter=isdefault eq false&$top=1").rows[0]["teamid"]
    path = f"teams({team})/teammembership_association"
    content = {"@odata.id": f"{stage.client.api}/systemusers({stage.user})"}
    found = []
    for method, address, body in (("POST", f"{path}/$ref", content), ("DELETE", f"{path}({stage.user})/$ref", None)):
        stage.send(method, address, body).expect(204)
        rows = stage.get(f"{path}?$select=systemuserid").rows
        found.append(stage.user in [each["systemuserid"] for each in rows])
    same("a member after each", found, [True, False])


@fact("13", "change tracking of teammembership is not to be relied on", mark=Mark.KNOWN)
def membership_tracked(stage: Stage) -> str:
    """0x80072492 where one end is not tracked."""
    answer = stage.get("teammemberships?$select=teamid", prefer="odata.track-changes,odata.maxpagesize=1")
    return "it is tracked" if answer.status == 200 else f"refused with {answer.refused('0x80072491', '0x80072492')}"


@fact("13", "RetrieveTotalRecordCount counts more than 5,000", mark=Mark.KNOWN)
def counts(stage: Stage) -> str:
    """A snapshot up to a day old."""
    path = 'RetrieveTotalRecordCount(EntityNames=@p1)?@p1=["account","contact","lead"]'
    found = stage.get(path).expect(200).json["EntityRecordCountCollection"]
    if max(found["Values"]) <= 5_000:
        raise NotSeen("No table has more than 5,000 rows.")
    return ", ".join(f"{key} {value}" for key, value in zip(found["Keys"], found["Values"], strict=True))


@fact(
    "13",
    "account.{0} has the option {1}, {2}",
    mark=Mark.KNOWN,
    each=[
        ("businesstypecode", 1, "Default Value"),
        ("industrycode", 1, "Accounting"),
        ("industrycode", 2, "Agriculture and Non-petrol Natural Resource Extraction"),
        ("industrycode", 4, "Brokers"),
    ],
)
def labels(stage: Stage, column: str, value: int, text: str) -> None:
    """In an English organisation."""
    path = f"EntityDefinitions(LogicalName='account')/Attributes(LogicalName='{column}')"
    cast = "Microsoft.Dynamics.CRM.PicklistAttributeMetadata?$select=LogicalName&$expand=OptionSet"
    options = stage.get(f"{path}/{cast}").expect(200).json["OptionSet"]["Options"]
    found = {
        each["Value"]: {told["LanguageCode"]: told["Label"] for told in each["Label"]["LocalizedLabels"]}
        for each in options
    }
    if 1033 not in found[value]:
        raise NotSeen("The organisation has no English labels.")
    same("the label", found[value][1033], text)


@fact("9.4", "money of a row in another currency has its base value by that currency's rate", need=Need.ROWS)
def other_currency(stage: Stage) -> None:
    """At the last save."""
    base = stage.get("organizations?$select=_basecurrencyid_value").rows[0]["_basecurrencyid_value"]
    rows = stage.get("transactioncurrencies?$select=exchangerate&$filter=statecode eq 0").rows
    others = [each for each in rows if each["transactioncurrencyid"] != base]
    if not others:
        raise NotSeen("There is one currency only.")
    subject, identity = stage.subject, others[0]["transactioncurrencyid"]
    bound = {"transactioncurrencyid@odata.bind": f"/transactioncurrencies({identity})"}
    content = {subject.name: stage.mark, subject.money: 100, **bound}
    address = stage.address(stage.make(subject.entity_set, content))
    found = row(stage, address, f"{subject.money}_base", "exchangerate")
    same("exchangerate", found["exchangerate"], others[0]["exchangerate"])
    same("the base value", round(found[f"{subject.money}_base"], 1), round(100 / found["exchangerate"], 1))


@fact("9.2", "fractions of a second do not come back", need=Need.SCHEMA)
def no_fractions(stage: Stage) -> None:
    """On output."""
    same("the moment", written(stage, "new_moment", "2025-03-04T05:06:07.5Z"), "2025-03-04T05:06:07Z")


@fact("9.3", "`overriddencreatedon` in an update does not change createdon", mark=Mark.KNOWN, need=Need.ROWS)
def not_backdated(stage: Stage) -> str:
    """Create only."""
    address = stage.address(stage.row())
    before = row(stage, address, "createdon")["createdon"]
    answer = stage.patch(address, {"overriddencreatedon": "2020-01-02T03:04:05Z"}, if_match="*")
    same("createdon", row(stage, address, "createdon")["createdon"], before)
    return "ignored" if answer.status == 204 else f"refused with {answer.refused()}"
