"""Cboe's public delayed quotes: one JSON document per symbol, no key, 15 minutes late."""
