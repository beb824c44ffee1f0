"""Report: what a run measured, as values, tables, pictures and pages; no page or table is drawn elsewhere."""
