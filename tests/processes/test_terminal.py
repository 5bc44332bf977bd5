"""`optix chain` on the simulated market: a table for people, JSON for programs."""

from __future__ import annotations

import io
from datetime import date, timedelta
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner
from rich.console import Console
from tests.fakes.scripted import ScriptedProvider
from tests.fixtures.chains import EXPIRATION, NOW_NS, spot_of, table_of

from optix.cli import main
from optix.features.market.schemas import ChainContract, ChainRoot
from optix.kernel.clock import ScaledClock, SystemClock
from optix.kernel.errors import OptixError
from optix.kernel.symbols import MalformedSymbol
from optix.platform.settings import Settings, load_settings
from optix.ports.market_data import ChainKey, UnknownExpiration, UnknownSymbol
from optix.processes import terminal
from optix.processes.terminal import BadExpiration, print_chain


@pytest.fixture
def settings() -> Settings:
    return load_settings(feed="sim")


async def printed(
    settings: Settings, symbol: str, expiration: str = "next", *, as_json: bool = False
) -> str:
    out = io.StringIO()
    console = Console(file=out, width=240, soft_wrap=True, color_system=None)
    await print_chain(settings, symbol, expiration=expiration, as_json=as_json, console=console)
    return out.getvalue()


async def test_the_table_has_calls_strikes_and_puts_and_says_what_it_is(
    settings: Settings,
) -> None:
    text = await printed(settings, "iwm")
    title, heads = text.splitlines()[:2]
    assert title.strip().startswith("IWM ")
    for head in ("Bid", "Ask", "IV %", "Δ", "Γ", "Θ/day", "Vega", "OI", "Strike"):
        assert head in heads
    calls, puts = heads.replace("IV %", "IV").split("Strike")
    assert calls.split() == puts.split()[::-1]
    rows = [line.split() for line in text.splitlines()[2:] if line.strip()]
    assert len(rows) > 10
    assert "Simulated" in text  # nobody takes it for the real market


@pytest.mark.parametrize(("width", "outermost"), [(72, "Δ"), (100, "Θ/day"), (150, "Vega")])
async def test_a_narrow_terminal_drops_columns_and_cuts_no_number(
    settings: Settings, width: int, outermost: str
) -> None:
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=True, color_system=None)
    await print_chain(settings, "SPY", expiration="next", as_json=False, console=console)
    heads = out.getvalue().splitlines()[1]
    assert heads.split()[0] == heads.split()[-1] == outermost
    assert "…" not in out.getvalue()


async def test_each_strike_stands_between_its_call_and_its_put(settings: Settings) -> None:
    chain = orjson.loads(await printed(settings, "IWM", as_json=True))
    table = await printed(settings, "IWM", chain["expiration"])
    strikes = {contract["strike"] for contract in chain["contracts"]}
    assert all(f" {strike:g} " in table for strike in strikes)


async def test_the_json_is_the_objects_of_the_api(settings: Settings) -> None:
    chain = orjson.loads(await printed(settings, "SPX", as_json=True))
    assert (chain["underlying"], chain["quality"]) == ("SPX", "simulated")
    assert chain["spot"] > 0
    assert chain["notice"]
    contracts = [ChainContract.model_validate(contract) for contract in chain["contracts"]]
    roots = [ChainRoot.model_validate(root) for root in chain["roots"]]
    assert {contract.root for contract in contracts} == {root.root for root in roots}
    priced = [contract for contract in contracts if contract.status == "ok"]
    assert len(priced) > len(contracts) / 2
    # Far strikes of one that expires today are worth what a volatility beyond this stands for.
    assert all(0 < (contract.iv or 0) < 10 for contract in priced)


async def test_a_date_that_is_listed_is_taken_by_its_name(settings: Settings) -> None:
    following = orjson.loads(await printed(settings, "SPY", as_json=True))["expiration"]
    same = orjson.loads(await printed(settings, "SPY", following, as_json=True))
    assert same["expiration"] == following


@pytest.mark.parametrize(
    ("symbol", "expiration", "error"),
    [
        ("no such!", "next", MalformedSymbol),
        ("ZZZZ", "next", UnknownSymbol),
        ("IWM", "soon", BadExpiration),
        ("IWM", "2026-02-30", BadExpiration),
        ("IWM", "", BadExpiration),
        ("IWM", "1999-01-15", UnknownExpiration),
    ],
)
async def test_what_cannot_be_shown_is_refused_with_what_to_do(
    settings: Settings, symbol: str, expiration: str, error: type[OptixError]
) -> None:
    with pytest.raises(error) as caught:
        await printed(settings, symbol, expiration)
    assert caught.value.detail
    assert caught.value.next_step


class TestOddMarkets:
    @pytest.fixture
    def provider(self, monkeypatch: pytest.MonkeyPatch) -> ScriptedProvider:
        provider = ScriptedProvider(clock=ScaledClock(SystemClock(), origin_ns=NOW_NS, speed=0))
        provider.list_small_chain()

        async def choose(*_: object) -> ScriptedProvider:
            return provider

        monkeypatch.setattr(terminal, "choose_provider", choose)
        return provider

    async def test_a_settled_date_is_not_the_next(
        self, provider: ScriptedProvider, settings: Settings
    ) -> None:
        provider.chains[ChainKey("SPY", date(2026, 11, 17))] = table_of([])
        chain = orjson.loads(await printed(settings, "SPY", as_json=True))
        assert chain["expiration"] == EXPIRATION.isoformat()

    async def test_nothing_open_is_said(
        self, provider: ScriptedProvider, settings: Settings
    ) -> None:
        provider.chains = {ChainKey("SPY", EXPIRATION - timedelta(days=60)): table_of([])}
        with pytest.raises(UnknownExpiration, match="still open"):
            await printed(settings, "SPY")

    async def test_missing_numbers_are_a_dash_and_negative_ones_have_a_minus(
        self, provider: ScriptedProvider, settings: Settings
    ) -> None:
        table = await printed(settings, "SPY")
        assert "−0." in table
        key = ChainKey("SPY", EXPIRATION)
        provider.chains[key] = table_of(provider.chains[key].contracts, spot=spot_of())
        assert "—" in await printed(settings, "SPY")

    async def test_an_underlying_without_a_price_says_so(
        self, provider: ScriptedProvider, settings: Settings
    ) -> None:
        nan = float("nan")
        key = ChainKey("SPY", EXPIRATION)
        unpriced = spot_of(price=nan)
        provider.quotes["SPY"] = unpriced
        provider.chains[key] = table_of(provider.chains[key].contracts, spot=unpriced)
        table = await printed(settings, "SPY")
        assert "nan" not in table
        assert orjson.loads(await printed(settings, "SPY", as_json=True))["spot"] is None


def test_the_command_prints_json_and_nothing_else(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        main,
        ["chain", "IWM", "--expiration", "next", "--json", "--feed", "sim"],
        env={"OPTIX_DATA_DIR": str(tmp_path)},
    )
    assert result.exit_code == 0, result.output
    assert orjson.loads(result.stdout)["underlying"] == "IWM"


def test_the_command_says_what_is_wrong_in_a_sentence(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        main,
        ["chain", "IWM", "--expiration", "soon", "--feed", "sim"],
        env={"OPTIX_DATA_DIR": str(tmp_path)},
    )
    assert result.exit_code != 0
    assert "Traceback" not in result.output
