"""Architectures, the training loop, bundles, reproduction."""
