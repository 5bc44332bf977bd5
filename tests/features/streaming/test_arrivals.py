"""A storm of tokens has its share of the time: others get theirs, and it gets on."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from tests.fixtures.waiting import until

from optix.features.streaming.arrivals import Arrivals
from optix.features.streaming.connection import State
from optix.features.streaming.protocol import Authenticate
from optix.kernel import limits

if TYPE_CHECKING:
    from optix.features.streaming.connection import Connection

EACH_SECONDS = 0.0005  # what a token takes here
REQUEST = Authenticate(op="auth", token="x")


class Storm(Arrivals):
    """Its time goes on with each token, and with what others do before each turn."""

    def __init__(self, others_seconds: float) -> None:
        super().__init__(self._look, lambda: self.seconds)
        self.seconds = 0.0
        self.turns: list[int] = []
        self._others_seconds = others_seconds

    def come(self, count: int) -> list[Connection]:
        clients = [cast("Connection", SimpleNamespace(state=State.GREETED)) for _ in range(count)]
        for client in clients:
            self.add(client, REQUEST)
        return clients

    def _some(self) -> None:
        self.seconds += self._others_seconds
        self.turns.append(0)
        super()._some()

    def _look(self, connection: Connection, _: Authenticate) -> None:
        connection.state = State.OPEN
        self.turns[-1] += 1
        self.seconds += EACH_SECONDS


@pytest.mark.parametrize("others_seconds", [0.005, 0.06, 10.0])
async def test_others_have_at_the_most_three_times_as_long(others_seconds: float) -> None:
    storm = Storm(others_seconds)
    storm.come(400)
    assert not storm.turns, "they are looked at behind what came with them"
    await until(lambda: sum(storm.turns) == 400)
    least, most = limits.SOCKETS_SIGNING_IN_SECONDS_MIN, limits.SOCKETS_SIGNING_IN_SECONDS_MAX
    tokens = min(max(others_seconds / 3, least), most) / EACH_SECONDS
    *whole, _ = storm.turns
    assert whole, "it was no storm"
    assert all(abs(turn - tokens) <= 1 for turn in whole)


async def test_who_left_meanwhile_is_passed_over() -> None:
    storm = Storm(0.005)
    *_, gone = storm.come(20)
    gone.state = State.GONE
    await until(lambda: sum(storm.turns) == 19)
    assert gone.state is State.GONE
