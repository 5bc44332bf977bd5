"""Years are checked against seconds counted by hand; the floor at each side of the minute."""

from __future__ import annotations

import numpy as np

from optix.quant.daycount import SECONDS_PER_YEAR, expiry_years

NOW = 1_781_727_450_000_000_000
SECOND = 1_000_000_000


class TestExpiryYears:
    def test_counts_seconds_of_a_year_of_365_days(self) -> None:
        years = expiry_years(now_ns=NOW, settles_at_ns=NOW + 86_400 * SECOND)
        assert years == 1 / 365

    def test_a_live_contract_never_has_less_than_a_minute(self) -> None:
        settles = NOW + np.array([1, 30 * SECOND, 60 * SECOND, 61 * SECOND])
        years = expiry_years(now_ns=NOW, settles_at_ns=settles)
        assert (years * SECONDS_PER_YEAR).round(9).tolist() == [60.0, 60.0, 60.0, 61.0]

    def test_is_zero_from_the_settlement_instant_on(self) -> None:
        settles = np.array([NOW, NOW - 1, NOW - 86_400 * SECOND])
        assert expiry_years(now_ns=NOW, settles_at_ns=settles).tolist() == [0.0, 0.0, 0.0]

    def test_broadcasts_many_instants_against_many_settlements(self) -> None:
        now = np.array([[NOW], [NOW + SECOND]])
        assert expiry_years(now_ns=now, settles_at_ns=NOW + np.arange(3) * SECOND).shape == (2, 3)
