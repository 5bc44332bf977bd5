"""Returns as values and functions: days with values and flows in, figures out. Pure.

Nothing here reads a clock, a database or a setting. `values` is what all parts speak of. Amounts
are exact decimals; a ratio of two amounts is a number and leaves by `values.ratio`, rounded once.
"""
