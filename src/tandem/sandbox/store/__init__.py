"""The rows, versions and definitions of an organisation, and who may do what with them."""
