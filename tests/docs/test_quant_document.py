"""The worked examples of docs/quant.md run as they stand and print what the page says."""

from __future__ import annotations

import doctest
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "quant.md"


def test_the_examples_of_the_quant_page_print_what_it_says() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    examples = doctest.DocTestParser().get_doctest(text, {}, "quant.md", str(DOCUMENT), 0)
    said: list[str] = []
    results = doctest.DocTestRunner().run(examples, out=said.append)
    assert results.attempted > 30
    assert results.failed == 0, "".join(said)


def test_the_tables_of_recorded_markets_are_there() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    for name in ("real-chains", "volatility-index"):
        begin = f"<!-- {name}: made by benchmarks/real_chains.py -->"
        table = text.partition(begin)[2].partition(f"<!-- end of {name} -->")[0]
        assert table.count("\n|") > 3, f"python -m benchmarks.real_chains writes the {name} table"
