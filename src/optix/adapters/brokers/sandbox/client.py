"""The sandbox brokerage's API, as `docs/features/sandbox.md` tells it."""

from __future__ import annotations

import re
from typing import Any, Final

from optix.adapters.web.rest import Params, RestClient

LABEL: Final = "OPTIX Sandbox"
REQUESTS_PER_MINUTE: Final = 600
_ACCOUNT = re.compile(r"(?<=/accounts/)[^/]+")


class SandboxClient:
    """Asks for one signed-in holder."""

    def __init__(self, rest: RestClient) -> None:
        self.rest = rest

    async def fetch_accounts(self) -> Any:
        return await self.rest.get_json("/sandbox/api/accounts")

    async def fetch(self, account: str, part: str, params: Params | None = None) -> Any:
        path = f"/sandbox/api/accounts/{account}/{part}"
        return await self.rest.get_json(path, params or {}, absent=frozenset())

    async def close(self) -> None:
        await self.rest.close()


def path_note(path: str) -> str:
    """Return a path without the account's key."""
    return _ACCOUNT.sub("…", path)
