"""The socket's language is proven by what it refuses and by reading back what it writes."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optix.features.streaming import protocol
from optix.kernel import limits
from optix.kernel.errors import NotFound
from optix.ports.market_data import ChainKey

BOTH_AT_ONCE = (
    '{"op":"subscribe","id":1,"quotes":["A"],"chain":{"underlying":"A","expiration":"2026-12-18"}}'
)


class TestParsing:
    def test_a_chain_subscription_is_read_with_its_key(self) -> None:
        request = protocol.parse_request(
            b'{"op":"subscribe","id":2,"chain":{"underlying":"spy","expiration":"2026-12-18"}}'
        )
        assert isinstance(request, protocol.Subscribe)
        assert request.chain is not None
        key = request.chain.key()
        assert isinstance(key, ChainKey)
        assert (key.underlying, key.expiration.isoformat()) == ("SPY", "2026-12-18")

    def test_symbols_come_once_and_bad_ones_are_named(self) -> None:
        request = protocol.parse_request(
            b'{"op":"subscribe","id":1,"quotes":["SPY","spy","no such!","AAPL"]}'
        )
        assert isinstance(request, protocol.Subscribe)
        symbols, refused = request.symbols()
        assert symbols == ["SPY", "AAPL"]
        assert [missing["symbol"] for missing in refused] == ["no such!"]

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "nonsense",
            "[]",
            "null",
            "5",
            '{"op":"dance"}',
            '{"op":"subscribe","id":1}',
            '{"op":"subscribe","id":1,"quotes":[]}',
            '{"op":"subscribe","id":0,"quotes":["SPY"]}',
            '{"op":"subscribe","id":"1","quotes":["SPY"]}',
            '{"op":"subscribe","id":1.5,"quotes":["SPY"]}',
            '{"op":"subscribe","id":1,"quotes":"SPY"}',
            BOTH_AT_ONCE,
            '{"op":"subscribe","id":1,"chain":{"underlying":"SPY","expiration":"soon"}}',
            '{"op":"subscribe","id":1,"quotes":["SPY"],"extra":1}',
            '{"op":"auth"}',
            '{"op":"auth","token":7}',
            '{"op":"ping","t":"now"}',
        ],
    )
    def test_anything_else_is_refused_with_a_sentence(self, text: str) -> None:
        with pytest.raises(protocol.MalformedMessage) as caught:
            protocol.parse_request(text.encode())
        assert caught.value.detail
        assert caught.value.next_step

    def test_a_refusal_never_repeats_what_was_sent(self) -> None:
        with pytest.raises(protocol.MalformedMessage) as caught:
            protocol.parse_request(b'{"op":"auth","token":["hunter2"]}')
        assert "hunter2" not in f"{caught.value.detail}{caught.value.fields}"

    def test_more_symbols_than_a_socket_follows_are_refused(self) -> None:
        symbols = [f"A{n}" for n in range(limits.SOCKET_QUOTES_MAX + 1)]
        text = orjson.dumps({"op": "subscribe", "id": 1, "quotes": symbols})
        with pytest.raises(protocol.MalformedMessage):
            protocol.parse_request(text)

    @given(st.text(max_size=200).map(str.encode) | st.binary(max_size=200))
    def test_no_text_at_all_escapes_the_refusal(self, text: bytes) -> None:
        with pytest.raises(protocol.MalformedMessage):
            protocol.parse_request(text)


class TestFrames:
    def test_an_error_carries_the_three_things_a_person_needs(self) -> None:
        name, body = orjson.loads(protocol.error_frame(NotFound("Nothing here."), 4))
        assert name == "error"
        assert body == {
            "id": 4,
            "code": "not_found",
            "detail": "Nothing here.",
            "next_step": NotFound.next_step,
            "retry_after_seconds": None,
        }
