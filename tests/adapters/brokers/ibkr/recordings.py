"""What becomes of Interactive Brokers' recordings."""

from __future__ import annotations

from collections.abc import Mapping

from tests.adapters.brokers.ibkr import test_recorded as tests
from tests.adapters.brokers.recordings import LeftAlone, Parsed, ReadBy, Use

NOT_ASKED = {
    "Accounts_account-summary.json": "the same as the portfolio's summary, in the second session",
    "Contracts_secdef-search.json": "contracts are named by number, never searched for",
    "Contracts_secdef-strikes.json": "as above",
    "spec_secdef_info.json": "as above",
    "MarketData_snapshot.json": "prices come from the market data providers",
    "Orders_post-place-order-confirmation.json": "orders are not sent",
    "Orders_post-reply-submitted.json": "orders are not sent",
    "Orders_post-whatif-order.json": "orders are not sent",
    "spec_order_advanced_reject.json": "orders are not sent",
    "spec_order_reply_message.json": "orders are not sent",
    "spec_order_submit_success.json": "orders are not sent",
    "Portfolio_portfolio-allocation.json": "sums of the positions, which are read themselves",
    "flex_cash-transactions-consolidated.xml": "read by the import of files",
    "flex_trade-confirmations.xml": "read by the import of files",
}
PARTS = (
    "Accounts_iserver-accounts.json",
    "Contracts_trsrv-secdef.json",
    "Portfolio_portfolio-summary.json",
    "Session_auth-status.json",
    "Session_post-ssodh-init.json",
    "Session_post-tickle.json",
    "spec_contract_info_option.json",
    "spec_live_session_token.json",
)
WAYS = tests.TestRecorded
RECORDINGS: Mapping[str, Use] = {
    **{name: Parsed(kind) for kind, names in tests.READ.items() for name in names},
    **dict.fromkeys(PARTS, ReadBy(WAYS.test_parts_of_the_way_there_are_read)),
    "Orders_trades.json": ReadBy(WAYS.test_a_trade_that_lost_its_time_is_of_no_day),
    "spec_order_submit_error.json": ReadBy(WAYS.test_an_error_with_status_200_is_one),
    "web-api.openapi.trimmed.json": ReadBy(
        WAYS.test_every_address_that_is_asked_is_in_the_specification
    ),
    **{name: LeftAlone(reason) for name, reason in NOT_ASKED.items()},
}
