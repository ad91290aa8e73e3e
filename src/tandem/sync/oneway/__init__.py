"""What is copied from Dynamics and never written there: companies, staff, campaigns, opportunities and their roles."""
