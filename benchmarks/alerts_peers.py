"""One kernel of crossings in one process, timed on request: `alerts_peers.py KERNEL MARKET.npz`.

Runs with the peers' interpreter, so it imports nothing of this repository at the top. Each line on
stdin is `load` or `ticks COUNT`; the answer is one line of JSON. The caller asks the processes in
turn, which interleaves them. Ticks go on where they ended: forward through the file, then back,
because a walk read backwards is a walk too.

The peers do what the kernel does (optix/features/alerts/crossings/core.py) as one would write it in
Python: `sorted-containers` keeps the watches of a series in sorted lists, and the nearest keys
beside them; `numpy` compares the value with all watches of its series at once.
"""

from __future__ import annotations

import importlib
import json
import math
import resource
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Columns = dict[str, NDArray[Any]]
BATCH = 1000  # ticks of one call: 50 ms of 20,000 a second
NEW, ARMED, SPENT = range(3)


class Python:
    """What a watch does. Where the waiting ones are is the subclasses' business."""

    def __init__(self, c: Columns) -> None:
        self.series = c["series"].tolist()
        self.rises = (c["sides"] % 2 == 0).tolist()
        self.level, self.back = c["levels"].tolist(), c["backs"].tolist()
        self.repeats, self.cooldown = c["repeats"].tolist(), c["cooldowns_ns"].tolist()
        self.phase, self.ready = c["phases"].tolist(), c["ready_ns"].tolist()
        self.last, self.clock = c["base"].tolist(), [0] * c["base"].size
        for watch in range(len(self.series)):
            self.arm(watch)
        self.place_all()

    def near(self, watch: int) -> float:
        return float((self.level if self.phase[watch] == NEW else self.back)[watch])

    def arm(self, watch: int) -> None:
        """Let the last value arm a watch that waits for the near side."""
        if self.phase[watch] == ARMED:
            return
        last, near = self.last[self.series[watch]], self.near(watch)
        if last < near if self.rises[watch] else last > near:
            self.phase[watch] = ARMED

    def rung(self, watch: int) -> tuple[bool, float]:
        """Return whether a higher value turns it, and from which on."""
        if self.phase[watch] == ARMED:
            return self.rises[watch], self.level[watch]
        up = not self.rises[watch]
        return up, math.nextafter(self.near(watch), math.inf if up else -math.inf)

    def turn(self, watch: int) -> int:
        """Return whether what it waited for fires."""
        if self.phase[watch] != ARMED:
            self.phase[watch] = ARMED
            self.place(watch)
            return 0
        self.phase[watch] = SPENT
        if self.repeats[watch]:
            self.ready[watch] = self.clock[self.series[watch]] + self.cooldown[watch]
            self.place(watch)
        return 1

    def place_all(self) -> None:
        raise NotImplementedError

    def place(self, watch: int) -> None:
        raise NotImplementedError

    def apply(self, series: NDArray[Any], values: NDArray[Any], at_ns: NDArray[Any]) -> int:
        raise NotImplementedError


class SortedContainers(Python):
    def place_all(self) -> None:
        sorted_list = importlib.import_module("sortedcontainers").SortedList
        count = len(self.last)
        rungs: tuple[list[list[Any]], ...] = tuple([[] for _ in range(count)] for _ in range(2))
        for watch, series in enumerate(self.series):
            up, key = self.rung(watch)
            rungs[up][series].append((key if up else -key, watch))
        self.fall, self.rise = ([sorted_list(each) for each in side] for side in rungs)
        self.deaf = [sorted_list() for _ in range(count)]
        self.edges = [self.edge(series) for series in range(count)]

    def edge(self, series: int) -> tuple[float, float, float]:
        rise, fall, deaf = self.rise[series], self.fall[series], self.deaf[series]
        return (
            rise[0][0] if rise else math.inf,
            -fall[0][0] if fall else -math.inf,
            deaf[0][0] if deaf else math.inf,
        )

    def place(self, watch: int) -> None:
        series = self.series[watch]
        if self.ready[watch] > self.clock[series]:
            self.deaf[series].add((self.ready[watch], watch))
            return
        up, key = self.rung(watch)
        (self.rise if up else self.fall)[series].add((key if up else -key, watch))

    def apply(self, series: NDArray[Any], values: NDArray[Any], at_ns: NDArray[Any]) -> int:
        fired, edges, last, clock = 0, self.edges, self.last, self.clock
        for each, value, at in zip(series.tolist(), values.tolist(), at_ns.tolist(), strict=True):
            clock[each] = at
            rise, fall, wake = edges[each]
            if value >= rise or value <= fall or at >= wake:
                fired += self.turn_all(each, value)
            last[each] = value
        return fired

    def turn_all(self, series: int, value: float) -> int:
        fired, now = 0, self.clock[series]
        rise, fall, deaf = self.rise[series], self.fall[series], self.deaf[series]
        while deaf and deaf[0][0] <= now:
            watch = deaf.pop(0)[1]
            self.arm(watch)
            self.place(watch)
        self.last[series] = value
        while rise and value >= rise[0][0]:
            fired += self.turn(rise.pop(0)[1])
        while fall and -value >= fall[0][0]:
            fired += self.turn(fall.pop(0)[1])
        self.edges[series] = self.edge(series)
        return fired


class NumPy(Python):
    def place_all(self) -> None:
        order = np.argsort(self.series, kind="stable")
        ends = np.searchsorted(np.array(self.series)[order], np.arange(len(self.last) + 1))
        self.members = [order[a:b] for a, b in pairwise(ends)]
        self.index = np.empty(order.size, np.int64)
        for members in self.members:
            self.index[members] = np.arange(members.size)
        self.rise = [np.full(members.size, np.inf) for members in self.members]
        self.fall = [np.full(members.size, -np.inf) for members in self.members]
        self.deaf = [np.full(members.size, np.iinfo(np.int64).max) for members in self.members]
        for watch in range(len(self.series)):
            self.place(watch)

    def place(self, watch: int) -> None:
        series, at = self.series[watch], self.index[watch]
        if self.ready[watch] > self.clock[series]:
            self.deaf[series][at] = self.ready[watch]
            return
        up, key = self.rung(watch)
        (self.rise if up else self.fall)[series][at] = key

    def apply(self, series: NDArray[Any], values: NDArray[Any], at_ns: NDArray[Any]) -> int:
        fired = 0
        for each, value, at in zip(series.tolist(), values.tolist(), at_ns.tolist(), strict=True):
            self.clock[each] = at
            rise, fall, deaf = self.rise[each], self.fall[each], self.deaf[each]
            for index in np.flatnonzero(deaf <= at):
                watch = self.members[each][index]
                deaf[index] = np.iinfo(np.int64).max
                self.arm(watch)
                self.place(watch)
            self.last[each] = value
            up, down = np.flatnonzero(value >= rise), np.flatnonzero(value <= fall)
            rise[up], fall[down] = np.inf, -np.inf
            for index in (*up, *down):
                fired += self.turn(self.members[each][index])
        return fired


class Optix:
    def __init__(self, c: Columns) -> None:
        module = importlib.import_module("optix.features.alerts.crossings")
        self.kernel = module.new_crossings(series_max=c["base"].size)
        base = np.arange(c["base"].size, dtype=np.int32)
        self.kernel.remember(base, c["base"], np.zeros(base.size, np.int64))
        self.kernel.add(*(c[name] for name in module.Watches._fields))

    def apply(self, series: NDArray[Any], values: NDArray[Any], at_ns: NDArray[Any]) -> int:
        return int((self.kernel.apply(series, values, at_ns).kinds == 1).sum())


KERNELS: dict[str, Callable[[Columns], Any]] = {
    "optix": Optix,
    "sorted-containers": SortedContainers,
    "numpy": NumPy,
}


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


class Bench:
    def __init__(self, name: str, columns: Columns) -> None:
        self.make, self.columns = KERNELS[name], columns
        self.kernel: Any = None
        self.ticks = [columns[name] for name in ("tick_series", "tick_values")]
        self.at, self.passes = 0, 0

    def load(self) -> dict[str, float]:
        self.kernel = None
        before, started = resident_bytes(), time.perf_counter()
        self.kernel = self.make(self.columns)
        seconds = time.perf_counter() - started
        return {"seconds": seconds, "bytes": resident_bytes() - before}

    def run(self, count: int) -> dict[str, float]:
        """Apply the next ticks; return the seconds they took and how many watches fired."""
        batches = []
        while count > 0:
            size = self.ticks[0].size
            if self.at == size:
                self.ticks = [np.ascontiguousarray(each[::-1]) for each in self.ticks]
                self.at, self.passes = 0, self.passes + 1
            end = min(self.at + min(count, BATCH), size)
            first = (self.passes * size + self.at) * int(self.columns["tick_every_ns"])
            at_ns = first + np.arange(end - self.at) * int(self.columns["tick_every_ns"])
            batches.append((*(each[self.at : end] for each in self.ticks), at_ns))
            count -= end - self.at
            self.at = end
        fired, started = 0, time.perf_counter()
        for batch in batches:
            fired += self.kernel.apply(*batch)
        return {"seconds": time.perf_counter() - started, "fired": fired}


def main(name: str, path: str) -> None:
    with np.load(path) as file:
        columns: Columns = dict(file)
    bench = Bench(name, columns)
    print("ready", flush=True)
    for line in sys.stdin:
        task, *arguments = line.split()
        answer = bench.load() if task == "load" else bench.run(int(arguments[0]))
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
