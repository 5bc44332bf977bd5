"""Every letter is read from the table; the rules are checked against MARKET_RULES section 6 and,
where the recorded table of another vendor is present, against what that one says of the same word.
"""

from __future__ import annotations

import csv

import pytest
from tests.fixtures.recorded import recorded

from optix.kernel import opra
from optix.kernel.opra import CONDITIONS, EXCHANGES, CancelKind, LegKind, Mechanism

CANCELS = "ACEG"
LATE = "BDFH"
PACKAGES = "fghijklmnopqrstu"
STOCK_TIED = "knopqrs"
NO_PRICE = "uv"  # off the market, or outside its hours


def test_every_letter_of_the_rules_is_known_and_no_other() -> None:
    assert "".join(sorted(CONDITIONS)) == "".join(sorted("ABCDEFGHIJSabcdefghijklmnopqrstuv"))
    assert all(letter == row.letter for letter, row in CONDITIONS.items())
    assert len({row.word for row in CONDITIONS.values()}) == len(CONDITIONS)
    assert all(row.meaning.endswith(".") for row in CONDITIONS.values())


def test_a_regular_print_counts_for_everything() -> None:
    for conditions in ("", " "):
        assert opra.counts_for_volume(conditions)
        assert opra.may_set_last(conditions)
        assert opra.may_set_extremes(conditions)
        assert not opra.is_cancel(conditions)
        assert opra.leg_kind(conditions) is LegKind.SINGLE
        assert opra.mechanism(conditions) is Mechanism.UNKNOWN


@pytest.mark.parametrize("letter", CONDITIONS)
def test_what_a_letter_counts_for(letter: str) -> None:
    assert opra.is_cancel(letter) == (letter in CANCELS)
    assert opra.counts_for_volume(letter) == (letter not in CANCELS)
    assert opra.is_late(letter) == (letter in LATE)
    assert opra.may_set_last(letter) == (letter not in CANCELS + LATE + NO_PRICE)
    assert opra.may_set_extremes(letter) == (letter not in CANCELS + NO_PRICE)
    assert opra.is_package(letter) == (letter in PACKAGES)
    assert opra.is_stock_tied(letter) == (letter in STOCK_TIED)
    assert opra.is_sweep(letter) == (letter in "Sbd")
    assert opra.is_opening(letter) == (letter in "FH")
    assert opra.is_out_of_sequence(letter) == (letter in "BF")
    assert opra.is_extended_hours(letter) == (letter == "v")


def test_cancels_say_which_print_they_undo() -> None:
    kinds = {letter: opra.cancel_kind(letter) for letter in CANCELS}
    assert kinds == {
        "A": CancelKind.EARLIER,
        "C": CancelKind.LAST,
        "E": CancelKind.OPENING,
        "G": CancelKind.ONLY,
    }
    assert opra.cancel_kind("I") is None


@pytest.mark.parametrize(
    ("mechanism", "letters"),
    [
        (Mechanism.ELECTRONIC, "ISfjnq"),
        (Mechanism.AUCTION, "abgklr"),
        (Mechanism.CROSS, "cdho"),
        (Mechanism.FLOOR, "eimpst"),
        (Mechanism.COMPRESSION, "u"),
        (Mechanism.UNKNOWN, "ABCDEFGHJv"),
    ],
)
def test_how_they_met(mechanism: Mechanism, letters: str) -> None:
    assert {letter for letter in CONDITIONS if opra.mechanism(letter) is mechanism} == set(letters)


@pytest.mark.parametrize(
    ("kind", "letters"),
    [
        (LegKind.MULTI, "fghitu"),
        (LegKind.MULTI_VS_SINGLE, "jlm"),
        (LegKind.STOCK_TIED, "knop"),
        (LegKind.STOCK_TIED_VS_SINGLE, "qrs"),
    ],
)
def test_what_it_was_a_part_of(kind: LegKind, letters: str) -> None:
    assert {letter for letter in CONDITIONS if opra.leg_kind(letter) is kind} == set(letters)


def test_the_strictest_of_several_letters_decides() -> None:
    assert not opra.may_set_last("IB")
    assert not opra.counts_for_volume("IA")
    assert opra.leg_kind("If") is LegKind.MULTI
    assert opra.mechanism("vI") is Mechanism.ELECTRONIC


def test_an_unknown_letter_is_a_trade_without_a_price() -> None:
    assert opra.find_condition("?") is None
    assert opra.counts_for_volume("?")
    assert not opra.may_set_last("?")
    assert not opra.may_set_extremes("I?")
    assert not opra.is_cancel("?")


def test_there_are_eighteen_exchanges() -> None:
    assert len(EXCHANGES) == 18
    assert len(set(EXCHANGES.values())) == 18
    assert all(len(letter) == 1 and letter.isupper() for letter in EXCHANGES)


# What another vendor's table calls the same conditions.
_SAME = {
    "A": "CANC",
    "B": "OUT_OF_SEQ",
    "C": "CANC_LAST",
    "D": "SOLD_LAST",
    "E": "CANC_OPEN",
    "F": "OPEN_REPORT_OUT_OF_SEQ",
    "G": "CANC_ONLY",
    "H": "OPEN_REPORT_LATE",
    "I": "AUTO_EXECUTION",
    "J": "REOPEN",
    "S": "INTERMARKET_SWEEP",
    "a": "SINGLE_LEG_AUCTION_NON_ISO",
    "b": "SINGLE_LEG_AUCTION_ISO",
    "c": "SINGLE_LEG_CROSS_NON_ISO",
    "d": "SINGLE_LEG_CROSS_ISO",
    "e": "SINGLE_LEG_FLOOR_TRADE",
    "f": "MULTI_LEG_AUTOELEC_TRADE",
    "g": "MULTI_LEG_AUCTION",
    "h": "MULTI_LEG_CROSS",
    "i": "MULTI_LEG_FLOOR_TRADE",
    "j": "ML_AUTO_ELEC_TRADE_AGSL",
    "k": "STOCK_OPTIONS_AUCTION",
    "l": "ML_AUCTION_AGSL",
    "m": "ML_FLOOR_TRADE_AGSL",
    "n": "STK_OPT_AUTO_ELEC_TRADE",
    "o": "STOCK_OPTIONS_CROSS",
    "p": "STOCK_OPTIONS_FLOOR_TRADE",
    "q": "STK_OPT_AE_TRD_AGSL",
    "r": "STK_OPT_AUCTION_AGSL",
    "s": "STK_OPT_FLOOR_TRADE_AGSL",
    "t": "ML_FLOOR_TRADE_OF_PP",
    "u": "MULTILAT_COMP_TR_PDP",
    "v": "EXTENDED_HOURS_TRADE",
}


@pytest.mark.recorded
def test_another_vendor_counts_the_same_words_the_same_way() -> None:
    with recorded("market/thetadata/trade-conditions.csv").open(newline="") as lines:
        rows = {row["Name"]: row for row in csv.DictReader(lines)}
    assert set(_SAME) == set(CONDITIONS)
    for letter, name in _SAME.items():
        row, ours = rows[name], CONDITIONS[letter]
        assert (row["Cancel"] == "true") == (ours.cancels is not None), name
        assert (row["LateReport"] == "true") == ours.late, name
        assert (row["Volume"] == "true") == ours.counts_for_volume, name
        assert (row["High"] == row["Low"] == "true") == ours.sets_extremes, name
        # A star there is "if it is the only print"; ours is strict.
        assert (row["Last"] == "true") == ours.sets_last, name
