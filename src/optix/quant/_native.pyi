# The compiled kernels. Arrays are contiguous, of the stated type, and all of one length.

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

_Floats: TypeAlias = NDArray[np.float64]
_Flags: TypeAlias = NDArray[np.bool_]

def available() -> list[str]: ...
def active() -> str: ...
def use(name: str) -> None: ...
def european_price(
    forward: _Floats,
    strike: _Floats,
    years: _Floats,
    vol: _Floats,
    rate: _Floats,
    is_call: _Flags,
    out: _Floats,
    left: _Flags,
    threads: int,
) -> int: ...
def european_greeks(
    spot: _Floats,
    forward: _Floats,
    strike: _Floats,
    years: _Floats,
    vol: _Floats,
    rate: _Floats,
    is_call: _Flags,
    dividend_yield: _Floats,
    out: _Floats,
    left: _Flags,
    threads: int,
) -> int: ...
def european_implied_vol(
    price: _Floats,
    forward: _Floats,
    strike: _Floats,
    years: _Floats,
    rate: _Floats,
    is_call: _Flags,
    out: _Floats,
    status: NDArray[np.int8],
    threads: int,
) -> int: ...
def exposure(
    spot: _Floats,
    forward: _Floats,
    strike: _Floats,
    years: _Floats,
    vol: _Floats,
    rate: _Floats,
    is_call: _Flags,
    weight: _Floats,
    group: NDArray[np.int64],
    factor: _Floats,
    log_factor: _Floats,
    out: _Floats,
) -> None: ...
def cube(
    kind: _Floats,
    strike: _Floats,
    years: _Floats,
    vol: _Floats,
    rate: _Floats,
    carry: _Floats,
    quantity: _Floats,
    spot: float,
    factor: _Floats,
    log_factor: _Floats,
    years_ahead: _Floats,
    vol_shift: _Floats,
    out: _Floats,
    threads: int,
) -> None: ...
def dividend_values(
    expiry: float,
    reach: float,
    start: float,
    left: _Floats,
    own: _Floats,
    beside: _Floats,
    gain: _Floats,
    pull: _Floats,
    event: NDArray[np.int32],
    event_left: _Floats,
    cash: _Floats,
    kept: _Floats,
    spot: _Floats,
    strike: _Floats,
    vol: _Floats,
    rate: _Floats,
    borrow: _Floats,
    sign: _Floats,
    american: _Floats,
    out: _Floats,
    threads: int,
) -> None: ...
def american_boundary(
    node: _Floats,
    rule: _Floats,
    matrix: _Floats,
    relax: _Floats,
    premium_rule: _Floats,
    premium_matrix: _Floats,
    rate: _Floats,
    dividend_yield: _Floats,
    vol: _Floats,
    years: _Floats,
    depth: _Floats,
    warm: bool,
    threads: int,
) -> None: ...
def american_single_price(
    node: _Floats,
    rule: _Floats,
    matrix: _Floats,
    relax: _Floats,
    premium_rule: _Floats,
    premium_matrix: _Floats,
    rate: _Floats,
    dividend_yield: _Floats,
    vol: _Floats,
    years: _Floats,
    moneyness: _Floats,
    depth: _Floats,
    out: _Floats,
    threads: int,
) -> None: ...
def american_family_values(
    coefficients: _Floats,
    rho_coefficients: _Floats,
    rule: _Floats,
    log_vol_middle: float,
    log_vol_half: float,
    moneyness: _Floats,
    vol: _Floats,
    out: _Floats,
    threads: int,
) -> None: ...
def american_family_implied_vol(
    coefficients: _Floats,
    rule: _Floats,
    log_vol_middle: float,
    log_vol_half: float,
    moneyness: _Floats,
    price: _Floats,
    vol: _Floats,
    edge: NDArray[np.int8],
    threads: int,
) -> None: ...
