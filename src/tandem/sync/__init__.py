"""The engine: reads what Dynamics has, lets the rules decide, and writes by the page."""
