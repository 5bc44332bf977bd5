"""What becomes of E*TRADE's recordings."""

from __future__ import annotations

from collections.abc import Mapping

from tests.adapters.brokers.etrade import test_recorded as tests
from tests.adapters.brokers.recordings import Parsed, ReadBy, Refused, Use

RECORDINGS: Mapping[str, Use] = {
    **{name: Parsed(kind) for name, (kind, _) in tests.EXPECTED.items()},
    **dict.fromkeys(tests.OTHER_ANSWERS, Refused()),
    "oauth_request_token_response.txt": ReadBy(tests.test_tokens_are_decoded),
    **dict.fromkeys(
        ("option_chains_example.xml", "option_lookup_example.xml", "place_spread_request.xml"),
        ReadBy(tests.test_xml_is_refused_and_its_contracts_are_read),
    ),
}
