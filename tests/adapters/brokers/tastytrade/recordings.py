"""What becomes of tastytrade's recordings."""

from __future__ import annotations

from collections.abc import Mapping

from tests.adapters.brokers.recordings import Parsed, ReadBy, Refused, Use
from tests.adapters.brokers.tastytrade import test_recorded as tests

_ITS = tests.TestRecorded
RECORDINGS: Mapping[str, Use] = {
    **{name: Parsed(kind) for name, (kind, _) in tests.EXPECTED.items()},
    **dict.fromkeys(tests.NO_ANSWERS, Refused()),
    "errors.json": ReadBy(_ITS.test_errors_are_told_by_their_code),
    "market_data_by_type.json": ReadBy(_ITS.test_quotes_are_no_positions),
    "oauth_token_response.json": ReadBy(_ITS.test_a_token_answer),
    "option_chain_nested.json": ReadBy(_ITS.test_a_chain_says_what_its_roots_deliver),
}
