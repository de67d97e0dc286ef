"""Numbers with units from masks."""
