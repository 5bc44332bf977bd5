"""Which importer reads a file. One format, one importer, and each file has exactly one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from optix.adapters.imports.archives import OptionsDesk, SyzwangChains, SyzwangTerms
from optix.adapters.imports.brokers import (
    SchwabChain,
    SchwabLists,
    SchwabQuotes,
    TradierChain,
    TradierExpirations,
)
from optix.adapters.imports.cboe import CboeDocument, CboeQuoteTable
from optix.adapters.imports.daily_series import (
    FundsRate,
    FuturesCurve,
    IndexHistory,
    IndexValues,
    PutCallRatios,
)
from optix.adapters.imports.databento import DatabentoActions, DatabentoRecords
from optix.adapters.imports.end_of_day import HistoricalOptions, IVolatility, StockDays
from optix.adapters.imports.files import read_head
from optix.adapters.imports.lean_text import (
    LeanFactors,
    LeanInterestRate,
    LeanNames,
    LeanUniverse,
)
from optix.adapters.imports.lean_zip import LeanOptionBars, LeanSecurityBars
from optix.adapters.imports.orats import OratsStrikes
from optix.adapters.imports.reference import (
    Documents,
    EarningsDates,
    ExchangeDays,
    ThetaDataCodes,
)
from optix.adapters.imports.research_lab import (
    ResearchLabBars,
    ResearchLabChains,
    ResearchLabDocument,
    ResearchLabHours,
    ResearchLabRates,
)
from optix.adapters.imports.thetadata import ThetaDataAnswer, ThetaDataTable
from optix.adapters.imports.times import SessionCalendar
from optix.adapters.imports.vendors import AlpacaAnswer, PolygonContracts, PolygonSnapshots
from optix.adapters.imports.yahoo import (
    LachjoryFrame,
    LachjoryRun,
    YahooDocument,
    YahooFrame,
)
from optix.ports.history import Importer, UnreadableFile


def build_importers(calendar: SessionCalendar) -> Sequence[Importer]:
    """Return the importers of every recorded format, in the order of their names."""
    importers: list[Importer] = [
        CboeDocument(),
        CboeQuoteTable(),
        LeanFactors(calendar),
        LeanInterestRate(),
        LeanNames(calendar),
        LeanOptionBars(calendar),
        LeanSecurityBars(),
        LeanUniverse(calendar),
        DatabentoActions(),
        DatabentoRecords(calendar),
        Documents(),
        EarningsDates(),
        ExchangeDays(),
        FundsRate(),
        FuturesCurve(),
        HistoricalOptions(calendar),
        IVolatility(calendar),
        IndexHistory(),
        IndexValues(),
        PutCallRatios(),
        StockDays(),
        ThetaDataAnswer(),
        ThetaDataCodes(),
        ThetaDataTable(),
        AlpacaAnswer(),
        OratsStrikes(calendar),
        PolygonContracts(),
        PolygonSnapshots(),
        SchwabChain(),
        SchwabLists(),
        SchwabQuotes(),
        TradierChain(),
        TradierExpirations(),
        ResearchLabBars(),
        ResearchLabChains(calendar),
        ResearchLabDocument(calendar),
        ResearchLabHours(),
        ResearchLabRates(),
        LachjoryFrame(),
        LachjoryRun(),
        OptionsDesk(),
        SyzwangChains(),
        SyzwangTerms(),
        YahooDocument(),
        YahooFrame(),
    ]
    return sorted(importers, key=lambda importer: importer.name)


def find_importer(importers: Sequence[Importer], path: Path) -> Importer | None:
    """Return the importer of a file, None where nobody knows its format.

    Errors: UnreadableFile where the file cannot be opened, or where two importers claim it.
    """
    head = read_head(path)
    found = [importer for importer in importers if importer.recognises(path, head)]
    if len(found) > 1:
        names = ", ".join(importer.name for importer in found)
        raise UnreadableFile(f"{path.name} could be of several formats: {names}.")
    return found[0] if found else None
