"""The algebra of money holds for every amount: nothing is lost, whatever the order."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from optix.kernel.money import Money, Price, Rounding, total
from optix.kernel.ticks import order_price, tick_of

decimals = st.decimals(
    min_value=1 - 10**18, max_value=10**18 - 1, places=12, allow_nan=False, allow_infinity=False
)
amounts = decimals.map(Money)
factors = st.integers(-(10**12), 10**12)
rules = st.sampled_from(Rounding)
units = st.sampled_from([Decimal(text) for text in ("0.0001", "0.01", "0.05", "0.10", "0.25", "1")])
premiums = st.integers(0, 10_000_000).map(lambda value: Price(Decimal(value).scaleb(-3)))
roots = st.sampled_from(["SPY", "AAPL", "SPXW", "VIX", "ZZZZ"])


@given(a=amounts, b=amounts, c=amounts)
def test_addition_is_a_commutative_group(a: Money, b: Money, c: Money) -> None:
    assert a + b == b + a
    assert (a + b) + c == a + (b + c)
    assert a + Money.zero() == a
    assert a + -a == Money.zero()
    assert a - b == a + -b


@given(a=amounts, b=amounts, n=factors, m=factors)
def test_multiplication_distributes(a: Money, b: Money, n: int, m: int) -> None:
    assert (a + b) * n == a * n + b * n
    assert a * (n + m) == a * n + a * m
    assert n * a == a * n


@given(a=amounts, b=amounts, c=amounts)
def test_order_is_total_and_kept_by_addition(a: Money, b: Money, c: Money) -> None:
    assert (a < b) + (a == b) + (a > b) == 1
    assert (a < b) == (a + c < b + c)


@given(a=amounts)
def test_text_is_read_back(a: Money) -> None:
    assert Money.parse(a.text) == a
    assert "E" not in a.text


@given(amounts=st.lists(amounts, max_size=20))
def test_a_sum_does_not_depend_on_the_order(amounts: list[Money]) -> None:
    assert total(amounts) == total(reversed(amounts)) == total(sorted(amounts))


@given(a=amounts, rule=rules, unit=units)
def test_rounding_moves_less_than_a_unit_and_only_once(
    a: Money, rule: Rounding, unit: Decimal
) -> None:
    rounded = a.rounded(rule, unit=unit)
    assert abs((rounded - a).amount) < unit
    assert rounded.rounded(rule, unit=unit) == rounded
    assert Price(rounded.amount).is_on(unit)


@given(a=amounts, unit=units)
def test_rounding_keeps_its_direction(a: Money, unit: Decimal) -> None:
    by = {rule: a.rounded(rule, unit=unit) for rule in Rounding}
    assert by[Rounding.BID] <= a <= by[Rounding.OFFER]
    assert abs(by[Rounding.KEEP]) <= abs(a) <= abs(by[Rounding.FEE])
    half = unit / 2
    assert abs((by[Rounding.BOOK] - a).amount) <= half
    assert abs((by[Rounding.STATEMENT] - a).amount) <= half


@given(a=amounts, rule=rules, unit=units)
def test_rounding_is_symmetric_but_for_the_sides_of_a_market(
    a: Money, rule: Rounding, unit: Decimal
) -> None:
    opposite = {Rounding.BID: Rounding.OFFER, Rounding.OFFER: Rounding.BID}
    mirrored = opposite.get(rule, rule)
    assert (-a).rounded(rule, unit=unit) == -a.rounded(mirrored, unit=unit)


@given(a=amounts, weights=st.lists(st.integers(0, 1_000), min_size=1).filter(any))
def test_a_split_sums_to_the_whole(a: Money, weights: list[int]) -> None:
    shares = a.split(weights)
    assert total(shares) == a
    assert all(
        share == Money.zero() for share, weight in zip(shares, weights, strict=True) if not weight
    )


@given(value=st.integers(-(10**9), 10**9), unit=units)
def test_a_price_survives_the_way_through_floats(value: int, unit: Decimal) -> None:
    price = Price(value * unit)
    assert Price.from_float(price.to_float(), unit) == price


@given(price=premiums, quantity=st.integers(-1_000, 1_000))
def test_a_round_trip_at_one_price_costs_nothing(price: Price, quantity: int) -> None:
    assert price.cash(quantity, 100) + price.cash(-quantity, 100) == Money.zero()


@given(root=roots, price=premiums)
def test_order_prices_are_on_the_grid_and_never_worse(root: str, price: Price) -> None:
    bid = order_price(root, price, buying=True)
    offer = order_price(root, price, buying=False)
    assert bid <= price <= offer
    assert bid.is_on(tick_of(root, bid.value))
    assert offer.is_on(tick_of(root, offer.value))
    assert order_price(root, bid, buying=True) == bid
