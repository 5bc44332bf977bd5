"""Golden values of European options, from the closed formula at 50 digits (mpmath 1.3).

Rows are the exact doubles written here, evaluated as price = e^(−rT)·(F·N(d1) − K·N(d2)) and its
derivatives, with F = S·e^((r−q)T); results rounded to 17 digits. Natural units. The textbook pair
of Hull is beside them in test_black_scholes.py.
"""

from __future__ import annotations

from typing import NamedTuple


class Golden(NamedTuple):
    name: str
    spot: float
    strike: float
    years: float
    vol: float
    rate: float
    dividend_yield: float
    is_call: bool
    price: float
    delta: float
    gamma: float
    theta: float
    vega: float
    rho: float


GOLDEN = (
    Golden(
        "at the money, a quarter",
        100.0,
        100.0,
        0.25,
        0.2,
        0.05,
        0.02,
        True,
        4.3358856163615707,
        0.54699639399519482,
        0.039386343824479202,
        -9.3014636660633473,
        19.693171912239602,
        12.590938445789478,
    ),
    Golden(
        "put in the money, two years",
        100.0,
        130.0,
        2.0,
        0.35,
        0.04,
        0.0,
        False,
        32.913627198056777,
        -0.54813233546188684,
        0.0080011186166580181,
        -1.391610722933217,
        56.007830316606123,
        -175.45372148849092,
    ),
    Golden(
        "far out call, a week",
        100.0,
        150.0,
        0.02,
        0.3,
        0.04,
        0.01,
        True,
        3.7048784571136379e-22,
        8.5291330200277929e-22,
        1.9348227419227494e-21,
        -8.7321415425741706e-19,
        1.1608936451536496e-19,
        1.6984168470913313e-21,
    ),
    Golden(
        "very far out put",
        100.0,
        20.0,
        0.5,
        0.2,
        0.05,
        0.0,
        False,
        1.8030374056819174e-31,
        -1.4860536656750076e-31,
        1.2307693603605466e-31,
        -2.3863345187345022e-29,
        1.2307693603605467e-28,
        -7.5204201986591341e-30,
    ),
    Golden(
        "one hour, near the money",
        4500.0,
        4505.0,
        0.00011415525114155251,
        0.15,
        0.05,
        0.015,
        True,
        1.0478395691897459,
        0.24521739173455673,
        0.043610272637402258,
        -9973.5345824279344,
        15.121712686770474,
        0.12584822183062962,
    ),
    Golden(
        "huge volatility",
        100.0,
        80.0,
        1.0,
        5.0,
        0.03,
        0.0,
        True,
        98.906850226869103,
        0.99462355942642526,
        3.0849190728039694e-5,
        -3.8728140124781645,
        1.5424595364019847,
        0.555505715773423,
    ),
    Golden(
        "tiny volatility, in the money",
        100.0,
        99.9,
        0.1,
        0.005,
        0.0,
        0.0,
        True,
        0.12526386272859729,
        0.7368168229403071,
        2.0643191192036326,
        -0.25803988990045408,
        10.321595596018164,
        7.3556418431302117,
    ),
    Golden(
        "negative rate",
        100.0,
        110.0,
        1.0,
        0.25,
        -0.01,
        0.02,
        False,
        18.215590503866671,
        -0.63382687478618057,
        0.014572881667124815,
        -6.6376620503737133,
        36.432204167812039,
        -81.598277982484728,
    ),
)
