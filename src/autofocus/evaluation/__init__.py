"""Metrics, slices, robustness, comparison of two predictors, gates, reports."""
