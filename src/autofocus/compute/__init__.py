"""Where jobs run (a local subprocess by default) and what hardware there is."""
