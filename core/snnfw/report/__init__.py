"""Report: what a run measured; what writes it as values, tables, pictures or pages comes in here."""
