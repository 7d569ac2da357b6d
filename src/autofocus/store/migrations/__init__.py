"""Numbered changes of the tables, each in one transaction with its record."""
