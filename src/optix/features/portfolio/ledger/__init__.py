"""The ledger as values and functions: lines of history in, journal, lots and disposals out. Pure.

Nothing here reads a clock, a database or a setting. `values` is what all parts speak of.
"""
