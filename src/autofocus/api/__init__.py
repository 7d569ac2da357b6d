"""HTTP for people and scripts."""
