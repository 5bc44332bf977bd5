"""What becomes of Webull's recordings."""

from __future__ import annotations

from collections.abc import Mapping

from tests.adapters.brokers.recordings import Parsed, Refused, Use
from tests.adapters.brokers.webull import test_recorded as tests

RECORDINGS: Mapping[str, Use] = {
    **{name: Parsed(kind) for name, (kind, _) in tests.EXPECTED.items()},
    **dict.fromkeys(tests.OTHER_ANSWERS, Refused()),
}
