"""The recorded markets themselves: every row of every file is served or listed with its reason."""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
from datetime import date
from math import isnan

import orjson
import pytest
from tests.contracts.market_data import check_chain
from tests.fixtures.recorded import recorded

from optix.adapters.market_data.replay import open_recording, open_replay
from optix.kernel.chain import ChainTable
from optix.kernel.clock import to_datetime
from optix.kernel.quote import Quote
from optix.ports.market_data import ChainKey

pytestmark = pytest.mark.recorded

DOCUMENTS = [
    "IWM_20260615T204422Z",
    "IWM_20260617T203253Z",
    "IWM_20260619T202055Z",
    "TLT_20260615T204422Z",
    "TLT_20260619T202055Z",
    "DIA_20260616T204351Z",
    "DIA_20260623T202911Z",
]
CSVS = ["SPX_2022-06-11", "SPX_2023-09-14", "SPY_2023-09-14", "SPY_2025-05-16", "XSP_2023-09-14"]
LEAN = [
    "option/usa/minute/goog/20151224_quote_american.zip",
    "option/usa/minute/aapl",
    "option/usa/minute/spy",
    "indexoption/usa/minute/spx",
    "indexoption/usa/minute/spxw",
]


async def served_contracts(path: str) -> set[str]:
    """Return the keys of everything a person could look at, asked as the feed asks."""
    provider = open_replay(recorded(path), speed="step")
    await provider.open()
    (symbol,) = provider._tape.symbols()
    keys: list[str] = []
    for day in sorted({entry.date for entry in await provider.fetch_expirations(symbol)}):
        table = await provider.fetch_chain(ChainKey(symbol, day))
        check_chain(table)
        keys += [contract.key for contract in table.contracts]
    assert len(keys) == len(set(keys))
    return set(keys)


class TestCboeDocuments:
    @pytest.mark.parametrize("name", DOCUMENTS)
    async def test_every_row_is_served(self, name: str) -> None:
        path = f"market/cboe/json/{name}.json.gz"
        raw = orjson.loads(gzip.decompress(recorded(path).read_bytes()))
        keys = {row["option"] for row in raw["data"]["options"]}
        account = open_recording(recorded(path)).accounting()
        assert account.rows == len(raw["data"]["options"])
        assert account.unaccounted == 0
        assert not account.rejected
        assert await served_contracts(path) == keys

    async def test_the_hours_of_a_day_play_in_order(self) -> None:
        tape = open_recording(recorded("market/cboe/json_hourly"))
        ticks = list(tape.iter_ticks())
        times = [tick.instant_ns for tick in ticks]
        assert len(times) == 6
        assert times == sorted(times)
        interest = {
            sum(
                sum(value for value in update.columns["open_interest"] if not isnan(value))
                for update in tick.updates
                if isinstance(update, ChainTable)
            )
            for tick in ticks
        }
        assert interest == {11_764_436.0}, "open interest steps once a morning"

    def test_the_holiday_document_is_of_the_day_before(self) -> None:
        tape = open_recording(recorded("market/cboe/json/IWM_20260619T202055Z.json.gz"))
        (tick,) = tape.iter_ticks()
        quote = tick.updates[0]
        assert to_datetime(tick.instant_ns).date() == date(2026, 6, 19)
        assert to_datetime(quote.ts_event).date() == date(2026, 6, 18)

    def test_the_example_with_a_time_only_is_read(self) -> None:
        tape = open_recording(recorded("market/cboe/example_wire_QQQ_2023-05-19.json"))
        assert tape.accounting().served == 2
        (tick,) = tape.iter_ticks()
        assert to_datetime(tick.updates[0].ts_event).date() == date(2023, 5, 19)


class TestQuotedata:
    @pytest.mark.parametrize("name", CSVS)
    async def test_every_contract_is_served_and_no_shared_strike_lost(self, name: str) -> None:
        path = f"market/cboe/csv/{name}.csv.gz"
        text = gzip.decompress(recorded(path).read_bytes()).decode()
        lines = [line for line in csv.reader(io.StringIO(text)) if len(line) == 22][1:]
        keys = {line[place] for line in lines for place in (1, 12)}
        account = open_recording(recorded(path)).accounting()
        assert account.rows == 2 * len(lines)
        assert account.unaccounted == 0
        assert not account.rejected
        assert account.shared_strikes_lost == 0
        assert (account.shared_strikes > 3000) == name.startswith("SPX")
        assert await served_contracts(path) == keys


class TestLeanMinutes:
    @pytest.mark.parametrize("path", LEAN)
    def test_every_line_is_served(self, path: str) -> None:
        place = recorded(f"market/lean/Data/{path}")
        files = sorted(place.glob("*.zip")) if place.is_dir() else []
        if not files:
            day = place.name[:8]
            files = sorted(place.parent.glob(f"{day}_*.zip"))
        lines = 0
        for file in files:
            with zipfile.ZipFile(file) as archive:
                lines += sum(len(archive.read(name).splitlines()) for name in archive.namelist())
        account = open_recording(place).accounting()
        assert account.rows == lines
        assert account.served == lines
        assert not account.rejected

    def test_an_early_close_day_plays_in_order(self) -> None:
        path = recorded(f"market/lean/Data/{LEAN[0]}")
        tape = open_recording(path)
        ticks = list(tape.iter_ticks())
        times = [to_datetime(tick.instant_ns) for tick in ticks]
        assert times == sorted(set(times))
        assert f"{times[0]:%H:%M}" == "14:31"
        assert f"{times[-1]:%H:%M}" == "18:01", "13:00 in New York, and its last bar"
        closing = [u for tick in ticks for u in tick.updates if isinstance(u, Quote)][-1]
        assert closing.last == 748.4

    async def test_am_and_pm_series_of_an_index_play_as_one_underlying(self) -> None:
        path = recorded("market/lean/Data/indexoption/usa/minute")
        provider = open_replay(path, speed="step")
        await provider.open()
        roots = {entry.root for entry in await provider.fetch_expirations("SPX")}
        assert roots == {"SPX", "SPXW"}
        assert (await provider.fetch_quote("SPX")).last == 3766.63
