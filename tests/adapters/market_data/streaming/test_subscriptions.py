"""From what is subscribed to what is wanted, message by message."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from tests.fakes.plain_stream import PlainServer, PlainVendor

from optix.adapters.market_data.streaming.protocol import Channel, Frame, StreamTraits, Topic
from optix.adapters.market_data.streaming.subscriptions import Subscriptions


def topics(*symbols: str, channel: Channel = Channel.QUOTE) -> list[Topic]:
    return [Topic(symbol, channel) for symbol in symbols]


def subscriptions(traits: StreamTraits) -> Subscriptions:
    return Subscriptions(PlainVendor(PlainServer(), traits))


def settle(held: Subscriptions, now: float = 0.0) -> list[tuple[str, list[str]]]:
    """Apply changes until there are none; return what was said."""
    said = []
    while (change := held.change(now)) is not None:
        for frame in change.frames:
            message = orjson.loads(frame)
            said.append((message["type"], [symbol for symbol, _ in message["topics"]]))
        held.apply(change)
    return said


def test_differences_go_out_in_batches_and_what_is_dropped_first() -> None:
    held = subscriptions(StreamTraits(batch_topics_max=2))
    held.want(topics("A", "B", "C"))
    assert settle(held) == [("subscribe", ["A", "B"]), ("subscribe", ["C"])]
    held.want(topics("C", "D"))
    assert settle(held) == [("unsubscribe", ["A", "B"]), ("subscribe", ["D"])]
    assert held.symbols == {"C", "D"}
    assert settle(held) == []


def test_a_new_connection_has_nothing_yet() -> None:
    held = subscriptions(StreamTraits())
    held.want(topics("A"))
    settle(held)
    held.connected()
    assert not held.sent
    assert settle(held) == [("subscribe", ["A"])]


def test_what_does_not_fit_is_left_out_from_the_end() -> None:
    held = subscriptions(StreamTraits(topics_max={Channel.QUOTE: 2}))
    held.want(topics("A", "B", "C") + topics("A", "B", "C", channel=Channel.TRADE))
    settle(held)
    assert {t.symbol for t in held.sent if t.channel is Channel.QUOTE} == {"A", "B"}
    assert len(held.sent) == 5


def test_a_vendor_that_replaces_is_told_everything_each_time() -> None:
    held = subscriptions(StreamTraits(replaces=True))
    held.want(topics("A"))
    settle(held)
    held.want(topics("A", "B"))
    assert settle(held) == [("subscribe", ["A", "B"])]
    held.want([])
    assert settle(held) == [], "an empty list would be an error"


def test_messages_keep_to_their_size() -> None:
    held = subscriptions(StreamTraits(message_bytes_max=70))
    held.want(topics("A" * 10, "B" * 10, "C" * 10))
    assert [len(symbols) for _, symbols in settle(held)] == [1, 1, 1]
    held = subscriptions(StreamTraits(replaces=True, message_bytes_max=120))
    names = [f"{number:010d}" for number in range(20)]
    held.want(topics(*names))
    ((_, said),) = settle(held)
    assert 0 < len(said) < 6
    assert said == names[: len(said)]


def test_a_limit_that_nobody_documented_is_learned() -> None:
    held = subscriptions(StreamTraits())
    held.want(topics(*"ABCDEFGH"))
    settle(held)
    held.too_many()
    assert held.places == {Channel.QUOTE: 6}
    settle(held)
    held.acked(frozenset(topics("A", "B")))
    held.too_many()
    assert held.places == {Channel.QUOTE: 4}


def test_a_refused_symbol_is_left_out_for_a_while() -> None:
    held = subscriptions(StreamTraits())
    held.want(topics("A", "B"))
    settle(held)
    held.refuse(frozenset(("A",)), until=10.0)
    assert settle(held, now=5.0) == []
    assert held.sent == frozenset(topics("B"))
    assert settle(held, now=11.0) == [("subscribe", ["A"])]


def test_text_counts_in_bytes() -> None:
    class Loud(PlainVendor):
        def subscribe(self, topics: Sequence[Topic]) -> Sequence[Frame]:
            return ["é" * 30 * len(topics)]

    held = Subscriptions(Loud(PlainServer(), StreamTraits(message_bytes_max=100)))
    held.want(topics("A", "B"))
    change = held.change(0.0)
    assert change is not None
    assert len(change.topics) == 1
