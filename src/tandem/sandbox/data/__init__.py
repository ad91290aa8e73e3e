"""What fills an organisation: made-up people, or CSV files."""
