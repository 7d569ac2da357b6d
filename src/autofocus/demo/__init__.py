"""The eyes story, played on real images drawn by our own seeded renderer."""
