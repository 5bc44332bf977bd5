"""Surfaces of chains made from a known smile: fitted beside the hot path, when it moved."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest
from tests.fixtures.chains import NOW_NS, contracts_of, spot_of, table_of

from optix.features.market.carry import CarryInputs
from optix.features.market.earnings import without_earnings
from optix.features.market.feed_state import FeedState, price_works
from optix.features.market.inputs import NoInputs
from optix.features.market.surfaces import Surfaces, rest_seconds, slices_of
from optix.features.market.terms import ListedTerms
from optix.kernel import limits
from optix.kernel.chain import ChainTable
from optix.kernel.clock import NANOSECONDS
from optix.ports.market_data import ChainKey
from optix.quant import black_scholes

DAYS = [date(2026, 12, 18), date(2027, 1, 15), date(2027, 3, 19), date(2027, 6, 17)]
TERMS = ListedTerms()


class Earnings(NoInputs):
    def __init__(self, *days: date, reason: str = "") -> None:
        super().__init__(0.04)
        self._carry = replace(self._carry, earnings=days, earnings_reason=reason)


def chain(day: date, *, vol: float = 0.2, second: int = 0, move: float = 0.0) -> ChainTable:
    contracts = contracts_of(list(range(450, 760, 10)), root="SPXW", expiration=day)
    strike = np.array([c.strike for c in contracts])
    years = (TERMS.terms_of("SPXW", day).settles_at_ns - NOW_NS) / NANOSECONDS / 31_536_000
    forward = 600.0 * np.exp(0.04 * years)
    k = np.log(strike / forward)
    base = np.sqrt(vol * vol + 0.1 * (k * k - 0.3 * k * np.sqrt(years)))
    total = np.sqrt((base * base * years + move * move) / years)
    price = black_scholes.price(
        forward=forward,
        strike=strike,
        expiry_years=years,
        vol=total,
        rate=0.04,
        is_call=np.array([c.right == "C" for c in contracts]),
    )
    at_ns = NOW_NS + second * NANOSECONDS
    return table_of(
        contracts,
        {"bid": np.maximum(price - 0.05, 0.0).tolist(), "ask": (price + 0.06).tolist()},
        spot=spot_of("SPX", ts_event=at_ns),
        ts_event=at_ns,
        underlying="SPX",
    )


class World:
    def __init__(self, inputs: NoInputs | None = None) -> None:
        self.now_ns = NOW_NS
        self.state = FeedState(
            terms=TERMS,
            inputs=inputs or NoInputs(0.04),
            market_now_ns=lambda: self.now_ns,
            wall_now_ns=lambda: self.now_ns,
            epoch="e",
        )
        self.surfaces = Surfaces()

    def offer(self, *tables: ChainTable) -> None:
        for table in tables:
            self.now_ns = max(self.now_ns, table.ts_event)
            self.state.take_chain(table)
        works = self.state.due([ChainKey("SPX", day) for day in DAYS])
        for work, priced in zip(works, price_works(works), strict=True):
            self.surfaces.offer("SPX", slices_of(work, priced))

    def fit(self) -> dict[date, dict[str, Any]]:
        assert self.surfaces.next_due() == "SPX"
        return {key[1]: header for key, header in self.surfaces.fit("SPX").items()}


class TestFitting:
    def test_every_expiration_says_how_good_its_slice_is(self) -> None:
        world = World()
        world.offer(*(chain(day) for day in DAYS))
        headers = world.fit()
        assert list(headers) == DAYS
        for header in headers.values():
            surface = header["surface"]
            assert header["surface_reason"] == ""
            assert surface["arbitrage_free"] is True
            assert surface["error_points"] < 0.5
            assert surface["quotes"] > 15
            assert surface["inside"] > 0.5
            assert surface["as_of"].startswith("2026-11-18T")
        assert world.surfaces.next_due() is None

    def test_what_did_not_move_is_not_fitted_again(self) -> None:
        world = World()
        world.offer(*(chain(day) for day in DAYS))
        world.fit()
        world.offer(chain(DAYS[0], second=1))
        assert world.surfaces.backlog == 1
        assert world.fit() == {}
        world.offer(chain(DAYS[0], second=2, vol=0.21))
        again = world.fit()
        assert again[DAYS[0]]["surface"]["as_of"] > again[DAYS[1]]["surface"]["as_of"]

    def test_an_outlier_takes_no_part(self) -> None:
        world, sound = World(), World()
        table = chain(DAYS[0])
        row = next(n for n, c in enumerate(table.contracts) if c.strike == 550 and c.right == "P")
        sound.offer(table)
        wrong = chain(DAYS[0])
        for side in ("bid", "ask"):
            wrong.columns[side][row] += 40.0
        world.offer(wrong)
        told, truth = (w.fit()[DAYS[0]]["surface"] for w in (world, sound))
        assert told["quotes"] == truth["quotes"] - 1
        assert told["error_points"] < 0.5

    def test_too_few_quotes_are_no_slice_and_it_says_so(self) -> None:
        world = World()
        table = chain(DAYS[0])
        few = table_of(
            table.contracts[40:44],
            {name: table.columns[name][40:44] for name in ("bid", "ask")},
            spot=table.spot,
            underlying="SPX",
        )
        world.offer(few)
        header = world.fit()[DAYS[0]]
        assert header["surface"] is None
        assert "sound quotes" in header["surface_reason"]

    def test_what_nobody_follows_is_forgotten(self, monkeypatch: pytest.MonkeyPatch) -> None:
        world = World()
        world.offer(*(chain(day) for day in DAYS[:2]))
        world.surfaces.keep(frozenset({ChainKey("SPX", DAYS[0])}))
        assert list(world.fit()) == [DAYS[0]]
        world.surfaces.keep(frozenset())
        assert world.surfaces.fit("SPX") == {}
        monkeypatch.setattr(limits, "SURFACES_KEPT_MAX", limits.SURFACES_KEPT_MAX // 500)
        for name in ("A", "B", "C"):
            world.surfaces.offer(name, [])
        assert world.surfaces.backlog == 2

    def test_work_takes_its_share_of_a_core_and_no_more(self) -> None:
        rest = rest_seconds(2.0)
        assert 2.0 / (2.0 + rest) == pytest.approx(limits.SURFACE_SHARE_MAX)
        assert rest_seconds(0.0) == limits.CHAIN_PUBLISH_SECONDS


class TestHeaders:
    def test_a_new_surface_makes_its_chains_due(self) -> None:
        world = World()
        world.offer(*(chain(day) for day in DAYS[:2]))
        world.state.dirty_chains.clear()
        headers = world.surfaces.fit("SPX")
        world.state.say_surfaces("SPX", headers)
        assert {key.expiration for key in world.state.dirty_chains} == set(DAYS[:2])
        world.state.dirty_chains.clear()
        world.state.say_surfaces("SPX", headers)
        assert not world.state.dirty_chains


class TestEarnings:
    def test_the_move_of_the_announcement_is_taken_out(self) -> None:
        """Two expirations before a report and two after it, whose move is six percent."""
        report = date(2027, 2, 4)
        world = World(Earnings(report))
        world.offer(*(chain(day, move=0.06 if day > report else 0.0) for day in DAYS))
        headers = world.fit()
        for day in DAYS[:2]:
            assert headers[day]["atm_iv_ex_earnings"] is None
            assert "No earnings are known" in headers[day]["ex_earnings_reason"]
        for day in DAYS[2:]:
            assert headers[day]["atm_iv_ex_earnings"] == pytest.approx(0.2, abs=0.012)
            assert headers[day]["ex_earnings_reason"] == ""

    def test_without_a_source_the_reason_says_so(self) -> None:
        world = World()
        world.offer(chain(DAYS[0]))
        header = world.fit()[DAYS[0]]
        assert header["atm_iv_ex_earnings"] is None
        assert header["ex_earnings_reason"] == CarryInputs(rate_fallback=0).earnings_reason

    def test_too_few_expirations_and_no_move_say_so(self) -> None:
        years = np.array([0.1, 0.3, 0.5, 0.8])
        flat = np.full(4, 0.3)
        counts = np.array([0, 0, 1, 1])
        assert "Too few" in without_earnings(years[1:], flat[1:], counts[1:]).reason
        falling = np.array([0.3, 0.3, 0.2, 0.2])
        assert "no move" in without_earnings(years, falling, counts).reason
        found = without_earnings(years, np.sqrt(flat**2 + counts * 0.0025 / years), counts)
        assert found.move == pytest.approx(0.05, rel=0.1)
        assert found.vol[2:] == pytest.approx(flat[2:], rel=0.02)
        assert np.isnan(found.vol[:2]).all()
