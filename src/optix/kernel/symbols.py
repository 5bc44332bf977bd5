"""Symbols of stocks, ETFs and indices: one canonical spelling, read from the vendors' many.

Canonical is upper case without a vendor's index mark, with a dot before a share class: `SPY`,
`BRK.B`, `SPX`. Option contracts live in `instrument`, what a root means lives in `roots`.
"""

from __future__ import annotations

import re

from optix.kernel.errors import InvalidInput
from optix.kernel.limits import SYMBOL_LENGTH_MAX
from optix.kernel.quote import SecurityKind

# Option roots have no punctuation, so a share class is glued to its ticker: BRKB is BRK.B. Only a
# table can tell that from a ticker of its own (HUBB, GOOGL), hence no rule.
CLASS_SHARES: dict[str, str] = {
    "BFA": "BF.A",
    "BFB": "BF.B",
    "BRKA": "BRK.A",
    "BRKB": "BRK.B",
    "CRDA": "CRD.A",
    "CRDB": "CRD.B",
    "CWENA": "CWEN.A",
    "GEFB": "GEF.B",
    "HEIA": "HEI.A",
    "LENB": "LEN.B",
    "LGFA": "LGF.A",
    "LGFB": "LGF.B",
    "MOGA": "MOG.A",
    "MOGB": "MOG.B",
    "PBRA": "PBR.A",
    "RDSA": "RDS.A",
    "RDSB": "RDS.B",
    "UHALB": "UHAL.B",
}
_CLASS_ROOTS = {symbol: root for root, symbol in CLASS_SHARES.items()}

# Yahoo names some indices by other tickers than the exchange does.
_INDEX_ALIASES = {"^GSPC": "SPX"}


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


INDICES = _words(
    """
    SPX XSP NDX XND NQX RUT MRUT VIX VIX1D VIX9D VIX3M VIX6M VVIX DJX OEX XEO DJI SKEW
    RVX VXN GVZ OVX TNX TYX FVX IRX
    """
)

ETFS = _words(
    """
    AGG ARKG ARKK BND BITO DBA DBC DIA EEM EFA EMB ETHA EWJ EWY EWZ FBTC FXE FXI FXY GBTC GDX
    GDXJ GLD HYG IAU IBIT IEF IEMG IJH IJR ILF INDA ITA ITB IVV IVW IVE IWD IWF IWM IWN IWO
    IYR JEPI JETS JNK KRE KWEB LABD LABU LQD MCHI MDY MSOS MUB NUGT PFF QLD QQQ QQQM QYLD RSP
    SCHD SDS SH SHY SLV SMH SOXL SOXS SOXX SPLG SPXL SPXS SPXU SPY SQQQ SSO SVIX SVXY TAN TBT
    TECL TLT TMF TNA TQQQ TSLL TZA UCO UNG UPRO URA USO UUP UVIX UVXY VEA VGK VIG VIXY VNQ VOO
    VTI VTV VUG VWO VXUS VXX VYM XBI XHB XLB XLC XLE XLF XLI XLK XLP XLRE XLU XLV XLY XME XOP
    XRT YINN
    """
)

_PLAIN = re.compile(r"[A-Z][A-Z0-9]{0,5}", re.ASCII)
_MARKED = re.compile(
    r"(?P<mark>\^|_|\$|I:)?"
    r"(?P<base>[A-Z][A-Z0-9]{0,5})"
    r"(?:(?P<separator>[./-])(?P<share_class>[A-Z]{1,2}))?",
    re.ASCII,
)


class MalformedSymbol(InvalidInput):
    """A text that cannot be a symbol in any spelling OPTIX reads."""

    code = "malformed_symbol"
    next_step = "Write the ticker alone, like SPY, SPX or BRK.B."


def parse_symbol(text: str) -> str:
    """Return the canonical symbol of `text`.

    Reads `SPY`, `brk.b`, `BRK/B`, `BRK-B`, `BRKB`, and for indices `SPX`, `^SPX`, `_SPX`, `$SPX`,
    `$SPX.X` and `I:SPX`. Lower case becomes upper case and blanks around it are dropped; nothing
    else is repaired.

    Errors: MalformedSymbol says what is wrong. A well-formed symbol that nobody lists is not an
            error here.
    """
    if not isinstance(text, str):
        raise MalformedSymbol(f"A symbol is a text, not {type(text).__name__}.")
    if len(text) > SYMBOL_LENGTH_MAX:
        raise MalformedSymbol(f"A symbol has at most {SYMBOL_LENGTH_MAX} characters.")
    stripped = text.strip(" \t\r\n")
    if not stripped:
        raise MalformedSymbol("The symbol is empty.")
    if not stripped.isascii():
        raise MalformedSymbol(f"{stripped!r} has characters that no ticker has.")
    symbol = stripped.upper()
    if _PLAIN.fullmatch(symbol):
        return CLASS_SHARES.get(symbol, symbol)
    if symbol in _INDEX_ALIASES:
        return _INDEX_ALIASES[symbol]
    found = _MARKED.fullmatch(symbol)
    if found is None:
        raise MalformedSymbol(
            f"{stripped!r} is not a symbol: one to six letters or digits beginning with a letter, "
            "and at most a share class after a dot."
        )
    base, share_class = found["base"], found["share_class"]
    if found["mark"] is None:
        return f"{base}.{share_class}"
    if share_class is None or (found["mark"] == "$" and found["separator"] + share_class == ".X"):
        return str(base)
    raise MalformedSymbol(f"{stripped!r} marks an index, and an index has no share class.")


def kind_of(symbol: str) -> SecurityKind:
    """Return what a canonical symbol is. A symbol in neither table is taken for a stock.

    A provider that knows better says so in its quotes; this answers where none was asked.
    """
    if symbol in INDICES:
        return SecurityKind.INDEX
    if symbol in ETFS:
        return SecurityKind.ETF
    return SecurityKind.STOCK


def root_of(symbol: str) -> str:
    """Return the root of a symbol's standard contracts: `BRKB` for `BRK.B`, else the symbol.

    An index has further roots (SPXW beside SPX), see `roots.roots_of`.
    """
    return _CLASS_ROOTS.get(symbol, symbol.replace(".", ""))
