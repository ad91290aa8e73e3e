"""The decision tables. Pure: the same facts give the same decision, whatever the clock says."""
