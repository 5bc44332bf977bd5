"""Answers worth keeping for a while: one question at a time for each, shared by all who ask."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from optix.kernel.clock import NANOSECONDS, Clock

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Kept(Generic[K, V]):
    """Loads what is asked for and keeps it for `seconds`, at most `count_max` answers.

    Errors are not kept: the next one who asks loads again.
    """

    def __init__(
        self,
        load: Callable[[K], Awaitable[V]],
        clock: Clock,
        *,
        seconds: float,
        count_max: int,
    ) -> None:
        self._load = load
        self._clock = clock
        self._keep_ns = int(seconds * NANOSECONDS)
        self._count_max = count_max
        self._values: OrderedDict[K, tuple[int, V]] = OrderedDict()
        self._loading: dict[K, asyncio.Task[V]] = {}

    async def get(self, key: K) -> V:
        """Return the answer. Raises what loading it raises."""
        known = self._values.get(key)
        if known is not None and self._clock.now_ns() - known[0] < self._keep_ns:
            return known[1]
        task = self._loading.get(key)
        if task is None:
            task = self._loading[key] = asyncio.create_task(self._fetch(key))
            task.add_done_callback(lambda done: self._ended(key, done))
        # One caller's impatience must not take the answer from the others.
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Give up what is being loaded, and forget everything."""
        tasks = list(self._loading.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._values.clear()

    async def _fetch(self, key: K) -> V:
        value = await self._load(key)
        self._values[key] = (self._clock.now_ns(), value)
        self._values.move_to_end(key)
        while len(self._values) > self._count_max:
            self._values.popitem(last=False)
        return value

    def _ended(self, key: K, task: asyncio.Task[V]) -> None:
        self._loading.pop(key, None)
        if not task.cancelled():
            task.exception()  # nobody may be left to await a failed load
