"""Write the list of listed symbols that OPTIX ships: `python -m tools.symbol_universe FILE`.

FILE is the SEC's company_tickers_exchange.json: every ticker with the registrant's name and its
exchange, largest first; a work of the United States government, free of copyright. What trades over
the counter, and units, warrants, rights and preferred shares, have no listed options and are left
out. The symbols of `directory.csv` keep their own, better kept rows.
"""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "src" / "optix" / "adapters" / "market_data"
EXCHANGES = {"Nasdaq": "NASDAQ", "NYSE": "NYSE", "CBOE": "Cboe"}

_COMMON = re.compile(r"[A-Z]{1,5}(-[A-QS-TV])?")  # a class like BRK-B; not -U, -R, -WT, -PD
# Five letters at Nasdaq whose last one says warrant, right, unit, preferred or note.
_NOT_COMMON = re.compile(r"[A-Z]{4}[WRUPMNOLZG]")
_STATE = re.compile(r"\s*[/\\]([A-Z]{2,3}[/\\]?)?$")
_KEPT_UPPER = frozenset(
    """
    ADR AES AG AI AMC ASA BDC BV CSX CV CVS DTE EOG EQT ETF ETN EV GE HSBC IBM II III ING IV KG KKR
    LLC LP LTD NCR NOV NV PG PLC PPL REIT RPM SA SAB SAP SE SPA SPDR TV UBS UK UPS US USA VF VI VII
    WEC XI XII
    """.split()  # noqa: SIM905  # words
)


def symbol_rows(document: dict[str, object], known: frozenset[str]) -> Iterator[list[str]]:
    """Yield symbol, name and exchange of what may have listed options, in the order given."""
    fields, data = document["fields"], document["data"]
    assert isinstance(fields, list), "no company_tickers_exchange.json"
    assert isinstance(data, list), "no company_tickers_exchange.json"
    seen = set(known)
    for values in data:
        row = dict(zip(fields, values, strict=True))
        exchange = EXCHANGES.get(row["exchange"] or "")
        ticker = str(row["ticker"]).upper()
        if exchange is None or not _COMMON.fullmatch(ticker):
            continue
        if exchange == "NASDAQ" and _NOT_COMMON.fullmatch(ticker) and ticker[:4] in seen:
            continue
        symbol = ticker.replace("-", ".")
        if symbol not in seen:
            seen.add(symbol)
            yield [symbol, readable(str(row["name"])), exchange]


def readable(name: str) -> str:
    """Return a registrant's name as people write it."""
    name = _STATE.sub("", name.strip())
    if name != name.upper():
        return name
    return " ".join(
        word if word.strip(".,()") in _KEPT_UPPER or "&" in word else _capitalised(word)
        for word in name.split()
    )


def _capitalised(word: str) -> str:
    """Return one word in small letters but for the first; after a hyphen too."""
    return "-".join(part[:1] + part[1:].lower() for part in word.split("-"))


def main() -> None:
    document = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    with (FOLDER / "directory.csv").open(encoding="utf-8") as directory:
        known = frozenset(row["symbol"] for row in csv.DictReader(directory))
    rows = list(symbol_rows(document, known))
    with (FOLDER / "universe.csv").open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["symbol", "name", "exchange"])
        writer.writerows(rows)
    sys.stdout.write(f"universe.csv: {len(rows)} symbols\n")


if __name__ == "__main__":
    main()
