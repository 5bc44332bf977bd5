"""The database tests on Debian's PostgreSQL 15 and Redis 7: `python -m tools.debian_stores`.

The programs come from apt where they are missing and may be installed; the system's own cluster
and services are neither made nor started. The servers run in a folder of their own, started by the
same launchers as the embedded ones, and the suite reaches them by OPTIX_DATABASE_URL and
OPTIX_REDIS_URL, like servers somebody gave it.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path

from optix.platform.embedded.stores import open_stores
from optix.platform.settings import load_settings
from tools import debian

ROOT = Path(__file__).resolve().parents[1]
POSTGRESQL = Path("/usr/lib/postgresql/15/bin")
REDIS = Path("/usr/bin/redis-server")
PACKAGES = {"postgresql-15": POSTGRESQL / "postgres", "redis-server": REDIS}


def main(arguments: list[str]) -> int:
    if not debian.ensure(PACKAGES):
        return debian.CANNOT
    with tempfile.TemporaryDirectory(prefix="optix-debian-") as folder:
        return asyncio.run(_run(Path(folder), arguments))


async def _run(folder: Path, arguments: list[str]) -> int:
    for name in [name for name in os.environ if name.startswith("OPTIX_")]:
        if name != "OPTIX_SHARED_DATA":
            del os.environ[name]
    settings = load_settings(data_dir=folder, pg_bin=POSTGRESQL, valkey_bin=REDIS)
    async with open_stores(settings, say=print) as stores:
        environment = os.environ | {
            "OPTIX_DATABASE_URL": stores.dsn,
            "OPTIX_REDIS_URL": stores.redis_url,
            "OPTIX_PG_BIN": str(POSTGRESQL),
            "OPTIX_VALKEY_BIN": str(REDIS),
        }
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "pytest", "-q", "-n", "2", "-m", "stores", *arguments),
            cwd=ROOT,
            env=environment,
        )
        return await process.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
