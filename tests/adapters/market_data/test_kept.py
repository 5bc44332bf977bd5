"""An answer is loaded once for all who ask, kept for its time, and never kept when it failed."""

from __future__ import annotations

import asyncio

import pytest
from tests.fixtures.waiting import until

from optix.adapters.market_data.kept import Kept
from optix.kernel.clock import NANOSECONDS, ScaledClock, SystemClock
from optix.ports.market_data import ProviderUnavailable


class Loader:
    def __init__(self) -> None:
        self.clock = ScaledClock(SystemClock(), origin_ns=10**18, speed=0.0)
        self.asked: list[str] = []
        self.fail = False
        self.hold = asyncio.Event()
        self.hold.set()

    def kept(self, count_max: int = 2) -> Kept[str, int]:
        return Kept(self.load, self.clock, seconds=60.0, count_max=count_max)

    async def load(self, key: str) -> int:
        self.asked.append(key)
        await self.hold.wait()
        if self.fail:
            raise ProviderUnavailable("It is away.")
        return len(self.asked)

    def wait(self, seconds: int) -> None:
        self.clock.advance_to(self.clock.now_ns() + seconds * NANOSECONDS)


async def test_an_answer_is_good_for_its_time() -> None:
    loader = Loader()
    kept = loader.kept()
    assert [await kept.get("SPY"), await kept.get("SPY")] == [1, 1]
    loader.wait(59)
    assert await kept.get("SPY") == 1
    loader.wait(1)
    assert await kept.get("SPY") == 2


async def test_all_who_ask_share_one_question() -> None:
    loader = Loader()
    kept = loader.kept()
    loader.hold.clear()
    asking = [asyncio.create_task(kept.get("SPY")) for _ in range(3)]
    await asyncio.sleep(0)
    asking[0].cancel()  # one who gives up takes nothing from the others
    loader.hold.set()
    assert await asyncio.gather(*asking[1:]) == [1, 1]
    assert loader.asked == ["SPY"]


async def test_a_failure_is_not_kept() -> None:
    loader = Loader()
    kept = loader.kept()
    loader.fail = True
    for _ in range(2):
        with pytest.raises(ProviderUnavailable):
            await kept.get("SPY")
    loader.fail = False
    assert await kept.get("SPY") == 3


async def test_the_oldest_answer_makes_room() -> None:
    loader = Loader()
    kept = loader.kept(count_max=2)
    for key in ("SPY", "QQQ", "IWM", "SPY"):
        await kept.get(key)
    assert loader.asked == ["SPY", "QQQ", "IWM", "SPY"]
    await kept.get("IWM")
    assert len(loader.asked) == 4


async def test_closing_forgets_everything() -> None:
    loader = Loader()
    kept = loader.kept()
    await kept.get("SPY")
    loader.hold.clear()
    asking = asyncio.create_task(kept.get("QQQ"))
    await until(lambda: "QQQ" in loader.asked)
    await kept.close()
    await asyncio.gather(asking, return_exceptions=True)
    loader.hold.set()
    await kept.get("SPY")
    assert loader.asked == ["SPY", "QQQ", "SPY"]
