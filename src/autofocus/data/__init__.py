"""Samples, import and export, versions, diff, data tests."""
