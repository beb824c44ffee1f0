"""Plan: what becomes of every operator; the rules that place neurons and the kinds of operators come in here."""
