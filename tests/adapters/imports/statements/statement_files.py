"""Statements written by us in the documented layouts. Nobody's own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent / "files"


def _text(name: str) -> str:
    return (FOLDER / name).read_bytes().decode()


FIDELITY: Final = _text("fidelity.csv")
SCHWAB: Final = _text("schwab.csv")
ROBINHOOD: Final = _text("robinhood.csv")
WEBULL: Final = _text("webull.csv")
FLEX: Final = _text("ibkr_flex.xml")
OFX_SGML: Final = _text("ofx.ofx")


def as_xml(sgml: str) -> str:
    """Return a statement of version 1 as version 2 writes it: each leaf with its end."""
    ended = re.sub(r"<([A-Z0-9]+)>([^<\n]+)", r"<\1>\2</\1>", sgml)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<?OFX OFXHEADER="200" VERSION="211"?>\n'
        + ended[ended.index("<OFX>") :].replace("<MEMO></INVTRAN>", "<MEMO></MEMO></INVTRAN>")
    )


OFX_XML: Final = as_xml(OFX_SGML)
ALL: Final = {
    "fidelity_csv": FIDELITY,
    "schwab_csv": SCHWAB,
    "robinhood_csv": ROBINHOOD,
    "webull_csv": WEBULL,
    "ibkr_flex": FLEX,
    "ofx": OFX_SGML,
}
