"""Real symbols, as vendors sent them: every one is read, none is confused with another."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter

import pytest
from tests.fixtures.recorded import recorded

from optix.kernel.instrument import MalformedContract, Spelling, format_option, parse_option
from optix.kernel.roots import underlying_of

pytestmark = pytest.mark.recorded


def test_a_whole_cboe_chain_is_read_and_printed_back() -> None:
    with gzip.open(recorded("market/cboe/json/IWM_20260618T203754Z.json.gz")) as file:
        texts = [row["option"] for row in json.load(file)["data"]["options"]]
    assert len(texts) > 3_000
    contracts = {parse_option(text) for text in texts}
    assert len(contracts) == len(texts)
    assert {contract.key for contract in contracts} == set(texts)


def test_spx_and_spxw_keep_their_shared_third_fridays_apart() -> None:
    with gzip.open(recorded("market/cboe/csv/SPX_2023-09-14.csv.gz"), "rt") as file:
        texts = re.findall(r"SPXW?[0-9]{6}[CP][0-9]{8}", file.read())
    contracts = {parse_option(text) for text in texts}
    assert len(contracts) == len(set(texts)) > 10_000
    assert {underlying_of(contract.root) for contract in contracts} == {"SPX"}
    without_root = Counter(
        (contract.expiration, contract.right, contract.strike_milli) for contract in contracts
    )
    assert max(without_root.values()) == 2


@pytest.mark.parametrize(
    ("path", "pattern", "spelling"),
    [
        (
            "brokers/schwab/account_with_positions.json",
            r'"symbol": ?"([A-Z]+ +[0-9]{6}[CP][0-9]{8})"',
            Spelling.OSI,
        ),
        (
            "brokers/etrade/option_chains_sandbox.json",
            r'"osiKey": ?"([A-Z]+-+[0-9]{6}[CP][0-9]{8})"',
            Spelling.ETRADE_OSI,
        ),
        (
            "brokers/etrade/option_chains_sandbox.json",
            r'"displaySymbol": ?"([^"]+ (?:Call|Put))"',
            Spelling.ETRADE_DISPLAY,
        ),
        (
            "brokers/tastytrade/option_chain_nested.json",
            r'"(?:call|put)-streamer-symbol": ?"([^"]+)"',
            Spelling.DXFEED,
        ),
        (
            "brokers/alpaca/get_orders_MultilegOptions.json",
            r'"symbol": ?"([A-Z]+[0-9]{6}[CP][0-9]{8})"',
            Spelling.OCC,
        ),
    ],
)
def test_brokers_spellings_are_read_and_printed_back(
    path: str, pattern: str, spelling: Spelling
) -> None:
    texts = set(re.findall(pattern, recorded(path).read_text()))
    if not texts:
        pytest.fail(f"{path} has no symbol in this spelling any more")
    for text in texts:
        assert format_option(parse_option(text), spelling) == text


def test_a_file_that_pads_by_habit_is_refused() -> None:
    text = recorded("market/optionsuite/aapl_sample_ivolatility_2014-08.csv").read_text()
    odd = set(re.findall(r"SPY  [0-9]{6}[CP][0-9]{8}", text))
    assert odd
    for symbol in odd:
        with pytest.raises(MalformedContract, match="padded wrongly"):
            parse_option(symbol)
