"""Reading what brokers send: exact numbers, checked shapes, errors that show no values.

Money must never pass through a float. JSON numbers become `Decimal` from their digits, and the
models of `wire.py` take numbers and texts alike, because vendors send both for one field.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from decimal import Context, Decimal, InvalidOperation
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from optix.kernel.limits import MONEY_DIGITS_MAX
from optix.ports.broker import BrokerUnreadable

PLACES_SENT_MAX = 40  # zeros that a vendor pads with
PLACES_MAX = 20  # beside those: some brokers divide and do not round
NO_CURRENCY = "XXX"  # ISO 4217: such amounts are kept, and added to no others
_WIDE = Context(prec=120)  # nothing that passes the bounds is rounded


class Wire(BaseModel):
    """What a vendor sends. Fields it adds are passed over; fields we need must be there."""

    model_config = ConfigDict(extra="ignore", frozen=True)


Model = TypeVar("Model", bound=Wire)


def load_exact(body: bytes) -> Any:
    """Return decoded JSON whose numbers are int or Decimal. Raises ValueError."""
    try:
        return json.loads(body.decode(), parse_float=Decimal, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def read(model: type[Model], raw: object, label: str) -> Model:
    """Return `raw` as `model`. Raises BrokerUnreadable with the fields, never with their values."""
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False, include_context=False)
        places = sorted({".".join(map(str, problem["loc"])) or "all of it" for problem in problems})
        raise BrokerUnreadable(
            f"{label} sent something that cannot be read: {', '.join(places[:5])}."
        ) from None


def read_rows(model: type[Model], raw: object, label: str) -> list[Model]:
    """Return an answer that is a list as models. Raises BrokerUnreadable for any other shape."""
    if not isinstance(raw, list):
        raise BrokerUnreadable(f"{label} sent something that is not a list.")
    return [read(model, row, label) for row in raw]


def exact(value: object) -> Decimal:
    """Return a vendor's number, sent as a number or as text, without padding zeros.

    Raises ValueError for what is no finite number within the bounds of money.
    """
    if isinstance(value, bool) or not isinstance(value, (int, str, Decimal)):
        raise ValueError("not an exact number")  # noqa: TRY004  # pydantic reads ValueError
    text = value.strip() if isinstance(value, str) else value
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError("not a number") from None
    if not number.is_finite():
        raise ValueError("not a finite number")
    places = -int(number.as_tuple().exponent)
    if places > PLACES_SENT_MAX or abs(number.adjusted()) > MONEY_DIGITS_MAX:
        raise ValueError("beyond any amount")
    number = _WIDE.normalize(number)
    if -int(number.as_tuple().exponent) > PLACES_MAX:
        raise ValueError("more places than any amount has")
    return number or Decimal(0)  # -0 is 0


def currency_of(code: str | None) -> str:
    """Return the currency of an amount: dollars where none is told, NO_CURRENCY for a coin's."""
    if not code:
        return "USD"
    is_code = len(code) == 3 and code.isascii() and code.isalpha() and code.isupper()
    return code if is_code else NO_CURRENCY


def _refuse_constant(text: str) -> Any:
    raise ValueError(f"{text} is not a number")


def _text(value: object) -> object:
    """Ids come as numbers from some endpoints and as texts from others."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value


def _nothing(value: object) -> object:
    return None if value == "" else value


def _multiplier(value: object) -> int | None:
    number = exact(value) if value is not None and value != "" else Decimal(0)
    if number < 0 or number != int(number):
        raise ValueError("no number of units")
    return int(number) or None


Exact = Annotated[Decimal, BeforeValidator(exact)]
OptionalExact = Annotated[Exact | None, BeforeValidator(_nothing)]
# A contract stands for whole units; 0 is how some say nothing.
Multiplier = Annotated[int | None, BeforeValidator(_multiplier)]
Text = Annotated[str, BeforeValidator(_text)]


def many(value: object, key: str) -> list[Any]:
    """Return the rows of a collection that is a list, one object, "null", null or absent.

    Raises ValueError for anything else: what is not understood is not empty.
    """
    if value is None or value == "null":
        return []
    if not isinstance(value, Mapping):
        raise ValueError("a collection is an object")  # noqa: TRY004  # as above
    rows = value.get(key)
    if rows is None or rows == "null":
        return []
    if isinstance(rows, Mapping):
        return [rows]
    if isinstance(rows, Sequence) and not isinstance(rows, (str, bytes)):
        return list(rows)
    raise ValueError("a collection is a list or an object")


def rows_of(key: str) -> Callable[[object], list[Any]]:
    """Return a validator for the field of a collection, for `BeforeValidator`."""
    return lambda value: many(value, key)
