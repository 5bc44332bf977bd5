"""A stream's handshake without a network: what the vendor says, in order; what it was told."""

from __future__ import annotations

from collections import deque

from optix.adapters.market_data.streaming import Frame, StreamLost


class ScriptedWire:
    """Implements `streaming.Wire`. At the end of what it says it is gone."""

    def __init__(self, *says: Frame) -> None:
        self._says = deque(says)
        self.heard: list[Frame] = []

    async def send(self, frame: Frame) -> None:
        self.heard.append(frame)

    async def receive(self) -> Frame:
        if not self._says:
            raise StreamLost("The line is gone.")
        return self._says.popleft()
