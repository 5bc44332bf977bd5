"""Commands of upkeep: `optix audit …`, `vault …`, `keys …` and `adapters …`.

Each opens the stores, does one thing, and says what it found. Heavy modules are imported by the
command that needs them, as in `cli`.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, BinaryIO, Literal, TypeVar

import click

if TYPE_CHECKING:
    from sqlalchemy import MetaData

    from optix.platform.db import Database
    from optix.platform.key_providers import RingKeys
    from optix.platform.settings import Settings
    from optix.platform.vault import KeyProvider
    from optix.processes.adapter_tiers import AdapterReport

T = TypeVar("T")


@click.group()
def audit() -> None:
    """The trail of security events."""


@audit.command()
def verify() -> None:
    """Compute the chain of all events anew. Exit code 1 when it does not fit."""
    from optix.platform import audit as trail

    report = _with_database(_settings(), trail.verify)
    if not report.intact:
        click.secho(f"broken at event {report.broken_at}: {report.reason}", fg="red", err=True)
        sys.exit(1)
    click.echo(
        f"{report.checked} events, {report.first_seq} to {report.last_seq}, are what was "
        f"recorded. Head: {report.head_hash}"
    )


@audit.command()
def retain() -> None:
    """Take away the events that are older than OPTIX_AUDIT_RETENTION_DAYS."""
    from datetime import timedelta

    from optix.kernel.clock import SystemClock, to_datetime
    from optix.platform import audit as trail

    settings = _settings()
    now = to_datetime(SystemClock().now_ns())
    before = now - timedelta(days=settings.audit.audit_retention_days)

    async def work(database: Database) -> int:
        async with database.writing() as session:
            return await trail.retain(session, before, now)

    click.echo(f"{_with_database(settings, work)} events taken away")


@click.group()
def keys() -> None:
    """The keys that sign access tokens."""


@keys.command(name="list")
def list_signing_keys() -> None:
    """Show the ids of the keys, in their order: the first signs, all verify."""
    from optix.processes.key_rotation import list_keys

    for key in list_keys(_settings()):
        click.echo(f"{key.id}  {'signs' if key.signs else 'verifies'}")


@keys.command(name="rotate")
@click.option(
    "--step",
    type=click.Choice(["publish", "switch", "drop"]),
    required=True,
    help="publish a new key, let it sign, drop the old one; restart every process after each.",
)
def rotate_signing_keys(step: Literal["publish", "switch", "drop"]) -> None:
    """Do one step of a change of keys, without signing anybody out."""
    from optix.processes.key_rotation import rotate as rotate_keys

    click.echo(rotate_keys(_settings(), step))


@click.group()
def vault() -> None:
    """The keys of stored secrets."""


@vault.command()
def status() -> None:
    """Show which key seals now, and how many values each key has sealed."""
    from optix.platform.vault_rotation import count_by_key

    settings = _settings()

    async def work(database: Database) -> None:
        current = await _provider(settings).current_key_id()
        click.echo(f"{settings.vault_provider}: {current} seals now")
        for column, counter in (await count_by_key(database, _tables())).items():
            for key_id, count in sorted(counter.items()):
                click.echo(f"  {column}: {count} sealed by {key_id}")

    _with_database(settings, work)


@vault.command()
@click.option("--new-key", is_flag=True, help="Make a new key first (file, aws_secrets_manager).")
def rotate(new_key: bool) -> None:  # noqa: FBT001  # click passes it by name
    """Seal anew what an older key sealed. Everything keeps running meanwhile."""
    from optix.kernel.clock import SystemClock
    from optix.platform.vault import Vault
    from optix.platform.vault_rotation import Rotation
    from optix.platform.vault_rotation import rotate as renew

    settings = _settings()

    async def work(database: Database) -> Rotation:
        provider = _provider(settings)
        if new_key:
            click.echo(f"made {await _ring(provider).add_key()}")
        return await renew(database, Vault(provider, SystemClock()), _tables())

    done = _with_database(settings, work)
    click.echo(f"{done.renewed} sealed anew, {done.current} were current")
    for place in done.broken:
        click.secho(f"cannot be opened: {place}", fg="red", err=True)
    sys.exit(1 if done.broken else 0)


@vault.command()
def forget() -> None:
    """Take the old keys away, if they seal nothing any more."""
    from optix.platform.vault_rotation import count_by_key

    settings = _settings()

    async def work(database: Database) -> int:
        ring = _ring(_provider(settings))
        current = await ring.current_key_id()
        counted = await count_by_key(database, _tables())
        if any(set(counter) - {current} for counter in counted.values()):
            raise click.ClickException(
                "Older keys still seal values. Run `optix vault rotate` first."
            )
        return await ring.forget_old_keys()

    click.echo(f"{_with_database(settings, work)} old keys taken away")


def _tables() -> MetaData:
    """Return the tables of the whole product: one that is not imported would not be renewed."""
    import optix.processes.wiring  # noqa: F401  # imports every feature, and with it its tables
    from optix.platform.db import Base

    return Base.metadata


def _provider(settings: Settings) -> KeyProvider:
    from optix.kernel.clock import SystemClock
    from optix.platform.key_providers import key_provider
    from optix.platform.secrets import load_secrets

    return key_provider(settings, load_secrets(settings), SystemClock())


def _ring(provider: KeyProvider) -> RingKeys:
    from optix.platform.key_providers import RingKeys, VaultKeyNotOurs

    if not isinstance(provider, RingKeys):
        raise VaultKeyNotOurs("AWS KMS keeps the key of the vault.")
    return provider


@click.group()
def adapters() -> None:
    """The adapters of market data providers and of brokerages."""


@adapters.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check(as_json: bool) -> None:  # noqa: FBT001  # click passes it by name
    """Say how good each adapter is, by its quality.toml. Exit code 1 when a file is wrong."""
    from dataclasses import asdict

    import orjson

    from optix.processes.adapter_tiers import check_adapters

    reports = check_adapters(_settings())
    if as_json:
        rows = [asdict(report) for report in reports]
        click.echo(orjson.dumps(rows, option=orjson.OPT_INDENT_2).decode())
    else:
        for report in reports:
            _say_adapter(report)
    if any(report.problems for report in reports):
        sys.exit(1)


@adapters.command()
@click.argument("provider")
@click.argument("kind")
@click.argument("file", type=click.File("rb"))
def parse(provider: str, kind: str, file: BinaryIO) -> None:
    """Print what the adapter of a brokerage makes of one payload, as JSON.

    KIND is accounts, positions, transactions, orders or balances.
    """
    import orjson

    from optix.processes.parse_payload import parse_payload

    parsed = parse_payload(provider, kind, file.read())
    click.echo(orjson.dumps(parsed, option=orjson.OPT_INDENT_2).decode())


def _say_adapter(report: AdapterReport) -> None:
    done, todo, exempt = report.counts()
    tier = click.style(f"{report.tier or '?':<7}", fg=None if report.tier else "red")
    click.echo(f"{report.name:<11} {tier} {done} done, {todo} to do, {exempt} exempt")
    told = {**report.capabilities, **report.limits}
    for name, value in told.items():
        if name not in {"name", "label"}:
            shown = " ".join(map(str, value)) if isinstance(value, list) else value
            click.echo(f"{'':<19} {name}: {shown}")
    if report.todo():
        click.echo(f"{'':<19} to do: {' '.join(report.todo())}")
    for rule, value in report.rules.items():
        if value not in {"done", "todo"}:
            click.echo(f"{'':<19} exempt: {rule}: {value}")
    for problem in report.problems:
        click.secho(f"{'':<19} {problem}", fg="red")


def _settings() -> Settings:
    from optix.platform.settings import load_settings
    from optix.platform.telemetry import configure_logging

    settings = load_settings()
    configure_logging(settings)
    return settings


def _with_database(settings: Settings, work: Callable[[Database], Awaitable[T]]) -> T:
    """Run `work` on the database of `settings`, with every table of the product known."""
    import optix.processes.wiring  # noqa: F401  # brings the tables
    from optix.platform.db import Database
    from optix.platform.embedded.stores import open_stores

    async def run() -> T:
        async with open_stores(settings) as stores:
            database = Database.from_url(stores.database_url)
            try:
                return await work(database)
            finally:
                await database.close()

    return asyncio.run(run())
