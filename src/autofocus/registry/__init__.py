"""Model versions, aliases, lineage, promotion record."""
