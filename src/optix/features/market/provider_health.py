"""How the providers behind the feed do, as the feed answers it, for administrators."""

from __future__ import annotations

from typing import Any

from optix.features.market import schemas, schemas_admin
from optix.features.market.book import MarketBook
from optix.kernel.clock import NANOSECONDS, Clock, to_datetime
from optix.platform.bus import FeedUnavailable


async def report_providers(
    book: MarketBook, feed: schemas.FeedStatus, clock: Clock
) -> schemas_admin.MarketProviders:
    """Ask the feed. One that does not answer is told by its status, and is no error here.

    Errors: BusUnavailable.
    """
    try:
        answer = await book.ask("providers", {})
    except FeedUnavailable:
        answer = {"providers": [], "kinds": [], "switches": [], "rejects": {}}
    rows = [_row(row, clock.now_ns()) for row in answer["providers"]]
    if not rows and answer["kinds"]:
        rows = [_only_one(feed, answer["kinds"])]
    return schemas_admin.MarketProviders(
        feed=feed,
        providers=rows,
        switches=[
            schemas_admin.ProviderSwitch(
                at=to_datetime(switch["ts"]),
                kind=switch["kind"],
                source=switch["source"] or None,
                target=switch["target"],
                reason=switch["reason"],
            )
            for switch in reversed(answer["switches"])
        ],
        rejects=answer["rejects"],
    )


def _row(row: dict[str, Any], now_ns: int) -> schemas_admin.MarketProvider:
    last_ns = row["last_update_ns"]
    told = {
        name: row[name]
        for name in schemas_admin.MarketProvider.model_fields
        if name not in {"since", "last_update_at", "freshness_seconds"}
    }
    return schemas_admin.MarketProvider(
        **told,
        since=to_datetime(row["since_ns"]),
        last_update_at=to_datetime(last_ns) if last_ns else None,
        freshness_seconds=max(0, now_ns - last_ns) / NANOSECONDS if last_ns else None,
    )


def _only_one(feed: schemas.FeedStatus, kinds: list[str]) -> schemas_admin.MarketProvider:
    """Return the row of a provider that stands alone and counts nothing: the feed's own state."""
    return schemas_admin.MarketProvider.model_validate(
        {
            "name": feed.source,
            "label": feed.label,
            "state": feed.state,
            "reason": feed.reason,
            "serves": kinds,
            "quality": feed.quality,
            "since": feed.since,
            "last_update_at": None,
            "freshness_seconds": None,
            "lag_seconds": None,
            "error_rate": None,
            "errors_per_minute": None,
            "errors": {},
            "reconnects": None,
            "subscribed": None,
            "symbols_max": None,
            "requests_left": None,
        }
    )
