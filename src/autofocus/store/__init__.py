"""The database (facts as rows) and the object store (bytes in packs, manifests, bundles, logs)."""
