"""What the command line expects of `wiring.py`, which knows every part of the product.

The command line loads it only when a command needs it, so that `optix --version` stays quick.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, cast

from rich.console import Console

from optix.platform.embedded.stores import StoreUrls
from optix.platform.secrets import Secrets
from optix.platform.settings import Settings
from optix.processes.supervisor import Component, Policy


class DevelopmentAccount(NamedTuple):
    email: str
    password: str


class Wiring(Protocol):
    """The functions and names of the module `optix.processes.wiring`."""

    COMPONENTS: Sequence[str]  # in the order of starting: worker, feed, stream, api
    MODULES: Sequence[str]  # features with routes, for `optix run api --modules`

    def build_components(
        self,
        settings: Settings,
        names: Sequence[str],
        stores: StoreUrls,
        secrets: Secrets,
        *,
        modules: Sequence[str] | None,
    ) -> Sequence[Component]:
        """Return the named components, ready to run, in the order of starting."""

    def policies(self) -> dict[str, Policy]:
        """Return what happens when a component ends, where it is not RESTART."""

    async def migrate(self, stores: StoreUrls) -> Sequence[str]:
        """Bring the database to this release; return the steps that were applied."""

    async def step_replay(self, stores: StoreUrls, count: int) -> int | None:
        """Move the running feed's recording on by `count` ticks; return its market clock in ns."""

    async def seed_development_accounts(
        self, settings: Settings, stores: StoreUrls
    ) -> Sequence[DevelopmentAccount]:
        """Create the two well-known accounts if they are not there, and return them."""

    def openapi_document(self) -> dict[str, Any]: ...

    async def terminal_chain(
        self, settings: Settings, symbol: str, *, expiration: str, as_json: bool, console: Console
    ) -> None:
        """Print one chain with Greeks. `expiration` is "next" or YYYY-MM-DD."""

    async def record(
        self,
        settings: Settings,
        *,
        out: Path,
        symbols: Sequence[str],
        seconds: float | None,
        say: Callable[[str], None],
    ) -> int:
        """Write what the feed delivers to a Parquet file; return the number of rows."""


def load_wiring() -> Wiring:
    return cast("Wiring", importlib.import_module("optix.processes.wiring"))
