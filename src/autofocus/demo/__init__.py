"""The stories of `autofocus demo`, played on images drawn by our own seeded renderers."""
