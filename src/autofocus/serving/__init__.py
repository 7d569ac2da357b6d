"""The inference server: decode, batch, infer, swap, split, shadow, log."""
