"""What the operator can set of the stream's sockets. `settings.py` builds it."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from optix.platform.setting_types import Group, blank_is_absent

DRAIN_SECONDS = 15.0


class StreamSettings(Group):
    stream_sockets: int = Field(
        16_000,
        ge=1,
        le=1_000_000,
        description="Sockets of one process; more are sent elsewhere. Each is an open file.",
        examples=["50000"],
    )
    stream_sockets_per_address: int = Field(
        500,
        ge=1,
        le=1_000_000,
        description="Sockets of one address, behind which there may be an office or a carrier.",
        examples=["2000"],
    )
    stream_connects_per_minute: int = Field(
        1_000,
        ge=1,
        le=1_000_000,
        description="Connections a minute from one address, counted by each process.",
        examples=["5000"],
    )
    stream_drain_seconds: Annotated[float | None, BeforeValidator(blank_is_absent)] = Field(
        None,
        ge=0,
        le=300,
        description="Over how long the clients of a stream that is stopped are moved away; left "
        "out, 15 in production and 0 in development.",
        examples=["30"],
    )

    def drain_seconds(self, *, production: bool) -> float:
        """Return over how long clients are moved away: a developer does not wait for it."""
        if self.stream_drain_seconds is not None:
            return self.stream_drain_seconds
        return DRAIN_SECONDS if production else 0.0
