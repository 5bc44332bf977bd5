"""What a subscription has seen and what it sends: on a book that the test fills."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import orjson
import pytest
from tests.fakes.bus import ScriptedBus
from tests.fixtures.chains import EXPIRATION, spot_of
from tests.fixtures.travelling import travelling
from tests.fixtures.waiting import until

from optix.features.market import wire
from optix.features.market.book import MarketBook
from optix.features.streaming.subscriptions import ChainSubscription, QuotesSubscription
from optix.kernel import limits
from optix.kernel.clock import SystemClock
from optix.kernel.errors import InvalidInput
from optix.platform import bus as keys
from optix.platform.bus import Bus
from optix.ports.market_data import ChainKey, UnknownExpiration, UnknownSymbol
from optix.processes.market import open_fan

KEY = ChainKey("SPY", EXPIRATION)
LAST = wire.QUOTE_COLUMNS.index("last")


@pytest.fixture
def bus() -> ScriptedBus:
    bus = ScriptedBus()
    bus.answers["quote"] = lambda arguments: wire.dump_quote(spot_of(arguments["symbol"]))
    return bus


@pytest.fixture
def book(bus: ScriptedBus) -> MarketBook:
    return MarketBook(cast("Bus", bus), SystemClock(), fan=open_fan())


def read(frame: bytes | None) -> list[Any]:
    assert frame is not None
    found: list[Any] = orjson.loads(frame)
    return found


def publish(book: MarketBook, **update: Any) -> None:
    book._take_update({"e": "e", "b": 0, **update})


def chain_row(position: int, bid: float) -> list[Any]:
    return [position, bid, bid + 0.1, 1, 1, bid, 5, 0.2, 0.5, 0.01, -0.1, 0.2, 0.1, "ok", 0, 1000]


def chain_state(*, strikes: list[float], sequence: int = 1, epoch: str = "e") -> bytes:
    header = {
        "underlying": "SPY",
        "expiration": EXPIRATION.isoformat(),
        "source": "test",
        "quality": "realtime",
        "as_of": 1000,
        "received": 1001,
        "roots": [],
    }
    contracts = [[f"SPY261218C{n:08d}", "SPY", "C", k, 10, None] for n, k in enumerate(strikes)]
    rows = [chain_row(n, k / 100) for n, k in enumerate(strikes)]
    body = {"e": epoch, "s": sequence, "h": header, "contracts": contracts}
    return orjson.dumps({**body, "rows": travelling(rows), "rejected": []})


@pytest.fixture
async def chain(bus: ScriptedBus, book: MarketBook) -> ChainSubscription:
    """A chain of two contracts, opened; its feed's epoch is "e"."""
    publish(book)
    bus.answers["chain"] = lambda _: 1
    bus.kept_states[keys.CHAIN + wire.chain_field(KEY)] = chain_state(strikes=[590.0, 600.0])
    subscription = ChainSubscription(3, book, KEY)
    book.hold(subscription.topics)
    frame = read(await subscription.open())
    assert (frame[0], frame[1], frame[2], len(frame[4])) == ("snapshot", 3, 0, 2)
    return subscription


class TestQuotes:
    async def test_a_slow_symbol_is_pending_and_its_row_follows(
        self, bus: ScriptedBus, book: MarketBook, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(
            limits, "SOCKET_SNAPSHOT_SECONDS_MAX", limits.SOCKET_SNAPSHOT_SECONDS_MAX / 20
        )
        arrived = asyncio.Event()

        async def answer(arguments: dict[str, Any]) -> Any:
            if arguments["symbol"] == "SLOW":
                await arrived.wait()
            return wire.dump_quote(spot_of(arguments["symbol"]))

        bus.answers["quote"] = answer
        subscription = QuotesSubscription(1, book, ["SPY", "SLOW"], {})
        _, _, _, header, rows = read(await subscription.open())
        assert [row[0] for row in rows] == ["SPY"]
        assert [(m["symbol"], m["code"]) for m in header["missing"]] == [("SLOW", "pending")]
        told: list[str] = []
        book.listen(told.append)
        arrived.set()
        await until(lambda: "q:SLOW" in told)
        assert [row[0] for row in read(subscription.flush())[3]] == ["SLOW"]

    async def test_each_failure_is_told_under_the_symbol_that_was_written(
        self, bus: ScriptedBus, book: MarketBook
    ) -> None:
        def refuse(arguments: dict[str, Any]) -> Any:
            raise UnknownSymbol(f"{arguments['symbol']} is not known.")

        bus.answers["quote"] = refuse
        refused = {"bad one!": InvalidInput("That is no symbol.", code="malformed_symbol")}
        subscription = QuotesSubscription(1, book, ["ZZZZ"], dict(refused))
        header = read(await subscription.open())[3]
        assert header["missing"] == [
            {"symbol": "bad one!", "code": "malformed_symbol", "detail": "That is no symbol."},
            {"symbol": "ZZZZ", "code": "unknown_symbol", "detail": "ZZZZ is not known."},
        ]

    async def test_nothing_new_is_no_frame_and_no_number(self, book: MarketBook) -> None:
        subscription = QuotesSubscription(1, book, ["SPY"], {})
        await subscription.open()
        assert subscription.flush() is None
        publish(book, q=[wire.dump_quote(spot_of("QQQ"))])  # somebody else's
        assert subscription.flush() is None
        publish(book, q=[wire.dump_quote(spot_of("SPY", 601.0))])
        publish(book, q=[wire.dump_quote(spot_of("SPY", 602.0))])
        frame = read(subscription.flush())
        assert (frame[2], [row[LAST] for row in frame[3]]) == (1, [602.0])
        assert subscription.flush() is None


class TestChains:
    async def test_a_changed_row_travels_alone(
        self, chain: ChainSubscription, book: MarketBook
    ) -> None:
        change = {"u": "SPY", "x": EXPIRATION.isoformat(), "s": 2, "h": None}
        publish(book, c=[{**change, "r": travelling([chain_row(1, 6.5)])}])
        assert read(chain.flush()) == ["changes", 3, 1, [chain_row(1, 6.5)], None]
        assert chain.flush() is None

    async def test_the_vendors_columns_stay_out_of_the_stream(
        self, chain: ChainSubscription, book: MarketBook
    ) -> None:
        change = {"u": "SPY", "x": EXPIRATION.isoformat(), "s": 2, "h": None}
        publish(book, c=[{**change, "r": travelling([chain_row(0, 6.0) + [0.9] * 7])}])
        assert read(chain.flush())[3] == [chain_row(0, 6.0)]

    async def test_a_changed_header_travels_without_rows(
        self, chain: ChainSubscription, book: MarketBook
    ) -> None:
        header = book.chains[KEY].header | {"quality": "delayed"}
        change = {"u": "SPY", "x": EXPIRATION.isoformat(), "s": 2, "h": header, "r": travelling([])}
        publish(book, c=[change])
        _, _, n, rows, changed = read(chain.flush())
        assert (n, rows, changed["quality"]) == (1, [], "delayed")

    async def test_the_spot_alone_travels_as_the_spot_alone(
        self, chain: ChainSubscription, book: MarketBook
    ) -> None:
        publish(book, q=[wire.dump_quote(spot_of("SPY", 601.0))])
        _, _, _, rows, changed = read(chain.flush())
        assert (rows, list(changed)) == ([], ["spot"])

    async def test_another_listing_starts_anew(
        self, chain: ChainSubscription, bus: ScriptedBus, book: MarketBook
    ) -> None:
        publish(book, q=[wire.dump_quote(spot_of("SPY", 601.0))])
        assert read(chain.flush())[2] == 1
        state = chain_state(strikes=[590.0, 600.0, 610.0], sequence=2)
        bus.kept_states[keys.CHAIN + wire.chain_field(KEY)] = state
        publish(book, l=[["SPY", EXPIRATION.isoformat(), 2]])
        await until(lambda: len(book.chains[KEY].rows) == 3)
        name, _, n, header, rows = read(chain.flush())
        assert (name, n, len(header["contracts"]), len(rows)) == ("snapshot", 0, 3, 3)
        publish(book, q=[wire.dump_quote(spot_of("SPY", 602.0))])
        assert read(chain.flush())[2] == 1

    async def test_a_chain_that_is_not_raises_the_feeds_words(
        self, bus: ScriptedBus, book: MarketBook
    ) -> None:
        def refuse(_: dict[str, Any]) -> Any:
            raise UnknownExpiration("SPY has nothing then.")

        bus.answers["chain"] = refuse
        with pytest.raises(UnknownExpiration, match="nothing then"):
            await ChainSubscription(1, book, KEY).open()
