"""Importers: recorded market data of many formats as rows of the history's datasets."""

from optix.adapters.imports.registry import build_importers, find_importer

__all__ = ["build_importers", "find_importer"]
