"""Whatever a broker puts into a field, its adapter reads it or says that it cannot.

Each value of a payload in the documented form is replaced by each of many odd ones, one at a time.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from tests.adapters.brokers.adapters import ADAPTERS
from tests.adapters.brokers.samples import SAMPLES
from tests.fixtures.recorded import recorded

from optix.adapters.brokers.exact import load_exact
from optix.ports.broker import BrokerUnreadable

ODD: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    Decimal("0.5"),
    Decimal("1e25"),
    "",
    " ",
    "x",
    "\x00",
    "-1",
    "1e3",
    "NaN",
    "9" * 18,
    "9" * 30,
    "0001-01-01",
    "0001-01-01T00:00:00+0000",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:59-14:00",
    [],
    [None],
    {},
)


def cases() -> Iterator[Any]:
    """Yield each sample with what reads it."""
    for broker, kinds in SAMPLES.items():
        for kind, payloads in kinds.items():
            for number, payload in enumerate(payloads):
                is_recording = isinstance(payload, str)
                yield pytest.param(
                    broker,
                    kind,
                    payload,
                    id=f"{broker}-{kind}-{number}",
                    marks=pytest.mark.recorded if is_recording else (),
                )


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to each value below, the containers too."""
    if path:
        yield path
    keys: Any = value if isinstance(value, dict) else ()
    if isinstance(value, list):
        keys = range(len(value))
    for key in keys:
        yield from places(value[key], (*path, key))


def container_of(payload: Any, path: tuple[Any, ...]) -> Any:
    for key in path[:-1]:
        payload = payload[key]
    return payload


def with_sides(payload: Any) -> Any:
    """Give orders the sides that examples of SnapTrade's documentation leave out."""
    rows = payload.get("orders", []) if isinstance(payload, dict) else payload
    for row in rows if isinstance(rows, list) else []:
        for part in row.get("legs") or [row]:
            if "action" in part:
                part["action"] = "BUY"
    return payload


def test_every_adapter_has_a_sample_of_each_kind() -> None:
    missing = {
        broker: kinds
        for broker, parsers in ADAPTERS.items()
        if (kinds := set(parsers) - set(SAMPLES.get(broker, {})))
    }
    assert missing == {}


@pytest.mark.parametrize(("broker", "kind", "payload"), list(cases()))
def test_an_odd_value_is_read_or_refused(broker: str, kind: str, payload: Any) -> None:
    if isinstance(payload, str):
        body = recorded(f"brokers/{broker}/{payload}").read_bytes()
        payload = with_sides(load_exact(body))
    payload, parse = copy.deepcopy(payload), ADAPTERS[broker][kind]
    assert parse(payload), "as documented, it is read"
    refused, wrong = 0, []
    for path in list(places(payload)):
        holder = container_of(payload, path)
        real = holder[path[-1]]
        for odd in ODD:
            holder[path[-1]] = copy.deepcopy(odd)
            try:
                parse(payload)
            except BrokerUnreadable:
                refused += 1
            except Exception as error:  # noqa: BLE001  # whatever it is, it is listed
                wrong.append(f"{path} = {odd!r}: {type(error).__name__}: {error}")
        holder[path[-1]] = real
    assert wrong == []
    assert refused, "there are values that cannot be read"
