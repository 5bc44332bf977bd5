"""What all streams share passes the chaos suite on a vendor of no company."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import cast

import pytest
from tests.contracts.streaming_provider import (
    CHAOS_TIMINGS,
    Streamed,
    StreamingProvider,
    StreamingProviderContract,
)
from tests.fakes.plain_stream import CONTRACTS, KEY, PlainProvider, plain_server

from optix.kernel.clock import SystemClock


class TestPlainChaos(StreamingProviderContract):
    @pytest.fixture
    async def streamed(self) -> AsyncIterator[Streamed]:
        async with plain_server() as server:
            plain = PlainProvider(server, SystemClock(), CHAOS_TIMINGS)
            # It has what the suite calls; the rest of a provider has its own cards.
            provider = cast("StreamingProvider", plain)
            yield Streamed(provider, server, KEY, [contract.key for contract in CONTRACTS])
