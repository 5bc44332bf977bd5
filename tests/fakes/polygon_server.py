"""Polygon as its documentation tells it."""

from __future__ import annotations

from typing import Any


def chain_row(ticker: str, **changes: Any) -> dict[str, Any]:
    """Return one contract of a chain snapshot, of 20 November 2025 in New York."""
    body = ticker.removeprefix("O:")
    expiration, right, strike = body[-15:-9], body[-9], int(body[-8:]) / 1000
    row: dict[str, Any] = {
        "break_even_price": 651.06,
        "day": {
            "change": -2.4,
            "change_percent": -7.6,
            "close": 1.06,
            "high": 1.2,
            "last_updated": 1763614800000000000,
            "low": 0.9,
            "open": 1.0,
            "previous_close": 1.1,
            "volume": 8,
            "vwap": 1.04,
        },
        "details": {
            "contract_type": "call" if right == "C" else "put",
            "exercise_style": "american",
            "expiration_date": f"20{expiration[:2]}-{expiration[2:4]}-{expiration[4:]}",
            "shares_per_contract": 100,
            "strike_price": strike,
            "ticker": ticker,
        },
        "greeks": {
            "delta": 0.41 if right == "C" else -0.59,
            "gamma": 0.0061,
            "theta": -0.028,
            "vega": 0.64,
        },
        "implied_volatility": 0.357,
        "last_quote": {
            "ask": 1.07,
            "ask_size": 209,
            "bid": 1.05,
            "bid_size": 294,
            "last_updated": 1763650800123456789,
            "midpoint": 1.06,
            "timeframe": "REAL-TIME",
        },
        "last_trade": {
            "price": 1.06,
            "sip_timestamp": 1763650790123456789,
            "size": 1,
            "conditions": [209],
            "exchange": 309,
            "timeframe": "REAL-TIME",
        },
        "open_interest": 8133,
        "underlying_asset": {
            "change_to_break_even": 1.0,
            "last_updated": 1763650799123456789,
            "price": 650.5,
            "ticker": "SPY",
            "timeframe": "REAL-TIME",
        },
    }
    return row | changes
