import numpy as np
from numpy.typing import NDArray

from optix.features.alerts.crossings.core import Seen, Turns, Watches

class Crossings:
    def __init__(self, *, series_max: int) -> None: ...
    def __len__(self) -> int: ...
    def add(
        self,
        ids: NDArray[np.int64],
        series: NDArray[np.int32],
        sides: NDArray[np.uint8],
        levels: NDArray[np.float64],
        backs: NDArray[np.float64],
        repeats: NDArray[np.uint8],
        cooldowns_ns: NDArray[np.int64],
        phases: NDArray[np.uint8],
        ready_ns: NDArray[np.int64],
    ) -> None: ...
    def remove(self, ids: NDArray[np.int64]) -> int: ...
    def remember(
        self, series: NDArray[np.int32], values: NDArray[np.float64], at_ns: NDArray[np.int64]
    ) -> None: ...
    def apply(
        self, series: NDArray[np.int32], values: NDArray[np.float64], at_ns: NDArray[np.int64]
    ) -> Turns: ...
    def get(self, ids: NDArray[np.int64]) -> Watches: ...
    def watches(self) -> Watches: ...
    def seen(self) -> Seen: ...
