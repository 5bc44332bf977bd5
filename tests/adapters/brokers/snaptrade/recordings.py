"""What becomes of SnapTrade's recordings."""

from __future__ import annotations

from collections.abc import Mapping

from tests.adapters.brokers.recordings import LeftAlone, Parsed, ReadBy, Refused, Use
from tests.adapters.brokers.snaptrade.test_translate import TestRecorded

RECORDINGS: Mapping[str, Use] = {
    "accounts.json": Parsed("accounts"),
    "balances.json": Parsed("balances"),
    "positions_all.json": Parsed("positions"),
    "holdings_deprecated.json": Parsed("positions"),
    "activities.json": Parsed("transactions"),
    "orders.json": Parsed("orders"),
    "orders_v2.json": Parsed("orders"),
    "option_order.json": Parsed("orders"),
    **dict.fromkeys(
        ("quotes.json", "option_impact.json", "trade_impact.json", "error_429.json"), Refused()
    ),
    **dict.fromkeys(
        ("register_user.json", "login_redirect.json", "connections.json", "brokerages.json"),
        ReadBy(TestRecorded.test_what_comes_with_signing_in),
    ),
    "api.openapi.yaml": LeftAlone("the specification, and no answer"),
}
