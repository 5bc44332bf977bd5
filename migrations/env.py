"""How alembic runs here: on a connection that `optix.platform.migrations` gives it, or by hand on
the database of OPTIX_DATABASE_URL. Tables of other programs live in schemas of their own, so only
the default schema is compared.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import pkgutil

from alembic import context
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

import optix.features
import optix.platform.audit_models
from optix.platform.db import Base, async_url


def import_all_models() -> None:
    """Import every feature's tables, so that a comparison sees all of them."""
    for feature in pkgutil.iter_modules(optix.features.__path__):
        package = importlib.import_module(f"optix.features.{feature.name}")
        for module in pkgutil.iter_modules(package.__path__):
            if module.name.startswith("models"):
                importlib.import_module(f"{package.__name__}.{module.name}")


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        include_schemas=False,
        compare_server_default=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


async def run_by_hand() -> None:
    engine = create_async_engine(async_url(os.environ["OPTIX_DATABASE_URL"]), poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(run)
    await engine.dispose()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    import_all_models()
    asyncio.run(run_by_hand())
