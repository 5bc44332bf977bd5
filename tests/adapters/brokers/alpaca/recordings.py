"""What becomes of Alpaca's recordings."""

from __future__ import annotations

from collections.abc import Mapping

from tests.adapters.brokers.alpaca import test_recorded as tests
from tests.adapters.brokers.alpaca.test_adapter import TestRefusals, TestSigningIn
from tests.adapters.brokers.recordings import Parsed, ReadBy, Refused, Use

_EXERCISE = "post_positions_symbol_or_contract_id"
RECORDINGS: Mapping[str, Use] = {
    "get_account_example.json": Parsed("accounts"),
    "position_short_equity.json": Parsed("positions"),
    "activities_mixed.json": Parsed("transactions"),
    **dict.fromkeys(
        (
            "get_orders_Equity.json",
            "get_orders_MultilegOptions.json",
            "get_orders_Options.json",
            "get_orders_order_id_Equity.json",
            "order_market.json",
            "patch_orders_order_id_Equity.json",
            "post_orders_Equity.json",
            "post_orders_MultilegOptions.json",
            "post_orders_Options.json",
        ),
        Parsed("orders"),
    ),
    "account_configurations.json": Refused(),
    "option_contract.json": ReadBy(tests.test_a_contract_of_old_has_no_multiplier),
    **dict.fromkeys(
        ("option_latest_quote.json", "option_snapshot.json"),
        ReadBy(tests.test_contracts_of_the_market_data_are_the_same_contracts),
    ),
    **dict.fromkeys(
        (
            "request_post_orders_Equity.json",
            "request_post_orders_Options.json",
            "request_post_orders_MultilegOptions.json",
        ),
        ReadBy(tests.test_what_is_sent_to_place_an_order_has_words_that_are_known),
    ),
    **dict.fromkeys(
        ("request_patch_orders_order_id_Equity.json", "request_patch_orders_order_id_Options.json"),
        ReadBy(tests.test_what_is_sent_to_change_an_order_is_no_order),
    ),
    "trading-api.openapi.json": ReadBy(tests.test_every_word_of_the_specification_is_known),
    "market-data-api.openapi.json": ReadBy(
        tests.test_the_market_datas_symbols_of_options_are_contracts
    ),
    "oauth_token_response.json": ReadBy(TestSigningIn.test_a_recorded_token_is_a_grant),
    **dict.fromkeys(
        ("oauth-token.openapi.yaml", "oauth-redirect.openapi.yaml"),
        ReadBy(TestSigningIn.test_the_specification_of_the_sign_in_is_what_is_sent),
    ),
    **dict.fromkeys(
        (
            "error_403.json",
            "get_options_contracts_symbol_or_id_Contract_Not_Found.json",
            f"{_EXERCISE}_do-not-exercise_Invalid_Symbol.json",
            f"{_EXERCISE}_do-not-exercise_No_Available_Position.json",
            f"{_EXERCISE}_exercise_Invalid_Symbol.json",
            f"{_EXERCISE}_exercise_No_Available_Position.json",
        ),
        ReadBy(TestRefusals.test_a_refusal_with_a_code_does_not_end_the_sign_in),
    ),
}
