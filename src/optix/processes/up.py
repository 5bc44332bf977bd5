"""Starting the program: what `optix up` and `optix run` do, step by step, and what they say."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import uvloop
from rich.console import Console

from optix import __version__
from optix.platform.embedded.stores import StoreUrls, open_stores
from optix.platform.secrets import Secrets, load_secrets
from optix.platform.settings import Settings, misspelled
from optix.processes.composition import DevelopmentAccount, Wiring, load_wiring
from optix.processes.ports import choose_port
from optix.processes.supervisor import (
    STOP_SECONDS_MAX,
    Component,
    run_components,
    stop_on_signals,
)
from optix.quant import kernels

PING_PAUSE_SECONDS = 0.05
PING_SECONDS_MAX = 5.0


def with_free_port(settings: Settings, *, any_port: bool) -> Settings:
    """Return the settings with a port that is free now. Errors: PortBusy."""
    port = choose_port(settings.http.host, settings.http.port, any_port=any_port)
    http = settings.http.model_copy(update={"port": port})
    return settings.model_copy(update={"http": http})


class Screen:
    """What is told to the person who started the program."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def title(self, settings: Settings) -> None:
        mode = "production" if settings.production else "development"
        self._console.print(f"[bold]OPTIX[/] {__version__}, {mode}, feed {settings.market.feed}")

    def step(self, name: str, said: str) -> None:
        self._console.print(f"  [green]✓[/] {name:<11} ", end="")
        self.say(said)

    def warn(self, said: str) -> None:
        self._console.print("  [yellow]![/] ", end="")
        self.say(said)

    def say(self, said: str) -> None:
        # As it is: a folder may have brackets in its name.
        self._console.print(said, markup=False, highlight=False)

    def ready(self, settings: Settings, accounts: Sequence[DevelopmentAccount]) -> None:
        self._console.print(f"\n  Open [bold cyan]{settings.base_url}[/]")
        self.say(f"  API documentation: {settings.base_url}/docs")
        for account in accounts:
            self.say(f"  Development account: {account.email} / {account.password}")
        self.say("  Press Ctrl-C to stop.\n")


class Start:
    """One start of the program, whole or in part, until it is stopped."""

    def __init__(self, settings: Settings, console: Console) -> None:
        self._settings = settings
        self._screen = Screen(console)
        self._stop: asyncio.Event
        self._running = False  # the components have been started: they listen to `_stop`

    def everything(self) -> None:
        """Start stores, migrations, accounts and all components. Blocks until stopped."""
        uvloop.run(self._until_stopped(self._everything))

    def some(self, names: Sequence[str], *, modules: Sequence[str] | None = None) -> None:
        """Start the named components on given (or embedded) stores. Blocks until stopped."""
        uvloop.run(self._until_stopped(lambda: self._some(names, modules)))

    async def _until_stopped(self, work: Callable[[], Awaitable[None]]) -> None:
        """Run `work` so that the first signal also stops what is still starting."""
        self._stop = asyncio.Event()
        for sentence in misspelled():
            self._screen.warn(sentence)
        async with stop_on_signals(self._stop, say=self._screen.say):
            task = asyncio.ensure_future(work())
            stopped = asyncio.create_task(self._stop.wait())
            await asyncio.wait([task, stopped], return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            if not task.done() and not self._running:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            else:
                await task
        self._screen.say("Stopped.")

    async def _everything(self) -> None:
        settings, screen = self._settings, self._screen
        secrets = self._begin()
        async with open_stores(settings, say=lambda said: screen.step("stores", said)) as stores:
            wiring = load_wiring()
            applied = await wiring.migrate(stores)
            screen.step("migrations", f"{len(applied)} applied" if applied else "nothing to do")
            accounts = await self._accounts(wiring, stores)
            await self._components(
                wiring,
                wiring.COMPONENTS,
                stores,
                secrets,
                then=lambda: screen.ready(settings, accounts),
            )

    async def _some(self, names: Sequence[str], modules: Sequence[str] | None) -> None:
        screen = self._screen
        secrets = self._begin()
        async with open_stores(
            self._settings, say=lambda said: screen.step("stores", said)
        ) as stores:
            await self._components(load_wiring(), names, stores, secrets, modules=modules)

    def _begin(self) -> Secrets:
        self._screen.title(self._settings)
        secrets = load_secrets(self._settings)
        self._screen.step("secrets", secrets.report())
        self._screen.step("arithmetic", kernels.describe())
        return secrets

    async def _accounts(self, wiring: Wiring, stores: StoreUrls) -> Sequence[DevelopmentAccount]:
        if not self._settings.development_accounts:
            return ()
        accounts = await wiring.seed_development_accounts(self._settings, stores)
        self._screen.step("accounts", f"{len(accounts)} for development")
        host = self._settings.http.host
        if accounts and host not in ("127.0.0.1", "::1", "localhost"):
            self._screen.warn(
                "Everybody knows the passwords of the development accounts, and OPTIX listens on "
                f"{host}: set OPTIX_DEVELOPMENT_ACCOUNTS=false outside your own network."
            )
        return accounts

    async def _components(
        self,
        wiring: Wiring,
        names: Sequence[str],
        stores: StoreUrls,
        secrets: Secrets,
        *,
        modules: Sequence[str] | None = None,
        then: Callable[[], None] = lambda: None,
    ) -> None:
        """Run the components until stopped; call `then` once all of them can do their work."""
        components = wiring.build_components(
            self._settings, names, stores, secrets, modules=modules
        )

        async def announce() -> None:
            for component in components:
                await _until_it_answers(component)
                self._screen.step("component", f"{component.name} is ready")
            then()

        announcement = asyncio.create_task(announce(), name="announcement")
        self._running = True
        try:
            await run_components(
                components,
                stop=self._stop,
                policies=wiring.policies(),
                stop_seconds_max=STOP_SECONDS_MAX + self._settings.drain_seconds,
            )
        finally:
            announcement.cancel()
            with suppress(asyncio.CancelledError):
                await announcement


async def _until_it_answers(component: Component) -> None:
    while True:
        try:
            async with asyncio.timeout(PING_SECONDS_MAX):
                await component.ping()
        except Exception:  # noqa: BLE001  # not yet, for whatever reason: the supervisor logs it
            await asyncio.sleep(PING_PAUSE_SECONDS)
        else:
            return
