"""Decode, orient, resize; the one versioned preprocessing object; cheap image statistics."""
