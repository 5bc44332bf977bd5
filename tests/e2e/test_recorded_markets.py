"""The whole program on recorded markets: what the files say is what the API serves."""

from __future__ import annotations

import csv
import gzip
import io
from collections import Counter
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import orjson
import pytest
from benchmarks.program import Program
from benchmarks.reader import Reader, Served
from tests.fixtures.recorded import recorded
from tests.fixtures.waiting import until

from optix.kernel.instrument import parse_option

pytestmark = pytest.mark.recorded

NEW_YORK = ZoneInfo("America/New_York")


def test_every_row_of_the_iwm_document_is_served(folder: Path) -> None:
    """The keys of the file and the keys of the API are the same set, each once."""
    path = recorded("market/cboe/json/IWM_20260617T203253Z.json.gz")
    rows = orjson.loads(gzip.decompress(path.read_bytes()))["data"]["options"]
    with Program.up(folder, replay=path) as program:
        program.wait_until_ready()
        with Reader.try_it(program.url) as reader:
            served = Served(reader, "IWM")
            quote = reader.get("/api/v1/quotes/IWM")
            status = reader.get("/api/v1/market/status")
    assert served.rows == len(rows)
    assert not served.twice
    assert set(served.keys) | {row["raw"] for row in served.rejected} == {
        row["option"] for row in rows
    }
    assert served.priced > 0.8 * len(rows)
    assert quote["last"] is not None
    assert quote["quality"] == "replay"
    assert status["feed"]["market_time"].startswith("2026-06-17T20:3")
    assert "Replay" in status["feed"]["notice"]


def test_no_contract_of_spx_and_spxw_hides_another(folder: Path) -> None:
    """Contracts of two roots may share expiration, strike and right; both are served."""
    path = recorded("market/cboe/csv/SPX_2023-09-14.csv.gz")
    lines = csv.reader(io.StringIO(gzip.decompress(path.read_bytes()).decode()))
    keys = [line[place] for line in lines if len(line) == 22 for place in (1, 12)]
    contracts = [parse_option(key) for key in keys if any(letter.isdigit() for letter in key)]
    places = Counter((str(c.expiration), c.strike, str(c.right)) for c in contracts)
    with Program.up(folder, replay=path) as program:
        program.wait_until_ready()
        with Reader.try_it(program.url) as reader:
            served = Served(reader, "SPX")
    assert served.roots == {"SPX", "SPXW"}
    assert sum(count > 1 for count in places.values()) > 3000
    assert served.shared == places
    assert not served.twice
    assert set(served.keys) == {contract.key for contract in contracts}


async def test_an_early_close_day_of_minute_bars_ends_at_one_o_clock(folder: Path) -> None:
    """GOOG on the day before Christmas 2015, played to its end."""
    path = recorded("market/lean/Data/option/usa/minute/goog/20151224_quote_american.zip")
    with Program.up(folder, replay=path, OPTIX_REPLAY_SPEED="5000") as program:
        program.wait_until_ready()
        with Reader.try_it(program.url) as reader:

            def has_ended() -> bool:
                reader.get("/api/v1/quotes/GOOG")  # a feed that nobody watches plays nothing
                feed = reader.get("/api/v1/market/status")["feed"]
                return bool(feed["state"] == "ended")

            await until(has_ended)
            market = reader.get("/api/v1/market/status")["market"]
            bars = reader.get("/api/v1/historical/GOOG", interval="1m")["bars"]
            quote = reader.get("/api/v1/quotes/GOOG")
            served = Served(reader, "GOOG")
    assert market["early_close"] is True
    assert market["trading_day"] == "2015-12-24"
    assert _new_york(market["closes_at"]) == "2015-12-24 13:00"
    # A minute's price is known when the minute is over. The file's last line is of the minute that
    # begins with the close; there is nothing after it, as there would be on a full day.
    assert _new_york(bars[0]["at"]) == "2015-12-24 09:31"
    assert _new_york(bars[-1]["at"]) == "2015-12-24 13:01"
    assert bars[-1]["close"] == quote["last"]
    assert {bar["volume"] for bar in bars} == {None}, "the recording has prices of the stock only"
    assert served.keys
    assert not served.twice


def _new_york(text: str) -> str:
    return f"{datetime.fromisoformat(text).astimezone(NEW_YORK):%Y-%m-%d %H:%M}"
