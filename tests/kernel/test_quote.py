"""Flags of two-sided quotes: odd quotes are named, never dropped."""

from __future__ import annotations

from math import isnan, nan

import pytest

from optix.kernel.quote import Quality, Quote, QuoteFlag, quote_flags


@pytest.mark.parametrize(
    ("bid", "ask", "flags"),
    [
        (1.00, 1.10, QuoteFlag.NONE),
        (1.00, 1.00, QuoteFlag.LOCKED),
        (1.10, 1.00, QuoteFlag.CROSSED),
        (0.0, 0.05, QuoteFlag.NO_BID),
        (nan, 0.05, QuoteFlag.NO_BID),
        (0.05, 0.0, QuoteFlag.NO_ASK),
        (0.05, nan, QuoteFlag.NO_ASK),
        (0.0, 0.0, QuoteFlag.NO_QUOTE),
        (nan, nan, QuoteFlag.NO_QUOTE),
        (-1.0, 1.0, QuoteFlag.NO_BID),
        (1.0, 2.0, QuoteFlag.WIDE),
        (3.0, 5.0, QuoteFlag.NONE),  # exactly half of the mid
    ],
)
def test_name_what_is_odd(bid: float, ask: float, flags: QuoteFlag) -> None:
    assert quote_flags(bid, ask) == flags


def test_a_quote_says_nothing_it_was_not_told() -> None:
    quote = Quote(symbol="SPY", source="sim", quality=Quality.SIMULATED, ts_event=1, ts_received=2)
    assert isnan(quote.bid)
    assert isnan(quote.volume)
    assert quote.flags is QuoteFlag.NONE
