"""What administrators see of the market feed: each provider behind it, and how it does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

from pydantic import Field

from optix.features.market.schemas import FeedStatus, Schema
from optix.kernel.quote import Quality
from optix.ports.market_data import DataKind

ProviderState = Literal["live", "stale", "down", "connecting", "idle", "ended"]


class MarketProvider(Schema):
    """One provider of market data."""

    name: str
    label: str = Field(description="Its name for people.")
    state: ProviderState = Field(description="idle: open, and nothing is asked of it.")
    reason: str = Field(description="One sentence; empty while it is well.")
    serves: Sequence[DataKind] = Field(description="What it is the one in use for.")
    quality: Quality
    since: datetime = Field(description="When this state began.")
    last_update_at: datetime | None = Field(description="Null: none yet.")
    freshness_seconds: float | None = Field(description="Since its last update.")
    lag_seconds: float | None = Field(description="From the venue to us, of its last update.")
    error_rate: float | None = Field(
        description="Share of the last requests and updates that failed, 0 to 1."
    )
    errors_per_minute: float | None
    errors: Mapping[str, int] = Field(description="How many since the start, by reason.")
    reconnects: int | None = Field(description="How often it was opened again.")
    subscribed: int | None = Field(description="Symbols followed, each contract counts one.")
    symbols_max: int | None = Field(description="How many it can follow; null: no limit.")
    requests_left: int | None = Field(description="In this window; null: no limit is known.")


class ProviderSwitch(Schema):
    """A kind of data came from another provider from then on."""

    at: datetime
    kind: DataKind
    source: str | None = Field(description="Who served it before; null: nobody.")
    target: str
    reason: str


class MarketProviders(Schema):
    feed: FeedStatus
    providers: Sequence[MarketProvider] = Field(
        description="By preference; empty while the feed does not answer."
    )
    switches: Sequence[ProviderSwitch] = Field(description="Of the last hour, newest first.")
    rejects: Mapping[str, int] = Field(
        description="Rows of the sources that were refused since the start, by reason."
    )
