"""Reading: options, filters, pages and change tracking, and rows rendered as JSON."""
