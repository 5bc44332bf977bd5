"""Option structures of one account: which legs belong together, their chains, payoff and margin.

Pure: positions, history and prices come in as values. Nothing here reads a clock, a database or a
setting. `values` is what all parts speak of.
"""
