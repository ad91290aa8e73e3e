"""Queries written as FetchXML, as SQL or as a saved view: all become one kind of query, and one statement."""
