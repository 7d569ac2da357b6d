"""Annotation formats, in and out: one file per format, its reader beside its writer."""
