"""The adapters that there are, with what reads their payloads."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping

from optix.adapters import brokers

Parsers = Mapping[str, Callable[[object], object]]

ADAPTERS: Mapping[str, Parsers] = {
    each.name: importlib.import_module(f"{brokers.__name__}.{each.name}").PARSERS
    for each in pkgutil.iter_modules(brokers.__path__)
    if each.ispkg
}
