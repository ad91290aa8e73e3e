"""What is copied from Dynamics and never written there: companies, staff, opportunities and their roles."""
