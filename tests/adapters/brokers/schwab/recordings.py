"""What becomes of Schwab's recordings."""

from __future__ import annotations

from collections.abc import Mapping

from tests.adapters.brokers.recordings import Parsed, ReadBy, Use
from tests.adapters.brokers.schwab.test_adapter import TestRefusals
from tests.adapters.brokers.schwab.test_recorded import TestRecorded

RECORDINGS: Mapping[str, Use] = {
    "account_numbers.json": Parsed("accounts"),
    "account_with_positions.json": Parsed("positions"),
    "accounts_list_min.json": Parsed("balances"),
    "transactions.json": Parsed("transactions"),
    "orders_with_iron_condor.json": Parsed("orders"),
    "user_preferences.json": ReadBy(
        TestRecorded.test_preferences_name_the_customer_and_the_accounts
    ),
    **dict.fromkeys(
        ("preview_accepted.json", "preview_rejected.json"),
        ReadBy(TestRecorded.test_previews_have_instruments_and_words_that_are_known),
    ),
    "trader_api.openapi.json": ReadBy(TestRecorded.test_every_word_of_the_specification_is_known),
    **dict.fromkeys(
        (
            "chain_AAPL_trimmed.json",
            "quote_option.json",
            "quote_equity_NVDA.json",
            "expiration_chain.json",
            "market_data.openapi.json",
        ),
        ReadBy(TestRecorded.test_contracts_of_the_market_data_are_the_same_contracts),
    ),
    **dict.fromkeys(
        (
            "error_trader.json",
            "error_marketdata_401.json",
            "error_marketdata_400.json",
            "oauth_refresh_error_400.json",
        ),
        ReadBy(TestRefusals.test_recorded_refusals_mean_what_they_say),
    ),
    "oauth_token_response.json": ReadBy(TestRefusals.test_recorded_tokens_are_a_grant),
}
