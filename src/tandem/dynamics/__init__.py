"""The Dataverse Web API: vendor words stop in this room."""
