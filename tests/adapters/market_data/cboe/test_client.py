"""The client against a server that behaves as Cboe's is documented to behave."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from tests.fakes.cboe import Answer, FakeCboe, options_document, usual_rows

from optix.adapters.market_data.cboe.client import (
    PAUSE_SECONDS_DEFAULT,
    PAUSE_SECONDS_MAX,
    CboeClient,
)
from optix.kernel import limits
from optix.kernel.clock import NANOSECONDS
from optix.ports.market_data import ProviderUnavailable, UnknownSymbol

NAMES = ("IWM", "_IWM")


class HandClock:
    """A wall clock that a test moves."""

    def __init__(self) -> None:
        self.ns = 1_781_700_000 * NANOSECONDS

    def now_ns(self) -> int:
        return self.ns

    def pass_seconds(self, seconds: float) -> None:
        self.ns += int(seconds * NANOSECONDS)


@pytest.fixture
async def server() -> AsyncIterator[FakeCboe]:
    async with FakeCboe().serve() as fake:
        fake.put("options/IWM.json", options_document(usual_rows()))
        fake.put("options/_SPX.json", b"{}")
        yield fake


@pytest.fixture
def wall() -> HandClock:
    return HandClock()


@pytest.fixture
async def client(server: FakeCboe, wall: HandClock) -> AsyncIterator[CboeClient]:
    made = CboeClient(base_url=server.base_url, wall=wall, spacing_seconds=0.0)
    yield made
    await made.close()


class TestNames:
    async def test_a_document_comes_unpacked(self, client: CboeClient, server: FakeCboe) -> None:
        body = await client.fetch_options("IWM", NAMES)
        assert body == server.documents["options/IWM.json"]

    async def test_after_a_403_the_underscore_form_is_tried_and_remembered(
        self, client: CboeClient, server: FakeCboe
    ) -> None:
        for _ in range(2):
            assert await client.fetch_options("SPX", ("SPX", "_SPX")) == b"{}"
        assert server.asked == ["options/SPX.json", "options/_SPX.json", "options/_SPX.json"]

    async def test_a_symbol_without_either_form_is_unknown(
        self, client: CboeClient, server: FakeCboe
    ) -> None:
        with pytest.raises(UnknownSymbol, match="ZZQXW"):
            await client.fetch_options("ZZQXW", ("ZZQXW", "_ZZQXW"))
        assert len(server.asked) == 2

    async def test_a_refused_symbol_that_was_served_before_is_no_unknown_one(
        self, client: CboeClient, server: FakeCboe
    ) -> None:
        await client.fetch_options("IWM", NAMES)
        server.scripted.append(Answer(403))
        with pytest.raises(ProviderUnavailable, match="refuses IWM"):
            await client.fetch_options("IWM", NAMES)

    async def test_a_name_cannot_leave_its_folder(
        self, client: CboeClient, server: FakeCboe
    ) -> None:
        with pytest.raises(UnknownSymbol):
            await client.fetch_options("x", ("../../secret", "a/b?c#d"))
        assert server.asked == [
            "options/..%2F..%2Fsecret.json",
            "options/a%2Fb%3Fc%23d.json",
        ]


class TestPauses:
    @pytest.mark.parametrize(
        ("header", "seconds"),
        [
            (None, PAUSE_SECONDS_DEFAULT),
            ("7", 7),
            ("0", 1),
            ("1e9", PAUSE_SECONDS_MAX),
            ("nan", PAUSE_SECONDS_DEFAULT),
            ("soon", PAUSE_SECONDS_DEFAULT),
            ("Wed, 17 Jun 2026 12:40:30 GMT", 30),
        ],
    )
    async def test_after_a_429_nothing_is_asked_for_as_long_as_it_said(
        self,
        client: CboeClient,
        server: FakeCboe,
        wall: HandClock,
        header: str | None,
        seconds: float,
    ) -> None:
        server.scripted.append(Answer(429, headers={"Retry-After": header} if header else {}))
        with pytest.raises(ProviderUnavailable) as caught:
            await client.fetch_options("IWM", NAMES)
        assert caught.value.code == "provider_rate_limited"
        assert caught.value.retry_after_seconds == int(seconds) + 1
        wall.pass_seconds(seconds - 0.5)
        with pytest.raises(ProviderUnavailable, match="slow down"):
            await client.fetch_options("IWM", NAMES)
        assert len(server.asked) == 1
        wall.pass_seconds(1)
        assert await client.fetch_options("IWM", NAMES)


class TestFailures:
    async def test_a_status_that_is_no_answer_is_unavailable(
        self, client: CboeClient, server: FakeCboe
    ) -> None:
        server.scripted.append(Answer(503))
        with pytest.raises(ProviderUnavailable, match="status 503"):
            await client.fetch_options("IWM", NAMES)

    async def test_a_redirect_is_not_followed(self, client: CboeClient, server: FakeCboe) -> None:
        server.scripted.append(Answer(302, headers={"Location": "http://127.0.0.1:1/"}))
        with pytest.raises(ProviderUnavailable, match="status 302"):
            await client.fetch_options("IWM", NAMES)

    async def test_a_body_that_is_cut_off_is_unavailable(
        self, client: CboeClient, server: FakeCboe
    ) -> None:
        full = server.documents["options/IWM.json"]
        server.scripted.append(Answer(200, full, cut=40))
        body = b""
        try:
            body = await client.fetch_options("IWM", NAMES)
        except ProviderUnavailable:
            return
        assert body != full  # then reading it as a document fails, which test_adapter shows

    async def test_a_body_that_is_no_gzip_is_unavailable(
        self, client: CboeClient, server: FakeCboe
    ) -> None:
        server.scripted.append(Answer(200, b"plain", headers={"Content-Encoding": "gzip"}))
        with pytest.raises(ProviderUnavailable, match="damaged"):
            await client.fetch_options("IWM", NAMES)

    async def test_a_connection_that_drops_is_unavailable(
        self, client: CboeClient, server: FakeCboe
    ) -> None:
        server.scripted.append(Answer(drop=True))
        with pytest.raises(ProviderUnavailable, match="cannot be reached"):
            await client.fetch_options("IWM", NAMES)

    async def test_nobody_there_is_unavailable(self) -> None:
        client = CboeClient(base_url="http://127.0.0.1:9", spacing_seconds=0.0)
        with pytest.raises(ProviderUnavailable, match="cannot be reached"):
            await client.fetch_options("IWM", NAMES)
        await client.close()

    async def test_silence_is_unavailable(self, server: FakeCboe) -> None:
        client = CboeClient(
            base_url=server.base_url, timeout=httpx.Timeout(0.2), spacing_seconds=0.0
        )
        server.scripted.append(Answer(stall=True))
        with pytest.raises(ProviderUnavailable, match="in time"):
            await client.fetch_options("IWM", NAMES)
        await client.close()

    async def test_a_small_answer_that_unpacks_to_too_much_is_refused(
        self, client: CboeClient, server: FakeCboe
    ) -> None:
        server.put("options/IWM.json", b" " * (limits.PROVIDER_BODY_BYTES_MAX + 1))
        with pytest.raises(ProviderUnavailable, match="larger than"):
            await client.fetch_options("IWM", NAMES)

    async def test_a_body_without_end_is_refused(self, server: FakeCboe) -> None:
        client = CboeClient(base_url=server.base_url, body_bytes_max=1000, spacing_seconds=0.0)
        server.put("options/IWM.json", b" " * 5_000_000)
        with pytest.raises(ProviderUnavailable, match="larger than 1000 bytes"):
            await client.fetch_options("IWM", NAMES)
        await client.close()
