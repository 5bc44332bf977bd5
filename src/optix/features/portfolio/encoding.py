"""Answers of the portfolio as bytes: what stays is encoded once, what moves for each answer.

The tag of an answer is made of everything in it but the moment when it was valued.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray
from pydantic import BaseModel

from optix.features.market import wire
from optix.features.portfolio import schemas
from optix.features.portfolio.greeks import NAMES, Exposures, why_none
from optix.features.portfolio.holding import UNKNOWN, Cents, Holding, Row, underlying_symbol
from optix.features.portfolio.valuing import BROKER, PAR, SOURCES, Valuer
from optix.kernel.holding import Asset

_TAG_BYTES: Final = 12
_GREEKS: Final = (*NAMES, "beta_delta")


@dataclass(frozen=True, slots=True)
class Encoded:
    """The bytes of an answer and its entity tag."""

    body: bytes
    etag: str


def encoded(parts: bytes, at: datetime) -> Encoded:
    """Return an answer of a JSON object that lacks its last brace and its `as_of`."""
    tag = blake2b(parts, digest_size=_TAG_BYTES).hexdigest()
    return Encoded(b'%b,"as_of":%b}' % (parts, orjson.dumps(at)), f'"{tag}"')


def encoded_model(model: BaseModel, at: datetime) -> Encoded:
    """Return a model with its `as_of`."""
    return encoded(model.model_dump_json(exclude={"as_of"}).encode()[:-1], at)


def asset_of(asset: Asset) -> schemas.HeldAsset:
    """Return what the API says of an asset."""
    contract = asset.contract
    return schemas.HeldAsset(
        kind=asset.kind,
        symbol=asset.symbol,
        name=asset.name,
        currency=asset.currency,
        multiplier=asset.multiplier,
        underlying=underlying_symbol(asset),
        expiration=None if contract is None else contract.expiration,
        right=None if contract is None else contract.right,
        strike=None if contract is None else contract.strike_milli / 1000,
        adjusted=bool(asset.deliverables),
    )


def text(value: Decimal | None) -> str | None:
    """Return an amount as plain digits."""
    return None if value is None else format(value, "f")


def cents_text(cents: int) -> str | None:
    """Return whole cents as an amount; None for what nobody says."""
    return None if cents == UNKNOWN else format(Decimal(cents).scaleb(-2), "f")


def heads_of(holding: Holding) -> list[bytes]:
    """Return the beginning of each row's object, which does not move with the market."""
    return [_head(holding, row) for row in holding.rows]


def _head(holding: Holding, row: Row) -> bytes:
    position = row.position
    fixed = {
        "account_id": str(holding.accounts[row.account].id),
        "asset": orjson.Fragment(asset_of(position.asset).model_dump_json()),
        "quantity": text(position.quantity),
        "size": format(position.size, "f"),
        "cost": None if position.cost is None else position.cost.text,
        "cost_has_fees": position.cost_has_fees,
    }
    return orjson.dumps(fixed)[:-1]


def encode_positions(valuer: Valuer, found: Exposures, heads: Sequence[bytes]) -> bytes:
    """Return the objects of all rows that are held, as the inside of a JSON list."""
    held, valued, columns = valuer.holding, valuer.valued, valuer.marks.columns
    greeks = np.vstack((found.values, found.beta_delta)).T.tolist()
    prices, sources = valued.price.tolist(), valued.source.tolist()
    changes, by_broker = valued.change.tolist(), valued.change_of_broker.tolist()
    covered, names = found.covered.tolist(), valuer.name.tolist()
    unrealised = valuer.unrealised()
    instants = _moments(columns.as_of)
    parts = []
    for row, each in enumerate(held.rows):
        if each.closed:
            continue
        source, name = sources[row], names[row]
        by_market = source >= 0 and source not in {BROKER, PAR}
        snapshot = held.accounts[each.account].snapshot
        assert snapshot is not None, "it has the position"
        moving: dict[str, Any] = {
            "mark": {
                "price": prices[row],
                "source": None if source < 0 else SOURCES[source],
                "as_of": instants[name] if by_market else (None if source < 0 else snapshot.as_of),
                "quality": columns.quality[name] or None if by_market else None,
                "reason": valuer.reason(row),
            },
            "value": cents_text(int(valued.value[row])),
            "unrealised": text(unrealised[row]),
            "day_change": cents_text(changes[row]),
            "day_change_source": _change_source(changes[row], by_broker=by_broker[row]),
            "greeks": dict(zip(_GREEKS, greeks[row], strict=True)) if covered[row] else None,
            "reason": "" if covered[row] else why_none(valuer, row),
        }
        parts.append(b"%b,%b" % (heads[row], orjson.dumps(moving)[1:]))
    return b",".join(parts)


def total_cents(cents: Cents) -> int:
    """Return a sum, `UNKNOWN` where a part is not known: a sum of some is not the sum."""
    if (cents == UNKNOWN).any():
        return int(UNKNOWN)
    return int(cents.sum())


def _moments(instants: NDArray[np.int64]) -> list[str]:
    told = {instant: wire.iso_ms(instant) for instant in np.unique(instants).tolist()}
    return [told[instant] for instant in instants.tolist()]


def _change_source(cents: int, *, by_broker: bool) -> str | None:
    if cents == UNKNOWN:
        return None
    return "broker" if by_broker else "market"
