"""Annotations with history, the labelling queue, and what to ask next."""
