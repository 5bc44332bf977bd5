"""`optix adapters parse`: what an adapter makes of one payload. Connects to nothing."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Final

from optix.adapters.brokers.exact import load_exact
from optix.kernel.errors import InvalidInput
from optix.kernel.money import Money, Price

PROVIDERS: Final = (
    *("alpaca", "etrade", "ibkr", "plaid", "sandbox", "schwab", "snaptrade", "tastytrade"),
    *("tradier", "webull"),
)


class PayloadUnreadable(InvalidInput):
    code = "payload_unreadable"
    next_step = "Give one decoded answer of the vendor as a file of JSON, of the kind you name."


def parse_payload(provider: str, kind: str, body: bytes) -> Any:
    """Return what the adapter of `provider` makes of `body`, as JSON can hold it.

    Errors: PayloadUnreadable where there is no such adapter or kind, or the file is no JSON;
            BrokerUnreadable where it is another than the vendor documents.
    """
    if provider not in PROVIDERS:
        raise PayloadUnreadable(
            f"There is no brokerage adapter {provider!r}. There are: {', '.join(PROVIDERS)}."
        )
    parsers = importlib.import_module(f"optix.adapters.brokers.{provider}").PARSERS
    if kind not in parsers:
        raise PayloadUnreadable(
            f"The adapter of {provider} parses no {kind!r}. It parses: {', '.join(parsers)}."
        )
    try:
        payload = load_exact(body)
    except ValueError as error:
        raise PayloadUnreadable(f"The file is no JSON: {error}.") from error
    return as_plain(parsers[kind](payload))


def as_plain(value: Any) -> Any:
    """Return a kernel value with its exact numbers as decimal text."""
    if isinstance(value, Money):
        return {"amount": value.text, "currency": value.currency}
    if isinstance(value, Price):
        return format(value.value, "f")
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime | date):
        return value.isoformat()
    if dataclasses.is_dataclass(value):
        names = [field.name for field in dataclasses.fields(value)]
        return {name: as_plain(getattr(value, name)) for name in names}
    if isinstance(value, Mapping):
        return {str(name): as_plain(each) for name, each in value.items()}
    if isinstance(value, Sequence | frozenset) and not isinstance(value, str):
        return [as_plain(each) for each in value]
    return value
