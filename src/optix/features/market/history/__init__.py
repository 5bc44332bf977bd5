"""The market's memory as a feature: what is captured each day, what is missing, what was."""

from optix.features.market.history.capture import HistoryCapture
from optix.features.market.history.filling import Filled, backfill
from optix.features.market.history.rules import Coverage, coverage_of
from optix.features.market.history.service import MarketHistory

__all__ = ["Coverage", "Filled", "HistoryCapture", "MarketHistory", "backfill", "coverage_of"]
