"""The frozen values that travel between rooms; import each from the module that owns it."""
