"""A program that uses the embedded stores, for tests that end it in every way.

    python program.py DATA_DIR

It says one JSON object once the stores answer, and stays until its standard input ends.
"""

from __future__ import annotations

import asyncio
import json
import sys

from optix.platform.embedded.stores import open_stores
from optix.platform.settings import load_settings


async def main() -> None:
    async with open_stores(load_settings(data_dir=sys.argv[1])) as stores:
        said = {"database": stores.dsn, "redis": stores.redis_url, "origin": stores.origin}
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()
        await end_of_input()


async def end_of_input() -> None:
    # Not in a thread: one that reads would keep an interrupted program from ending.
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    await reader.read()


asyncio.run(main())
