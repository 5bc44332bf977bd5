"""Every spelling of one contract is read as that contract, and nothing else is read at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from optix.kernel.instrument import (
    MalformedContract,
    OptionContract,
    Right,
    Spelling,
    contract_of,
    format_option,
    parse_option,
    strike_milli_of,
)
from optix.kernel.limits import CONTRACT_TEXT_LENGTH_MAX, STRIKE_MILLI_MAX


def contract(root: str, day: str, right: Right, strike_milli: int) -> OptionContract:
    return OptionContract(root, date.fromisoformat(day), right, strike_milli)


SPXW = OptionContract("SPXW", date(2023, 9, 14), Right.CALL, 1_200_000)
BAC = OptionContract("BAC", date(2026, 8, 21), Right.PUT, 37_500)
BRKB = OptionContract("BRKB", date(2026, 12, 18), Right.CALL, 600_000)
AAPL1 = OptionContract("AAPL1", date(2025, 1, 17), Right.CALL, 92_140)


class TestSpellings:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("SPXW230914C01200000", SPXW),
            ("SPXW  230914C01200000", SPXW),
            ("O:SPXW230914C01200000", SPXW),
            (".SPXW230914C1200", SPXW),
            ("SPXW:2023:9:14:CALL:1200.00", SPXW),
            ("SPXW:2023:09:14:C:1200", SPXW),
            ("SPXW--230914C01200000", SPXW),
            ("SPXW Sep 14 '23 $1200 Call", SPXW),
            (".BAC260821P37.5", BAC),
            (".BAC260821P37.50", BAC),
            ("BAC---260821P00037500", BAC),
            ("BRK.B:2026:12:18:C:600.00", BRKB),
            ("BRK/B Dec 18 '26 $600 Call", BRKB),
            ("AAPL1250117C00092140", AAPL1),
            ("AAPL1 250117C00092140", AAPL1),
            (".AAPL1250117C92.14", AAPL1),
            (
                "2SPY  260821C00600000",
                contract("2SPY", "2026-08-21", Right.CALL, 600_000),
            ),
            (
                "GOOGL1260821C00600000",
                contract("GOOGL1", "2026-08-21", Right.CALL, 600_000),
            ),
            ("X000101P00000001", contract("X", "2000-01-01", Right.PUT, 1)),
            ("X991231P99999999", contract("X", "2099-12-31", Right.PUT, 99_999_999)),
            ("TWX   140621C00070710", contract("TWX", "2014-06-21", Right.CALL, 70_710)),
        ],
    )
    def test_is_read_as_its_contract(self, text: str, expected: OptionContract) -> None:
        assert parse_option(text) == expected

    @pytest.mark.parametrize(
        ("spelling", "text"),
        [
            (Spelling.OCC, "BAC260821P00037500"),
            (Spelling.OSI, "BAC   260821P00037500"),
            (Spelling.POLYGON, "O:BAC260821P00037500"),
            (Spelling.DXFEED, ".BAC260821P37.5"),
            (Spelling.ETRADE, "BAC:2026:8:21:PUT:37.50"),
            (Spelling.ETRADE_OSI, "BAC---260821P00037500"),
            (Spelling.ETRADE_DISPLAY, "BAC Aug 21 '26 $37.5 Put"),
        ],
    )
    def test_is_printed_as_the_vendor_writes_it(self, spelling: Spelling, text: str) -> None:
        assert format_option(BAC, spelling) == text

    @pytest.mark.parametrize(
        ("contract", "text"),
        [(SPXW, ".SPXW230914C1200"), (AAPL1, ".AAPL1250117C92.14")],
    )
    def test_prints_streamer_strikes_without_needless_digits(
        self, contract: OptionContract, text: str
    ) -> None:
        assert format_option(contract, Spelling.DXFEED) == text

    def test_keeps_a_strike_in_thousandths_where_two_decimals_are_usual(self) -> None:
        odd = OptionContract("F", date(2026, 1, 16), Right.CALL, 12_125)
        assert format_option(odd, Spelling.ETRADE) == "F:2026:1:16:CALL:12.125"

    @pytest.mark.parametrize(
        "text", ["spxw230914c01200000", "  SPXW230914C01200000\n", "o:spxw230914c01200000"]
    )
    def test_ignores_case_and_outer_blanks(self, text: str) -> None:
        assert parse_option(text) == SPXW

    def test_has_the_unpadded_occ_symbol_as_its_key(self) -> None:
        assert SPXW.key == "SPXW230914C01200000"
        assert BAC.strike == 37.5

    def test_tells_contracts_of_two_roots_with_the_same_terms_apart(self) -> None:
        am, pm = parse_option("SPX230915C04500000"), parse_option("SPXW230915C04500000")
        assert am != pm
        assert am == replace(pm, root="SPX")


class TestRefusals:
    @pytest.mark.parametrize(
        ("text", "complaint"),
        [
            ("", "empty"),
            ("   ", "empty"),
            ("SPY", "too short"),
            ("250117C00175000", "too short"),
            ("AAPL250117C0017500", "eight digits"),
            ("AAPL250117C001750000", "no C or P|eight digits"),
            ("AAPL250117C-0175000", "eight digits"),
            ("AAPL250117X00175000", "no C or P"),
            ("AAPL2501ABC00175000", "YYMMDD"),
            ("AAPL250230C00175000", "2025-02-30"),
            ("AAPL251301C00175000", "2025-13-01"),
            ("AAPL250000C00175000", "2025-00-00"),
            ("AAPL250117C00000000", "zero"),
            ("AAPL  250117C00000000", "zero"),
            ("O:AAPL250117C00000000", "zero"),
            ("AAPL 250117C00175000", "padded wrongly"),
            ("AAPL   250117C00175000", "padded wrongly"),
            ("AAPL-250117C00175000", "padded wrongly"),
            ("AAPL- 250117C00175000", "padded wrongly"),
            ("  O:AAPL  250117C00175000", "padded wrongly|no spelling"),
            ("TOOLONGX250117C00175000", "root"),
            ("12AAPL250117C00175000", "root"),
            ("AAPL12250117C00175000", "root"),
            ("111111250117C00175000", "root"),
            ("BRK.B250117C00175000", "root"),
            ("AAPL２50117C00175000", "characters that no contract has"),
            ("AAPL250117C0017500٠", "characters that no contract has"),
            ("AAPL\u00a0\u00a0250117C00175000", "characters that no contract has"),
            (".AAPL250117C00175000", "not a dxFeed symbol"),
            (".AAPL250117C", "not a dxFeed symbol"),
            (".AAPL250117C1.2345", "not a dxFeed symbol"),
            (".AAPL250117C.5", "not a dxFeed symbol"),
            (".AAPL250117C100000", "not a dxFeed symbol"),
            (".AAPL250117C0", "0.001 to 99999.999"),
            (".12345671250117C5", "root"),
            ("AAPL:2025:2:29:C:100", "2025-02-29"),
            ("AAPL:1999:2:28:C:100", "2000 and 2099"),
            ("AAPL:2025:1:17:X:100", "no spelling"),
            ("AAPL:2025:1:17:C:0.00", "0.001 to 99999.999"),
            ("AAPL:2025:1:17:C:1e3", "no spelling"),
            ("..:2025:1:17:C:5", "not a symbol"),
            ("A..B:2025:1:17:C:5", "not a symbol"),
            ("AAPL Foo 17 '25 $175 Call", "FOO is not a month"),
            ("AAPL Feb 30 '25 $175 Call", "2025-02-30"),
            ("/ESH25_P5050:XCME", "no spelling"),
            ("A" * (CONTRACT_TEXT_LENGTH_MAX + 1), "at most 64"),
            ("." * CONTRACT_TEXT_LENGTH_MAX, "not a dxFeed symbol"),
            ("AAPL250117C00175000\x00", "eight digits"),
            ("AAPL250117C00175000;DROP TABLE", "eight digits"),
        ],
    )
    def test_says_what_is_wrong(self, text: str, complaint: str) -> None:
        with pytest.raises(MalformedContract, match=complaint) as refused:
            parse_option(text)
        assert refused.value.code == "malformed_contract"
        assert len(refused.value.detail) < 250
        assert "AAPL250117C00175000" in refused.value.next_step

    @pytest.mark.parametrize("value", [None, 5, b"AAPL250117C00175000", ["AAPL"], object()])
    def test_refuses_what_is_no_text(self, value: Any) -> None:
        with pytest.raises(MalformedContract, match="is a text, not"):
            parse_option(value)


class TestFields:
    @pytest.mark.parametrize("right", ["C", "c", "CALL", "call"])
    def test_become_a_contract(self, right: str) -> None:
        assert contract_of("SPXW", date(2023, 9, 14), right, "1200.000") == SPXW

    @pytest.mark.parametrize(
        ("strike", "milli"),
        [
            ("275.000", 275_000),
            ("0.001", 1),
            ("99999.999", STRIKE_MILLI_MAX),
            (Decimal("92.14"), 92_140),
            (Decimal("2E+2"), 200_000),
            (5, 5_000),
            ("37.500000", 37_500),
        ],
    )
    def test_take_an_exact_strike(self, strike: Decimal | int | str, milli: int) -> None:
        assert strike_milli_of(strike) == milli

    @pytest.mark.parametrize(
        "strike",
        [
            "",
            " 5",
            "-5",
            "+5",
            "1e3",
            "1_000",
            "٣",
            "NaN",
            "5.",
            "0",
            "0.0005",
            "12.3456",
            "100000",
            "99999.9995",
            0,
            -1,
            True,
            100_000,
            Decimal("NaN"),
            Decimal("sNaN"),
            Decimal("Infinity"),
            Decimal("1E+999999"),
            Decimal("1E-999999"),
            Decimal("12.00000000000000000000000000000000000001"),
        ],
    )
    def test_refuse_any_other_strike(self, strike: Decimal | int | str) -> None:
        with pytest.raises(MalformedContract, match="strike"):
            strike_milli_of(strike)

    def test_refuse_a_float(self) -> None:
        with pytest.raises(MalformedContract, match="not a float"):
            strike_milli_of(92.14)  # type: ignore[arg-type]  # what a careless caller does

    @pytest.mark.parametrize(
        ("root", "expiration", "right"),
        [
            ("spy", date(2025, 1, 17), "C"),
            ("", date(2025, 1, 17), "C"),
            ("BRK.B", date(2025, 1, 17), "C"),
            ("SPY", date(1999, 12, 31), "C"),
            ("SPY", date(2100, 1, 1), "C"),
            ("SPY", date(2025, 1, 17), "X"),
            ("SPY", date(2025, 1, 17), ""),
        ],
    )
    def test_refuse_bad_terms(self, root: str, expiration: date, right: str) -> None:
        with pytest.raises(MalformedContract):
            contract_of(root, expiration, right, 100)
