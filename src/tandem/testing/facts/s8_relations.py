"""Where the lookups of a CRM lead, and what deleting does to them (reference 8.1-8.10, 8.14)."""

from tandem.testing.facts.case import Mark, NotSeen, fact, same
from tandem.testing.facts.s8_tables import column
from tandem.testing.facts.stage import Stage


@fact(
    "{0}",
    "{1}.{2} leads to {3}",
    each=[
        ("8.1", "lead", "parentaccountid", ["account"]),
        ("8.1", "lead", "parentcontactid", ["contact"]),
        ("8.1", "lead", "customerid", ["account", "contact"]),
        ("8.1", "lead", "campaignid", ["campaign"]),
        ("8.1", "lead", "qualifyingopportunityid", ["opportunity"]),
        ("8.2", "contact", "originatingleadid", ["lead"]),
        ("8.2", "contact", "parentcustomerid", ["account", "contact"]),
        ("8.3", "account", "primarycontactid", ["contact"]),
        ("8.4", "opportunity", "customerid", ["account", "contact"]),
        ("8.4", "opportunity", "originatingleadid", ["lead"]),
        ("8.4", "opportunity", "campaignid", ["campaign"]),
        ("8.10", "customeropportunityrole", "opportunityid", ["opportunity"]),
        ("8.10", "customeropportunityrole", "customerid", ["account", "contact"]),
        ("8.10", "customeropportunityrole", "opportunityroleid", ["relationshiprole"]),
    ],
)
def targets(stage: Stage, _section: str, table: str, name: str, tables: list[str]) -> None:
    """`Targets`."""
    found = column(stage, table, name, "Lookup", "$select=Targets")["Targets"]
    same("Targets", sorted(found), tables)


@fact(
    "{0}",
    "deleting a row of {1} does {4} to {2}.{3}",
    mark=Mark.SHIPPED,
    each=[
        ("8.1", "account", "lead", "customerid", "Cascade"),
        ("8.1", "contact", "lead", "customerid", "Cascade"),
        ("8.1", "account", "lead", "parentaccountid", "RemoveLink"),
        ("8.1", "campaign", "lead", "campaignid", "RemoveLink"),
        ("8.1", "contact", "lead", "parentcontactid", "RemoveLink"),
        ("8.1", "transactioncurrency", "lead", "transactioncurrencyid", "Restrict"),
        ("8.14", "account", "opportunity", "customerid", "Cascade"),
        ("8.14", "account", "task", "regardingobjectid", "Cascade"),
    ],
)
def cascades(stage: Stage, _section: str, one: str, many: str, name: str, act: str) -> None:
    """`CascadeConfiguration.Delete`."""
    found = [
        each["CascadeConfiguration"]["Delete"]
        for each in stage.definition(one, "/OneToManyRelationships").rows
        if (each["ReferencingEntity"], each["ReferencingAttribute"]) == (many, name)
    ]
    if not found:
        raise NotSeen(f"There is no relationship from {one} to {many}.{name} here.")
    same("Delete", found, [act])


@fact(
    "{0}",
    "the collection `{2}` leads from {1} to {3}",
    each=[
        ("8.1", "lead", "contact_originating_lead", "contact"),
        ("8.1", "lead", "account_originating_lead", "account"),
        ("8.1", "lead", "opportunity_originating_lead", "opportunity"),
        ("8.1", "lead", "Lead_Tasks", "task"),
        ("8.1", "lead", "lead_connections1", "connection"),
        ("8.1", "lead", "lead_connections2", "connection"),
        ("8.3", "account", "Account_Tasks", "task"),
    ],
)
def collections(stage: Stage, _section: str, table: str, name: str, other: str) -> None:
    """`ReferencedEntityNavigationPropertyName`."""
    rows = stage.definition(table, "/OneToManyRelationships").rows
    found = [each["ReferencingEntity"] for each in rows if each["ReferencedEntityNavigationPropertyName"] == name]
    if not found and not [each for each in rows if each["ReferencingEntity"] == other]:
        raise NotSeen(f"There is no relationship from {table} to {other} here.")
    same("where it leads", found, [other])
