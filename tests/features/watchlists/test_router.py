"""watchlists over HTTP on a real database: what one user keeps, another never sees."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from tests.fixtures.api import Caller, client_of, signed_in_user

from optix.features.identity.service import Identity
from optix.features.watchlists.router import PATH
from optix.kernel import limits
from optix.kernel.clock import ScaledClock, to_datetime
from optix.platform.db import Database

pytestmark = pytest.mark.stores


@pytest.fixture
async def client(api_app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(api_app) as client:
        yield client


async def create(
    client: httpx.AsyncClient, caller: Caller, name: str = "Core", *symbols: str
) -> httpx.Response:
    body = {"name": name, "symbols": list(symbols)}
    return await client.post(PATH, json=body, headers=caller.headers)


async def items(client: httpx.AsyncClient, caller: Caller) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await client.get(PATH, headers=caller.headers)).json()["items"]
    return found


def keys(watchlist: dict[str, Any]) -> list[str]:
    return [entry["key"] for entry in watchlist["entries"]]


def edit(list_id: str, at: datetime, entry: str | None = None, **changes: Any) -> dict[str, Any]:
    return {
        "id": str(uuid4()),
        "made_at": at.isoformat(),
        "list_id": list_id,
        "entry": entry,
        "changes": changes,
    }


class TestLists:
    async def test_what_was_created_can_be_read_back(
        self, client: httpx.AsyncClient, caller: Caller
    ) -> None:
        created = await create(client, caller, "  Growth ", "nvda", "AMD", "NVDA")
        assert (created.status_code, created.json()["name"]) == (201, "Growth")
        assert keys(created.json()) == ["NVDA", "AMD"]
        read = await client.get(created.headers["location"], headers=caller.headers)
        assert read.json() == created.json()
        assert await items(client, caller) == [created.json()]

    async def test_lists_stand_in_the_order_of_their_owner(
        self, client: httpx.AsyncClient, caller: Caller
    ) -> None:
        a, b, c = [(await create(client, caller, name)).json()["id"] for name in "ABC"]
        for moved, after, expected in ((a, c, "BCA"), (a, a, "ABC"), (c, a, "ACB")):
            answer = await client.patch(
                f"{PATH}/{moved}", json={"after": after}, headers=caller.headers
            )
            assert answer.status_code == 200
            assert "".join(each["name"] for each in await items(client, caller)) == expected
        strange = await client.patch(
            f"{PATH}/{b}", json={"after": str(uuid4())}, headers=caller.headers
        )
        assert strange.status_code == 404

    async def test_name_and_columns_change_and_what_is_left_out_stays(
        self, client: httpx.AsyncClient, caller: Caller
    ) -> None:
        path = (await create(client, caller)).headers["location"]
        for body in ({"name": "Income"}, {"columns": ["last", "iv_rank"]}, {}):
            answer = await client.patch(path, json=body, headers=caller.headers)
        assert (answer.json()["name"], answer.json()["columns"]) == ("Income", ["last", "iv_rank"])
        wrong = await client.patch(path, json={"columns": ["last", "last"]}, headers=caller.headers)
        assert (wrong.status_code, wrong.json()["code"]) == (422, "watchlist_edit_invalid")

    async def test_what_was_deleted_is_gone(
        self, client: httpx.AsyncClient, caller: Caller
    ) -> None:
        path = (await create(client, caller)).headers["location"]
        assert (await client.delete(path, headers=caller.headers)).status_code == 204
        assert (await client.get(path, headers=caller.headers)).status_code == 404
        assert (await client.delete(path, headers=caller.headers)).status_code == 404
        assert await items(client, caller) == []

    async def test_an_unchanged_answer_is_not_sent_again(
        self, client: httpx.AsyncClient, caller: Caller
    ) -> None:
        await create(client, caller)
        tag = (await client.get(PATH, headers=caller.headers)).headers["etag"]
        known = {**caller.headers, "If-None-Match": tag}
        assert (await client.get(PATH, headers=known)).status_code == 304
        await create(client, caller, "Income")
        assert (await client.get(PATH, headers=known)).status_code == 200

    async def test_there_are_at_most_so_many(
        self, client: httpx.AsyncClient, caller: Caller, clock: ScaledClock
    ) -> None:
        now = to_datetime(clock.now_ns())
        made = [
            edit(str(uuid4()), now, alive=True, name="Core")
            for _ in range(limits.WATCHLISTS_PER_USER_MAX)
        ]
        assert len(made) <= limits.WATCHLIST_EDITS_MAX
        await client.post(f"{PATH}/edits", json={"edits": made}, headers=caller.headers)
        refused = await create(client, caller)
        assert (refused.status_code, refused.json()["code"]) == (409, "too_many_watchlists")

    @pytest.mark.parametrize("name", ["", "   ", "\x00", "a" * 200])
    async def test_an_absurd_name_is_refused(
        self, client: httpx.AsyncClient, caller: Caller, name: str
    ) -> None:
        assert (await create(client, caller, name)).status_code == 422

    async def test_nobody_reads_without_a_login(self, client: httpx.AsyncClient) -> None:
        assert (await client.get(PATH)).status_code == 401


class TestEntries:
    async def test_symbols_are_added_once_and_removed(
        self, client: httpx.AsyncClient, caller: Caller
    ) -> None:
        path = (await create(client, caller, "Core", "SPY")).headers["location"]
        body = {"symbols": ["qqq", "SPY", "QQQ"]}
        added = await client.post(f"{path}/symbols", json=body, headers=caller.headers)
        assert keys(added.json()) == ["SPY", "QQQ"]
        again = await client.post(f"{path}/symbols", json=body, headers=caller.headers)
        assert again.json() == added.json()
        removed = await client.delete(f"{path}/symbols/spy", headers=caller.headers)
        assert removed.status_code == 204
        assert keys((await client.get(path, headers=caller.headers)).json()) == ["QQQ"]
        gone = await client.delete(f"{path}/symbols/SPY", headers=caller.headers)
        assert (gone.status_code, gone.json()["code"]) == (404, "unknown_watchlist_entry")

    async def test_a_list_takes_as_many_symbols_as_its_answer_says(
        self, client: httpx.AsyncClient, caller: Caller
    ) -> None:
        most = (await client.get(PATH, headers=caller.headers)).json()["symbols_max"]
        names = [f"A{chr(65 + at // 26)}{chr(65 + at % 26)}" for at in range(most + 1)]
        path = (await create(client, caller, "Core", *names[:most])).headers["location"]
        body = {"symbols": names[most:]}
        full = await client.post(f"{path}/symbols", json=body, headers=caller.headers)
        assert (full.status_code, full.json()["code"]) == (409, "watchlist_full")
        assert len(keys((await client.get(path, headers=caller.headers)).json())) == most

    async def test_notes_order_and_sections(
        self, client: httpx.AsyncClient, caller: Caller, clock: ScaledClock
    ) -> None:
        created = (await create(client, caller, "Core", "SPY", "QQQ", "IWM")).json()
        path, section = f"{PATH}/{created['id']}", f"section:{uuid4()}"
        head = edit(
            created["id"], to_datetime(clock.now_ns()), section, alive=True, rank="zz", note="Semis"
        )
        await client.post(f"{PATH}/edits", json={"edits": [head]}, headers=caller.headers)
        order = {"entries": ["IWM", section, "SPY"]}
        ordered = await client.put(f"{path}/order", json=order, headers=caller.headers)
        assert keys(ordered.json()) == ["IWM", section, "SPY", "QQQ"]
        under = {"symbols": ["NVDA", "AMD"], "section": section}
        added = await client.post(f"{path}/symbols", json=under, headers=caller.headers)
        assert keys(added.json()) == ["IWM", section, "SPY", "QQQ", "NVDA", "AMD"]
        noted = await client.patch(
            f"{path}/symbols/SPY", json={"note": " buy  dips "}, headers=caller.headers
        )
        notes = {entry["key"]: entry["note"] for entry in noted.json()["entries"]}
        assert (notes["SPY"], notes[section]) == ("buy dips", "Semis")
        strange = {"entries": ["TSLA"]}
        answer = await client.put(f"{path}/order", json=strange, headers=caller.headers)
        assert answer.status_code == 404

    async def test_export_and_preview(self, client: httpx.AsyncClient, caller: Caller) -> None:
        path = (await create(client, caller, "Core", "SPY", "BRK.B")).headers["location"]
        text = await client.get(f"{path}/export?form=text", headers=caller.headers)
        assert text.text == "SPY, BRK.B"
        table = await client.get(f"{path}/export", headers=caller.headers)
        assert table.headers["content-disposition"] == 'attachment; filename="Core.csv"'
        seen = await client.post(
            f"{PATH}/preview", json={"text": table.text + "??\n"}, headers=caller.headers
        )
        assert seen.json()["symbols"] == ["SPY", "BRK.B"]
        assert [row["verdict"] for row in seen.json()["rows"]] == ["ok", "ok", "unreadable"]
        long = {"text": "A" * (limits.WATCHLIST_TEXT_LENGTH_MAX + 1)}
        refused = await client.post(f"{PATH}/preview", json=long, headers=caller.headers)
        assert refused.status_code == 422


class TestEdits:
    async def test_edits_of_two_devices_that_were_offline_merge(
        self, client: httpx.AsyncClient, caller: Caller, clock: ScaledClock
    ) -> None:
        """Both change the same list unseen of each other; what arrives last is not what wins."""
        created = (await create(client, caller, "Core", "SPY", "QQQ")).json()
        now = to_datetime(clock.now_ns()) + timedelta(seconds=1)
        clock.advance_to(clock.now_ns() + 5_000_000_000)
        phone = [
            edit(created["id"], now, "NVDA", alive=True, rank="m"),
            edit(created["id"], now + timedelta(milliseconds=20), name="Phone"),
        ]
        laptop = [
            edit(created["id"], now, "SPY", alive=False),
            edit(created["id"], now + timedelta(milliseconds=10), name="Laptop"),
            edit(created["id"], now, "QQQ", note="from the laptop"),
        ]
        for batch in (phone, laptop, phone):
            answer = await client.post(
                f"{PATH}/edits", json={"edits": batch}, headers=caller.headers
            )
            assert answer.status_code == 200
        verdicts = [each["verdict"] for each in answer.json()["outcomes"]]
        assert verdicts == ["superseded", "superseded"]
        [found] = await items(client, caller)
        assert found["name"] == "Phone"
        assert keys(found) == ["QQQ", "NVDA"]
        assert found["entries"][0]["note"] == "from the laptop"

    async def test_a_batch_with_nonsense_changes_nothing(
        self, client: httpx.AsyncClient, caller: Caller, clock: ScaledClock
    ) -> None:
        created = (await create(client, caller)).json()
        now = to_datetime(clock.now_ns())
        batch = [edit(created["id"], now, "SPY", alive=True), edit(created["id"], now, price=1)]
        answer = await client.post(f"{PATH}/edits", json={"edits": batch}, headers=caller.headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "watchlist_edit_invalid")
        assert (await items(client, caller))[0]["entries"] == []

    async def test_an_edit_of_somebody_elses_list_finds_none(
        self, client: httpx.AsyncClient, caller: Caller, clock: ScaledClock, identity: Identity
    ) -> None:
        created = (await create(client, caller)).json()
        other = await signed_in_user(identity, "grace@example.com", display_name="Grace")
        batch = [edit(created["id"], to_datetime(clock.now_ns()), name="Mine")]
        answer = await client.post(f"{PATH}/edits", json={"edits": batch}, headers=other.headers)
        assert answer.json()["outcomes"][0]["refusal"] == "unknown_list"
        assert (await items(client, caller))[0]["name"] == "Core"
        assert await items(client, other) == []

    async def test_devices_are_told_once_for_each_change(
        self, client: httpx.AsyncClient, caller: Caller, clock: ScaledClock, database: Database
    ) -> None:
        created = (await create(client, caller)).json()
        batch = [edit(created["id"], to_datetime(clock.now_ns()), "SPY", alive=True)]
        for _ in range(2):
            await client.post(f"{PATH}/edits", json={"edits": batch}, headers=caller.headers)
        async with database.reading() as session:
            left = await session.scalars(
                sa.text("SELECT convert_from(payload, 'utf8') FROM jobs.pgqueuer")
            )
            told = [each for each in left if '"watchlists"' in each]
        assert len(told) == 2  # the creation and the first edit; the same again changed nothing
