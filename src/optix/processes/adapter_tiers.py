"""`optix adapters check`: how good each market data adapter is, by its own quality.toml.

The files are read from the package, and what they say of capabilities is held against the adapters
themselves where those can be built here. Connects to nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import optix.adapters.market_data
from optix.adapters.market_data.tiers import (
    BadQualityFile,
    QualityFile,
    disagreements,
    load_quality,
)
from optix.kernel.clock import SystemClock
from optix.platform.settings import Settings
from optix.processes.providers import PROVIDERS, Build

FILE: Final = "quality.toml"
# To build a replay is to read a recording; what it can do depends on that.
_NOT_BUILT: Final = frozenset({"replay"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterReport:
    """What one adapter's file says, and what is wrong with it."""

    name: str
    tier: str = ""
    recorded: str = ""
    rules: Mapping[str, str] = field(default_factory=dict)  # "done", "todo" or why it is exempt
    capabilities: Mapping[str, Any] = field(default_factory=dict)
    limits: Mapping[str, Any] = field(default_factory=dict)
    compared: bool = False  # with the adapter itself, which needs its account
    problems: Sequence[str] = ()

    def counts(self) -> tuple[int, int, int]:
        """Return how many rules are done, to do and exempt."""
        values = list(self.rules.values())
        done, todo = values.count("done"), values.count("todo")
        return done, todo, len(values) - done - todo

    def todo(self) -> list[str]:
        return [name for name, value in self.rules.items() if value == "todo"]


def adapters_folder() -> Path:
    return Path(next(iter(optix.adapters.market_data.__path__)))


def check_adapters(
    settings: Settings,
    *,
    folder: Path | None = None,
    builders: Mapping[str, Build] = PROVIDERS,
) -> list[AdapterReport]:
    """Return a report of every adapter that has a file or is offered, by name."""
    folder = folder or adapters_folder()
    files = {path.parent.name: path for path in folder.glob(f"*/{FILE}")}
    return list(_reports(settings, files, builders))


def _reports(
    settings: Settings, files: Mapping[str, Path], builders: Mapping[str, Build]
) -> Iterator[AdapterReport]:
    for name in sorted({*files, *builders}):
        if name not in files:
            yield AdapterReport(name=name, problems=[f"{name}: it has no {FILE}."])
            continue
        try:
            quality = load_quality(files[name])
        except BadQualityFile as error:
            yield AdapterReport(name=name, problems=error.problems)
            continue
        yield _report(name, quality, settings, builders.get(name))


def _report(
    name: str, quality: QualityFile, settings: Settings, build: Build | None
) -> AdapterReport:
    provider = None
    if build is not None and name not in _NOT_BUILT:
        provider = build(settings, SystemClock())
    wrong = [] if provider is None else disagreements(quality, provider.capabilities)
    return AdapterReport(
        name=name,
        tier=str(quality.tier),
        recorded=quality.recorded,
        rules=quality.rules,
        capabilities=quality.capabilities,
        limits=quality.limits,
        compared=provider is not None,
        problems=[f"{name}: {sentence}" for sentence in wrong],
    )
