"""Rotation on a real table: everything sealed is renewed, and nothing anybody writes is lost."""

from __future__ import annotations

import base64
import secrets
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from sqlalchemy import Column, LargeBinary, MetaData, Table, Uuid, insert, select, text

from optix.kernel.clock import ScaledClock
from optix.kernel.ids import new_uuid
from optix.platform import vault_rotation as module
from optix.platform.db import Database
from optix.platform.key_providers import GivenRing, RingKeys
from optix.platform.vault import Vault
from optix.platform.vault_rotation import SEALED, count_by_key, rotate, sealed_columns

pytestmark = pytest.mark.stores

METADATA = MetaData()
TOKEN = Table(
    "token",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("secret", LargeBinary, info=SEALED),
    Column("plain", LargeBinary),
)
OLD, NEW = (base64.b64encode(secrets.token_bytes(32)).decode() for _ in range(2))


@pytest.fixture
async def database(fresh_database: str) -> AsyncIterator[Database]:
    database = Database.from_url(fresh_database)
    async with database.writing() as session:
        await session.execute(
            text("CREATE TABLE token (id uuid PRIMARY KEY, secret bytea, plain bytea)")
        )
    yield database
    await database.close()


@pytest.fixture
def old(clock: ScaledClock) -> Vault:
    return Vault(RingKeys(GivenRing(OLD), clock), clock)


@pytest.fixture
def new(clock: ScaledClock) -> Vault:
    return Vault(RingKeys(GivenRing(f"{NEW}\n{OLD}"), clock), clock)


async def put(database: Database, vault: Vault | None, plain: bytes) -> UUID:
    row = new_uuid()
    sealed = await vault.seal(plain, table="token", row=row, column="secret") if vault else plain
    async with database.writing() as session:
        await session.execute(insert(TOKEN).values(id=row, secret=sealed, plain=plain))
    return row


async def opened(database: Database, vault: Vault) -> dict[UUID, bytes]:
    async with database.reading() as session:
        rows = (await session.execute(select(TOKEN.c.id, TOKEN.c.secret))).all()
    return {
        row: await vault.open(sealed, table="token", row=row, column="secret")
        for row, sealed in rows
        if sealed is not None
    }


def test_only_marked_columns_are_renewed() -> None:
    assert [str(place) for place in sealed_columns(METADATA)] == ["token.secret"]


async def test_all_that_an_older_key_sealed_opens_with_the_new_key_alone(
    database: Database, old: Vault, new: Vault, clock: ScaledClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ROWS_AT_ONCE", 2)
    wanted = {await put(database, old, bytes([n])): bytes([n]) for n in range(5)}
    wanted[await put(database, new, b"new")] = b"new"
    async with database.writing() as session:
        await session.execute(insert(TOKEN).values(id=new_uuid(), secret=None, plain=b""))
    done = await rotate(database, new, METADATA)
    assert (done.renewed, done.current, done.broken) == (5, 1, [])
    alone = Vault(RingKeys(GivenRing(NEW), clock), clock)
    assert await opened(database, alone) == wanted


async def test_a_reader_opens_every_value_at_every_step(
    database: Database, old: Vault, new: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No downtime: between any two writes of the rotation all values open."""
    wanted = {await put(database, old, bytes([n])): bytes([n]) for n in range(3)}
    real, steps = module._renew, 0

    async def renew_and_read(*args: object, **kwargs: object) -> None:
        nonlocal steps
        await real(*args, **kwargs)  # type: ignore[arg-type]  # passed through
        assert await opened(database, new) == wanted
        steps += 1

    monkeypatch.setattr(module, "_renew", renew_and_read)
    await rotate(database, new, METADATA)
    assert steps == 3


async def test_what_somebody_writes_meanwhile_is_not_overwritten(
    database: Database, old: Vault, new: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = await put(database, old, b"old")
    real = module._page

    async def page_then_somebody_writes(*args: object) -> object:
        page = await real(*args)  # type: ignore[arg-type]  # passed through
        if page:
            fresh = await new.seal(b"fresh", table="token", row=row, column="secret")
            async with database.writing() as session:
                await session.execute(text("UPDATE token SET secret = :s"), {"s": fresh})
        return page

    monkeypatch.setattr(module, "_page", page_then_somebody_writes)
    await rotate(database, new, METADATA)
    assert await opened(database, new) == {row: b"fresh"}


async def test_what_does_not_open_is_named_and_left(
    database: Database, old: Vault, new: Vault
) -> None:
    broken = await put(database, None, b"no envelope at all")
    await put(database, old, b"fine")
    done = await rotate(database, new, METADATA)
    assert done.broken == [f"token.secret {broken}"]
    assert done.renewed == 1


async def test_values_are_counted_by_key(database: Database, old: Vault, new: Vault) -> None:
    for vault in (old, old, new, None):
        await put(database, vault, b"x")
    (counter,) = (await count_by_key(database, METADATA)).values()
    assert sorted(counter.values()) == [1, 1, 2]
    assert counter["?"] == 1
