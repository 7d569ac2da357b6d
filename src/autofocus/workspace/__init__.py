"""The one noun: opens settings, store and executor, and hands each room what it needs."""
