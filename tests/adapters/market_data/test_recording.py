"""What a feed delivers is what replay plays, also when the machine stops in the middle."""

from __future__ import annotations

import math
import struct
from array import array
from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.contracts.market_data import listening
from tests.fakes.recordings import (
    JULY,
    START_NS,
    contracts_of,
    quote_of,
    table_of,
    usual_updates,
    write_recording,
)

from optix.adapters.market_data.recording import (
    GROUP_ROWS,
    SCHEMA,
    SCHEMAS,
    RecordingExists,
    RecordingWriter,
    UnreadableRecording,
    iter_recorded,
    list_parts,
    parts_of,
    time_span,
)
from optix.adapters.market_data.replay import open_recording, open_replay
from optix.kernel.chain import CHAIN_COLUMNS, ChainTable, RejectedRow
from optix.kernel.clock import NANOSECONDS
from optix.kernel.instrument import OptionContract, Right
from optix.kernel.quote import (
    Quality,
    Quote,
    QuoteFlag,
    SecurityKind,
    TradingState,
    TradingStatus,
)
from optix.kernel.trade import Trade, TradeAction
from optix.ports.market_data import ChainKey, Demand, FeedNotice, MarketUpdate, NoticeState

NUMBERS = st.floats(allow_nan=True, allow_infinity=False)
INSTANTS = st.integers(min_value=0, max_value=2**62)
WORDS = st.text(
    alphabet=st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=12
)
CONTRACTS = st.builds(
    OptionContract,
    root=st.sampled_from(["SPX", "SPXW", "IWM", "AAPL1"]),
    expiration=st.dates(min_value=date(2000, 1, 1), max_value=date(2099, 12, 31)),
    right=st.sampled_from(Right),
    strike_milli=st.integers(1, 99_999_999),
)
QUOTES = st.builds(
    Quote,
    symbol=WORDS,
    kind=st.sampled_from(SecurityKind),
    bid=NUMBERS,
    ask=NUMBERS,
    bid_size=NUMBERS,
    ask_size=NUMBERS,
    last=NUMBERS,
    open=NUMBERS,
    high=NUMBERS,
    low=NUMBERS,
    previous_close=NUMBERS,
    volume=NUMBERS,
    source=WORDS,
    quality=st.sampled_from(Quality),
    ts_event=INSTANTS,
    ts_received=INSTANTS,
    flags=st.integers(0, 63).map(QuoteFlag),
)
REJECTED = st.builds(RejectedRow, raw=st.text(max_size=20), code=WORDS, reason=st.text(max_size=20))
NOTICES = st.builds(
    FeedNotice,
    state=st.sampled_from(NoticeState),
    reason=st.text(max_size=20),
    ts_event=INSTANTS,
    ts_from=INSTANTS,
    symbols=st.frozensets(WORDS, max_size=3),
)
TRADES = st.builds(
    Trade,
    symbol=WORDS,
    price=NUMBERS,
    size=NUMBERS,
    exchange=st.sampled_from(["", "C", "XNAS"]),
    conditions=st.sampled_from(["", "I", "fS"]),
    sequence=INSTANTS,
    action=st.sampled_from(TradeAction),
    refers_to=INSTANTS,
    bid=NUMBERS,
    ask=NUMBERS,
    source=WORDS,
    quality=st.sampled_from(Quality),
    ts_event=INSTANTS,
    ts_received=INSTANTS,
)
STATUSES = st.builds(
    TradingStatus,
    symbol=WORDS,
    state=st.sampled_from(TradingState),
    reason=st.text(max_size=20),
    source=WORDS,
    ts_event=INSTANTS,
    ts_received=INSTANTS,
)


@st.composite
def tables(draw: st.DrawFn) -> ChainTable:
    contracts = draw(st.lists(CONTRACTS, max_size=4, unique=True))
    count = len(contracts)

    def column() -> array[float]:
        return array("d", draw(st.lists(NUMBERS, min_size=count, max_size=count)))

    times = st.lists(INSTANTS, min_size=count, max_size=count).map(lambda ns: array("q", ns))
    return ChainTable(
        underlying=draw(WORDS),
        contracts=contracts,
        columns={name: column() for name in CHAIN_COLUMNS},
        source=draw(WORDS),
        quality=draw(st.sampled_from(Quality)),
        ts_event=draw(INSTANTS),
        ts_received=draw(INSTANTS),
        row_ts_event=draw(st.none() | times),
        spot=draw(st.none() | QUOTES),
        complete=draw(st.booleans()),
        rejected=draw(st.lists(REJECTED, max_size=2)),
    )


def same(a: Any, b: Any) -> bool:
    """Equality in which every bit of a number counts and NaN equals itself."""
    if isinstance(a, float) and isinstance(b, float):
        return (math.isnan(a) and math.isnan(b)) or struct.pack("d", a) == struct.pack("d", b)
    if is_dataclass(a) and not isinstance(a, type):
        return type(a) is type(b) and all(
            same(getattr(a, entry.name), getattr(b, entry.name)) for entry in fields(a)
        )
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, Sequence) and not isinstance(a, str):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return bool(a == b)


def as_replayed(update: MarketUpdate) -> MarketUpdate:
    """What replay delivers: the same numbers, marked as played again."""
    if isinstance(update, ChainTable):
        spot = None if update.spot is None else replace(update.spot, quality=Quality.REPLAY)
        return replace(update, quality=Quality.REPLAY, spot=spot)
    if isinstance(update, Quote | Trade):
        return replace(update, quality=Quality.REPLAY)
    return update


def recorded(path: Path) -> list[tuple[int, MarketUpdate]]:
    return [(entry.at_ns, entry.update) for entry in iter_recorded(path)]


def print_of(symbol: str, sequence: int) -> Trade:
    return Trade(
        symbol=symbol,
        price=2.05,
        size=10.0,
        exchange="C",
        conditions="I",
        sequence=sequence,
        bid=2.0,
        ask=2.1,
        source="cboe",
        quality=Quality.DELAYED,
        ts_event=START_NS,
        ts_received=START_NS,
    )


class TestRoundTrip:
    @settings(
        max_examples=60,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(
        updates=st.lists(QUOTES | NOTICES | TRADES | STATUSES | tables(), min_size=1, max_size=6)
    )
    def test_any_update_comes_back_as_it_was(
        self, tmp_path_factory: pytest.TempPathFactory, updates: list[MarketUpdate]
    ) -> None:
        path = tmp_path_factory.mktemp("recording") / "any.parquet"
        written = [(START_NS + place, update) for place, update in enumerate(updates)]
        write_recording(path, written)
        assert same(recorded(path), written)

    async def test_replay_plays_what_the_feed_delivered(self, tmp_path: Path) -> None:
        path = write_recording(tmp_path / "iwm.parquet")
        delivered = [(at_ns, as_replayed(update)) for at_ns, update in usual_updates()]
        played = [
            (tick.instant_ns, update)
            for tick in open_recording(path).iter_ticks()
            for update in tick.updates
        ]
        assert same(played, delivered)

    async def test_a_table_of_several_expirations_plays_as_one_for_each(
        self, tmp_path: Path
    ) -> None:
        contracts = [*contracts_of(JULY), *contracts_of(date(2026, 8, 21))]
        mixed = [contracts[0], contracts[4], *contracts[1:4], *contracts[5:]]
        path = write_recording(tmp_path / "a.parquet", [(START_NS, table_of(mixed))])
        provider = open_replay(path, speed="step")
        await provider.open()
        table = await provider.fetch_chain(ChainKey("IWM", JULY))
        assert list(table.contracts) == contracts[:4]
        assert list(table.columns["bid"]) == [2.0, 4.0, 5.0, 6.0]

    def test_an_update_may_be_longer_than_a_group_of_rows(self, tmp_path: Path) -> None:
        count = GROUP_ROWS + 10
        contracts = [OptionContract("SPX", JULY, Right.CALL, 1000 + i) for i in range(count)]
        big = table_of(contracts)
        path = write_recording(
            tmp_path / "big.parquet", [(START_NS, quote_of()), (START_NS, big)] * 2
        )
        assert pq.ParquetFile(path).num_row_groups > 2
        assert [getattr(update, "contracts", "-") == contracts for _, update in recorded(path)] == [
            False,
            True,
            False,
            True,
        ]

    def test_a_file_of_version_1_plays_as_it_did(self, tmp_path: Path) -> None:
        path = write_recording(tmp_path / "new.parquet")
        old = tmp_path / "old.parquet"
        first = SCHEMAS[b"1"]
        pq.write_table(pq.read_table(path).select(first.names).cast(first), old)
        assert same(recorded(old), recorded(path))

    async def test_prints_statuses_and_gaps_reach_whoever_asks_for_them(
        self, tmp_path: Path
    ) -> None:
        contract = contracts_of(JULY)[0]
        prints = [print_of(contract.key, 1), print_of("IWM", 2), print_of("SPY", 3)]
        halt = TradingStatus(
            symbol="IWM",
            state=TradingState.HALTED,
            reason="T1",
            source="cboe",
            ts_event=START_NS,
            ts_received=START_NS,
        )
        gap = FeedNotice(
            state=NoticeState.GAP,
            reason="The line was down.",
            ts_event=START_NS + 9,
            ts_from=START_NS + 8,
            symbols=frozenset({"IWM"}),
        )
        ended = FeedNotice(state=NoticeState.ENDED, reason="Over.", ts_event=START_NS)
        told: list[MarketUpdate] = [quote_of(), *prints, halt, gap, ended]
        updates = [(START_NS + place, update) for place, update in enumerate(told)]
        provider = open_replay(write_recording(tmp_path / "a.parquet", updates), speed="step")
        await provider.open()
        provider.set_demand(Demand(quotes=frozenset({"IWM"}), trades=frozenset({"IWM"})))
        async with listening(provider) as heard:
            await heard.settle()
            while await provider.step() is not None:
                pass
            await heard.settle()
        assert [u for u in heard.seen if isinstance(u, Trade)] == [
            as_replayed(trade) for trade in prints[:2]
        ]
        assert halt in heard.seen
        assert gap in heard.seen
        assert ended not in heard.seen, "that the recorded feed ended is no news now"

    def test_every_row_is_accounted_for(self, tmp_path: Path) -> None:
        bad = RejectedRow(raw="x", code="malformed_symbol", reason="It is no contract.")
        table = table_of(contracts_of(JULY), rejected=[bad, bad], spot=quote_of())
        path = write_recording(tmp_path / "a.parquet", [(START_NS, quote_of()), (START_NS, table)])
        assert open_recording(path).accounting().as_dict() == {
            "rows": 9,
            "served": 7,
            "rejected": {"malformed_symbol": 2},
            "unaccounted": 0,
            "shared_strikes": 0,
            "shared_strikes_lost": 0,
        }

    def test_time_never_goes_back(self, tmp_path: Path) -> None:
        path = write_recording(
            tmp_path / "a.parquet", [(START_NS, quote_of()), (START_NS - 5, quote_of())]
        )
        assert [at_ns for at_ns, _ in recorded(path)] == [START_NS, START_NS]
        assert time_span(path) == (START_NS, START_NS)


class TestCrash:
    def test_what_was_sealed_survives_a_writer_that_vanishes(self, tmp_path: Path) -> None:
        path = tmp_path / "iwm.parquet"
        writer = RecordingWriter(path, part_seconds=1.0)
        for at_ns, update in usual_updates():
            writer.append(update, at_ns)
        writer.append(quote_of(last=1.0), START_NS + 60 * NANOSECONDS)
        del writer  # no close: as if the machine had stopped
        assert not path.exists()
        for place in (path, parts_of(path)):
            played = list(open_recording(place).iter_ticks())
            seconds = [(tick.instant_ns - START_NS) // NANOSECONDS for tick in played]
            assert seconds == [0, 1, 2, 60]
            assert len(played[-1].updates) == 1, "the update after the last seal is lost"

    def test_a_writer_of_the_same_name_goes_on(self, tmp_path: Path) -> None:
        path = tmp_path / "iwm.parquet"
        first = RecordingWriter(path)
        first.append(quote_of(), START_NS)
        first.seal()
        with RecordingWriter(path) as second:
            second.append(quote_of(last=296.0), START_NS - 7)
        assert [at_ns for at_ns, _ in recorded(path)] == [START_NS, START_NS]
        assert not parts_of(path).exists()

    def test_a_file_that_was_being_written_is_not_taken_for_a_part(self, tmp_path: Path) -> None:
        path = tmp_path / "iwm.parquet"
        writer = RecordingWriter(path)
        writer.append(quote_of(), START_NS)
        writer.seal()
        (parts_of(path) / ".000002.parquet.tmp").write_bytes(b"PAR1 half")
        assert len(list_parts(parts_of(path))) == 1
        assert len(list(open_recording(path).iter_ticks())) == 1

    def test_a_finished_recording_is_never_written_over(self, tmp_path: Path) -> None:
        path = write_recording(tmp_path / "iwm.parquet")
        with pytest.raises(RecordingExists, match="already"):
            RecordingWriter(path)

    def test_parts_are_sealed_by_time_and_by_rows(self, tmp_path: Path) -> None:
        writer = RecordingWriter(tmp_path / "a.parquet", part_seconds=10.0, part_rows=3)
        parts = parts_of(writer.path)
        writer.append(quote_of(), START_NS)
        writer.append(quote_of(), START_NS + NANOSECONDS)
        assert list_parts(parts) == []
        writer.append(quote_of(), START_NS + 2 * NANOSECONDS)
        assert len(list_parts(parts)) == 1
        writer.append(quote_of(), START_NS + 3 * NANOSECONDS)
        writer.append(quote_of(), START_NS + 13 * NANOSECONDS)
        assert len(list_parts(parts)) == 2

    def test_a_recording_of_nothing_leaves_nothing(self, tmp_path: Path) -> None:
        path = write_recording(tmp_path / "a.parquet", [])
        assert list(tmp_path.iterdir()) == []
        with pytest.raises(UnreadableRecording, match="no recording"):
            open_recording(path)


class TestUnreadable:
    @pytest.mark.parametrize("kept", [0, 4, 100, -1, -8, -200])
    def test_a_file_that_was_cut_off_says_so(self, tmp_path: Path, kept: int) -> None:
        path = write_recording(tmp_path / "iwm.parquet")
        path.write_bytes(path.read_bytes()[:kept])
        with pytest.raises(UnreadableRecording, match=r"is empty|cut off"):
            open_recording(path)

    def test_damage_within_is_an_error_and_not_another_number(self, tmp_path: Path) -> None:
        path = write_recording(tmp_path / "iwm.parquet")
        whole = path.read_bytes()
        (column, *_) = [
            place
            for place in range(pq.ParquetFile(path).metadata.num_columns)
            if SCHEMA.names[place] == "bid"
        ]
        chunk = pq.ParquetFile(path).metadata.row_group(0).column(column)
        start = chunk.dictionary_page_offset or chunk.data_page_offset
        damaged = bytearray(whole)
        for place in range(start, start + chunk.total_compressed_size):
            damaged[place] ^= 0xFF
        path.write_bytes(bytes(damaged))
        with pytest.raises(UnreadableRecording, match="damaged"):
            list(open_recording(path).iter_ticks())

    def test_a_parquet_file_of_somebody_else_is_named_as_such(self, tmp_path: Path) -> None:
        path = tmp_path / "other.parquet"
        pq.write_table(pa.table({"a": [1]}), path)
        with pytest.raises(UnreadableRecording, match="no OPTIX recording"):
            open_recording(path)

    def test_another_version_is_named(self, tmp_path: Path) -> None:
        path = tmp_path / "next.parquet"
        schema = SCHEMA.with_metadata({b"optix.recording": b"3"})
        pq.write_table(schema.empty_table(), path)
        with pytest.raises(UnreadableRecording, match="version"):
            open_recording(path)

    def test_other_columns_are_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "columns.parquet"
        schema = pa.schema([pa.field("a", pa.int64())], metadata=SCHEMA.metadata)
        pq.write_table(schema.empty_table(), path)
        with pytest.raises(UnreadableRecording, match="columns"):
            open_recording(path)

    def test_an_empty_one_says_so(self, tmp_path: Path) -> None:
        path = tmp_path / "empty.parquet"
        pq.write_table(SCHEMA.empty_table(), path)
        with pytest.raises(UnreadableRecording, match="no update"):
            open_recording(path)

    @pytest.mark.parametrize(
        ("column", "value"),
        [
            ("kind", "song"),
            ("symbol", None),
            ("quality", "splendid"),
            ("ts_event", None),
            ("security_kind", "fish"),
            ("bid", None),
            ("flags", None),
        ],
    )
    def test_an_update_that_makes_no_sense_is_named(
        self, tmp_path: Path, column: str, value: Any
    ) -> None:
        path = write_recording(tmp_path / "iwm.parquet", [(START_NS, quote_of())])
        row = pq.read_table(path).to_pylist()[0] | {column: value}
        pq.write_table(pa.Table.from_pylist([row], schema=SCHEMA), path)
        with pytest.raises(UnreadableRecording, match="update 1 cannot be read"):
            list(iter_recorded(path))

    @pytest.mark.parametrize(
        ("column", "value"),
        [
            ("root", None),
            ("root", ""),
            ("right", "X"),
            ("strike_milli", 0),
            ("strike_milli", None),
            ("expiration", None),
            ("expiration", date(1960, 1, 1)),
            ("kind", "quote"),
            ("kind", "spot"),
        ],
    )
    def test_a_chain_with_a_contract_that_cannot_be_is_named(
        self, tmp_path: Path, column: str, value: Any
    ) -> None:
        path = write_recording(
            tmp_path / "iwm.parquet",
            [(START_NS, quote_of()), (START_NS, table_of(contracts_of(JULY)))],
        )
        rows = pq.read_table(path).to_pylist()
        rows[3] |= {column: value}
        pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), path)
        with pytest.raises(UnreadableRecording, match="update 2 cannot be read"):
            list(iter_recorded(path))

    def test_a_time_that_one_contract_lacks_is_named(self, tmp_path: Path) -> None:
        table = table_of(contracts_of(JULY), row_times=True)
        path = write_recording(tmp_path / "iwm.parquet", [(START_NS, table)])
        rows = pq.read_table(path).to_pylist()
        rows[2] |= {"row_ts_event": None}
        pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), path)
        with pytest.raises(UnreadableRecording, match="update 1 cannot be read"):
            list(iter_recorded(path))
