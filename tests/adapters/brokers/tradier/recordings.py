"""What becomes of Tradier's recordings."""

from __future__ import annotations

from collections.abc import Mapping

from tests.adapters.brokers.recordings import Parsed, ReadBy, Refused, Use
from tests.adapters.brokers.tradier.test_translate import TestRecorded as Brokerage
from tests.adapters.brokers.tradier.test_translate import TestRecordedMarket as Market

RECORDINGS: Mapping[str, Use] = {
    "profile.json": Parsed("accounts"),
    "balances_margin.json": Parsed("balances"),
    "positions.json": Parsed("positions"),
    "positions_single_object.json": Parsed("positions"),
    "empty_positions.json": Parsed("positions"),
    "history.json": Parsed("transactions"),
    "history_single_object.json": Parsed("transactions"),
    "empty_history.json": Parsed("transactions"),
    "orders.json": Parsed("orders"),
    "order.json": Parsed("orders"),
    "empty_orders.json": Parsed("orders"),
    "gainloss.json": Refused(),
    **dict.fromkeys(
        ("order_placed.json", "order_preview_equity.json"),
        ReadBy(Brokerage.test_answers_to_placing_an_order_are_no_list_of_orders),
    ),
    "oauth_access_token.json": ReadBy(Brokerage.test_a_token),
    "option_chain.json": ReadBy(Market.test_chain),
    **dict.fromkeys(("historical.json", "timesales.json"), ReadBy(Market.test_bars)),
    **dict.fromkeys(("quotes.json", "quotes_partial_unmatched.json"), ReadBy(Market.test_quotes)),
    **dict.fromkeys(
        ("option_lookup.json", "option_expirations.json", "option_strikes.json"),
        ReadBy(Market.test_lists_of_what_there_is),
    ),
    **dict.fromkeys(
        ("stream_market_session.json", "stream_account_session.json"),
        ReadBy(Market.test_sessions),
    ),
    "stream_market_events.json": ReadBy(Market.test_events_of_the_stream),
    "market_clock.json": ReadBy(Market.test_the_clock),
}
