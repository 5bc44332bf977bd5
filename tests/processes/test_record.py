"""`optix record` on the simulated market, and its file played back as a market of its own."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.fakes.scripted import ScriptedProvider
from tests.fixtures.chains import NOW_NS, spot_of
from tests.fixtures.waiting import WAIT_SECONDS

from optix.adapters.market_data.recording import RecordingExists
from optix.adapters.market_data.replay import open_replay
from optix.cli import main
from optix.kernel.chain import ChainTable
from optix.kernel.quote import Quality, Quote
from optix.kernel.symbols import MalformedSymbol
from optix.platform.settings import Settings, load_settings
from optix.ports.market_data import (
    Demand,
    FeedNotice,
    NoticeState,
    ProviderUnavailable,
    UnknownSymbol,
)
from optix.processes import record
from optix.processes.record import EXPIRATIONS_PER_SYMBOL, NothingToRecord, record_feed


@pytest.fixture
def settings() -> Settings:
    return load_settings(feed="sim")


def files(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> ScriptedProvider:
    """The market that is recorded, in the hands of the test."""
    provider = ScriptedProvider()
    provider.list_small_chain()

    async def choose(*_: object) -> ScriptedProvider:
        return provider

    monkeypatch.setattr(record, "choose_provider", choose)
    return provider


async def test_what_was_recorded_plays_back(settings: Settings, tmp_path: Path) -> None:
    out = tmp_path / "iwm.parquet"
    said: list[str] = []
    rows = await record_feed(settings, out=out, symbols=["IWM"], seconds=4, say=said.append)
    assert rows > 0
    assert files(tmp_path) == [out.name]  # no parts are left
    assert "1 symbols" in said[0]
    assert f"{EXPIRATIONS_PER_SYMBOL} chains" in said[0]

    replay = open_replay(out, speed="step", loop=False)
    await replay.open()
    while await replay.step() is not None:
        pass
    dates = sorted({listed.date for listed in await replay.fetch_expirations("IWM")})
    assert len(dates) == EXPIRATIONS_PER_SYMBOL
    assert (await replay.fetch_quote("IWM")).source
    played = 0
    replay.set_demand(Demand(quotes=frozenset({"IWM"}), chains=frozenset()))
    async with asyncio.timeout(WAIT_SECONDS):
        async for update in replay.iter_updates():
            if isinstance(update, FeedNotice):
                break
            played += len(update) if isinstance(update, ChainTable) else 1
            if isinstance(update, Quote):
                assert update.quality is Quality.REPLAY
    assert 0 < played <= rows
    assert replay.capabilities.quality is Quality.REPLAY
    await replay.close()


async def test_every_update_is_in_the_file_with_its_numbers(
    settings: Settings, tmp_path: Path, scripted: ScriptedProvider
) -> None:
    prices = [600.0, 601.0, 602.5]
    for step, price in enumerate(prices):
        scripted.emit(spot_of(price=price, ts_event=NOW_NS + step))
    [chain] = scripted.chains.values()
    scripted.emit(chain)
    ended = FeedNotice(state=NoticeState.ENDED, reason="It is over.", ts_event=NOW_NS)
    scripted.emit(ended)
    said: list[str] = []
    out = tmp_path / "spy.parquet"
    rows = await record_feed(settings, out=out, symbols=["SPY"], seconds=None, say=said.append)
    assert rows == len(prices) + len(chain)
    assert said[-1] == "It is over."
    replay = open_replay(out, speed="step", loop=False)
    await replay.open()
    assert (await replay.fetch_quote("SPY")).last in prices
    await replay.close()


async def test_a_provider_that_is_lost_leaves_a_whole_file(
    settings: Settings, tmp_path: Path, scripted: ScriptedProvider
) -> None:
    scripted.emit(spot_of())
    scripted.fail("The line is cut.")
    out = tmp_path / "spy.parquet"
    with pytest.raises(ProviderUnavailable, match="cut"):
        await record_feed(settings, out=out, symbols=["SPY"], seconds=None, say=lambda _: None)
    replay = open_replay(out, speed=1.0, loop=False)
    await replay.open()
    assert (await replay.fetch_quote("SPY")).last == 600.0
    await replay.close()


@pytest.mark.parametrize(
    ("symbols", "error"),
    [
        ([], NothingToRecord),
        (["no such!"], MalformedSymbol),
        (["IWM", "ZZZZ"], UnknownSymbol),
    ],
)
async def test_nothing_is_written_for_what_cannot_be_recorded(
    settings: Settings, tmp_path: Path, symbols: list[str], error: type[Exception]
) -> None:
    with pytest.raises(error):
        await record_feed(
            settings, out=tmp_path / "x.parquet", symbols=symbols, seconds=1, say=lambda _: None
        )
    assert files(tmp_path) == []


async def test_a_recording_is_never_overwritten(settings: Settings, tmp_path: Path) -> None:
    out = tmp_path / "old.parquet"
    out.write_bytes(b"dear to somebody")
    with pytest.raises(RecordingExists):
        await record_feed(settings, out=out, symbols=["SPY"], seconds=1, say=lambda _: None)
    assert out.read_bytes() == b"dear to somebody"


def test_the_command_says_how_much_it_wrote(tmp_path: Path) -> None:
    out = tmp_path / "spy.parquet"
    result = CliRunner().invoke(
        main,
        ["record", "--out", str(out), "--symbols", "SPY", "--seconds", "2", "--feed", "sim"],
        env={"OPTIX_DATA_DIR": str(tmp_path / "data")},
    )
    assert result.exit_code == 0, result.output
    assert f"rows in {out}" in result.output
    assert out.exists()
