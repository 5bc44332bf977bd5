"""Messages of the terminal's stream, in both directions, one for each quirk."""

from __future__ import annotations

from datetime import UTC, date, datetime

import orjson
import pytest
from tests.fakes.thetadata_server import (
    FakeStream,
    wire_contract,
)

from optix.adapters.market_data.streaming import (
    Channel,
    Complaint,
    Heartbeat,
    MalformedFrame,
    Tick,
    Topic,
    Trouble,
)
from optix.adapters.market_data.thetadata.stream import ThetaDataStream
from optix.adapters.market_data.thetadata.translate import Beside
from optix.kernel import limits
from optix.kernel.clock import to_ns
from optix.kernel.quote import Quality
from optix.kernel.trade import Trade

CALL, PUT = "AAPL260116C00275000", "AAPL260116P00275000"
DAY = date(2026, 1, 16)
AT = "2025-08-20T15:59:59.805"
NOW = to_ns(datetime(2025, 8, 20, 21, 0, tzinfo=UTC))
EMPTY = Beside({}, {}, {})


class TestStream:
    vendor = ThetaDataStream("ws://127.0.0.1:1", Quality.REALTIME)
    server = FakeStream()

    def test_a_request_names_one_contract_with_its_strike_in_tenths_of_a_cent(self) -> None:
        vendor = ThetaDataStream("ws://127.0.0.1:1", Quality.REALTIME)
        add, stock = vendor.subscribe([Topic(CALL, Channel.TRADE), Topic("SPY", Channel.QUOTE)])
        assert orjson.loads(add) == {
            "msg_type": "STREAM",
            "sec_type": "OPTION",
            "req_type": "TRADE",
            "add": True,
            "id": 1,
            "contract": {"root": "AAPL", "expiration": 20260116, "strike": 275_000, "right": "C"},
        }
        assert orjson.loads(stock)["contract"] == {"root": "SPY"}
        (remove,) = vendor.unsubscribe([Topic(CALL, Channel.TRADE)])
        assert orjson.loads(remove)["add"] is False

    def test_it_takes_contracts_and_quotes_of_stocks(self) -> None:
        assert self.vendor.accepts(Topic(CALL, Channel.TRADE))
        assert self.vendor.accepts(Topic("SPY", Channel.QUOTE))
        assert not self.vendor.accepts(Topic("SPY", Channel.TRADE))
        assert not self.vendor.accepts(Topic("SPX", Channel.QUOTE))

    def test_a_quote_and_a_print_come_back(self) -> None:
        at = NOW - NOW % 1_000_000
        (tick,) = self.vendor.decode(self.server.quote_frame(CALL, 1.5, 1.6, at), NOW)
        fields = {"bid": 1.5, "ask": 1.6, "bid_size": 7.0, "ask_size": 9.0}
        assert tick == Tick(CALL, at, fields)
        frame = self.server.trade_frame(PUT, 2.0, 3, at)
        assert frame is not None
        (trade,) = self.vendor.decode(frame, NOW)
        assert isinstance(trade, Trade)
        assert (trade.symbol, trade.size, trade.conditions, trade.exchange) == (PUT, 3, "I", "H")

    def test_a_status_is_the_heartbeat_unless_the_terminal_is_cut_off(self) -> None:
        def status(word: str) -> object:
            (event,) = self.vendor.decode(
                orjson.dumps({"header": {"type": "STATUS", "status": word}}), NOW
            )
            return event

        assert status("CONNECTED") == Heartbeat()
        cut = status("DISCONNECTED")
        assert isinstance(cut, Complaint)
        assert cut.trouble is Trouble.RECONNECT

    @pytest.mark.parametrize(
        ("answer", "trouble"),
        [
            ("MAX_STREAMS_REACHED", Trouble.SYMBOLS_MAX),
            ("INVALID_PERMS", Trouble.REFUSED),
            ("ERROR", Trouble.BAD_SYMBOL),
        ],
    )
    def test_an_answer_is_about_what_was_asked(self, answer: str, trouble: Trouble) -> None:
        vendor = ThetaDataStream("ws://127.0.0.1:1", Quality.REALTIME)
        vendor.subscribe([Topic(CALL, Channel.QUOTE)])
        header = {"type": "REQ_RESPONSE", "response": answer, "req_id": 1}
        (complaint,) = vendor.decode(orjson.dumps({"header": header}), NOW)
        assert isinstance(complaint, Complaint)
        assert (complaint.trouble, complaint.symbols) == (trouble, frozenset((CALL,)))

    def test_requests_without_an_answer_are_remembered_within_bounds(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        module = "optix.adapters.market_data.thetadata.stream.STREAM_TRADE_KEYS_MAX"
        monkeypatch.setattr(module, 2)
        assert limits.STREAM_TRADE_KEYS_MAX > 2
        vendor = ThetaDataStream("ws://127.0.0.1:1", Quality.REALTIME)
        vendor.subscribe([Topic(symbol, Channel.QUOTE) for symbol in (CALL, PUT, "SPY")])
        header = {"type": "REQ_RESPONSE", "response": "ERROR", "req_id": 1}
        (complaint,) = vendor.decode(orjson.dumps({"header": header}), NOW)
        assert isinstance(complaint, Complaint)
        assert complaint.symbols == frozenset()

    @pytest.mark.parametrize(
        "message",
        [
            [],
            {},
            {"header": 1},
            {"header": {"type": "NEW"}},
            {"header": {"type": "QUOTE"}, "contract": wire_contract(CALL)},
            {"header": {"type": "QUOTE"}, "contract": {"root": "?"}, "quote": {}},
            {
                "header": {"type": "TRADE"},
                "contract": wire_contract(CALL),
                "trade": {
                    "price": 0,
                    "size": 1,
                    "sequence": 1,
                    "condition": 0,
                    "exchange": 1,
                    "date": 20250820,
                    "ms_of_day": 1,
                },
            },
        ],
    )
    def test_what_is_no_message_is_malformed(self, message: object) -> None:
        with pytest.raises((MalformedFrame, LookupError, ValueError, TypeError)):
            self.vendor.decode(orjson.dumps(message), NOW)

    def test_news_of_bars_are_not_read(self) -> None:
        message = {"header": {"type": "OHLC"}, "contract": wire_contract(CALL), "ohlc": {}}
        assert self.vendor.decode(orjson.dumps(message), NOW) == [Heartbeat()]
