"""What becomes of Plaid's recordings."""

from __future__ import annotations

from collections.abc import Mapping

from tests.adapters.brokers.plaid.test_translate import TestRecorded
from tests.adapters.brokers.recordings import LeftAlone, Parsed, ReadBy, Refused, Use

RECORDINGS: Mapping[str, Use] = {
    "accounts_get.json": Parsed("accounts"),
    "investments_holdings_get.json": Parsed("positions"),
    "investments_transactions_get.json": Parsed("transactions"),
    **dict.fromkeys(("investments_refresh.json", "item_access_token_invalidate.json"), Refused()),
    **dict.fromkeys(
        (
            "link_token_create.json",
            "item_public_token_exchange.json",
            "item_remove.json",
            "sandbox_public_token_create.json",
            "webhook_verification_key_get.json",
        ),
        ReadBy(TestRecorded.test_what_comes_with_signing_in_and_ending),
    ),
    "plaid-investments.openapi.trimmed.json": LeftAlone("the specification, and no answer"),
}
