"""The agreement over HTTP, on the real app with a real-time feed and a delayed one beside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from tests.fakes.scripted import ScriptedProvider
from tests.fixtures.api import Caller, client_of, signed_in_user
from tests.fixtures.chains import spot_of
from tests.fixtures.market import Market
from tests.fixtures.waiting import until

from optix.features.identity.service import Identity
from optix.features.market.lanes import MarketAgreementNeeded, MarketLanes
from optix.features.market.rules import QUESTIONS, VERSION
from optix.kernel import limits
from optix.kernel.clock import ScaledClock
from optix.kernel.ids import UserId, new_uuid
from optix.kernel.quote import Quality
from optix.platform import audit
from optix.platform.db import Database
from optix.processes.api import ApiDependencies, create_app

pytestmark = pytest.mark.stores

PATH = "/api/v1/market/agreement"
PLAIN = {question.id: question.non_professional for question in QUESTIONS}
SIGNATURE = {"version": VERSION, "full_name": "Ada Lovelace", "answers": PLAIN}
PROFESSIONAL = {**SIGNATURE, "answers": {**PLAIN, "adviser": True}}


def as_quality(provider: ScriptedProvider, quality: Quality) -> None:
    provider.capabilities = replace(provider.capabilities, quality=quality)
    provider.quotes["SPY"] = replace(spot_of(), quality=quality)


@pytest.fixture
async def delayed_market(market: Market) -> AsyncIterator[Market]:
    """A second feed and book on a lane of their own."""
    other = Market(market.bus.redis, lane="delayed")
    as_quality(other.provider, Quality.DELAYED)
    yield other
    await other.close()


@pytest.fixture
def lanes(api_dependencies: ApiDependencies, market: Market, database: Database) -> MarketLanes:
    """Real time for who signed, nothing for the others."""
    as_quality(market.provider, Quality.REALTIME)
    return MarketLanes.wire(market.book, database=database, clock=market.clock, required=True)


@pytest.fixture
async def api(
    api_dependencies: ApiDependencies, lanes: MarketLanes
) -> AsyncIterator[httpx.AsyncClient]:
    await until(lambda: lanes.needed)
    async with client_of(app_with(api_dependencies, lanes)) as client:
        yield client


def app_with(dependencies: ApiDependencies, lanes: MarketLanes) -> FastAPI:
    return create_app(replace(dependencies, lanes=lanes))


async def quality_of(api: httpx.AsyncClient, caller: Caller) -> Any:
    answer = await api.get("/api/v1/quotes/SPY", headers=caller.headers)
    return answer.json().get("quality") or answer.json()["code"]


class TestWithoutADelayedFeed:
    async def test_the_agreement_stands_between_a_user_and_real_time(
        self, api: httpx.AsyncClient, caller: Caller
    ) -> None:
        refused = await api.get("/api/v1/quotes/SPY", headers=caller.headers)
        assert refused.status_code == 403
        assert refused.json()["code"] == "market_agreement_needed"
        assert PATH in refused.json()["next_step"]
        read = (await api.get(PATH, headers=caller.headers)).json()
        assert (read["standing"], read["lane"], read["needed"]) == ("undeclared", "none", True)
        signed = (await api.post(PATH, headers=caller.headers, json=SIGNATURE)).json()
        assert (signed["standing"], signed["lane"], signed["reason"]) == (
            "non_professional",
            "main",
            "",
        )
        assert await quality_of(api, caller) == "realtime"
        await api.delete(PATH, headers=caller.headers)
        assert await quality_of(api, caller) == "market_agreement_needed"

    async def test_a_professional_is_told_that_signing_again_does_not_help(
        self, api: httpx.AsyncClient, caller: Caller
    ) -> None:
        signed = (await api.post(PATH, headers=caller.headers, json=PROFESSIONAL)).json()
        assert (signed["standing"], signed["lane"]) == ("professional", "none")
        refused = await api.get("/api/v1/quotes/SPY", headers=caller.headers)
        assert "operator" in refused.json()["next_step"]

    async def test_states_names_and_days_are_everybodys(
        self, api: httpx.AsyncClient, caller: Caller
    ) -> None:
        for path in ("market/status", "market/calendar", "symbols/search?q=spy"):
            answer = await api.get(f"/api/v1/{path}", headers=caller.headers)
            assert answer.status_code == 200, path

    @pytest.mark.parametrize(
        ("path"),
        [
            "quotes?symbols=SPY",
            "options/expirations/SPY",
            "options/chain/SPY",
            "options/contracts/SPY261218C00600000",
            "historical/SPY",
        ],
    )
    async def test_no_price_comes_by_another_door(
        self, api: httpx.AsyncClient, caller: Caller, path: str
    ) -> None:
        answer = await api.get(f"/api/v1/{path}", headers=caller.headers)
        assert answer.status_code == 403
        assert answer.json()["code"] == "market_agreement_needed"

    async def test_one_users_signature_is_not_anothers(
        self, api: httpx.AsyncClient, caller: Caller, identity: Identity
    ) -> None:
        await api.post(PATH, headers=caller.headers, json=SIGNATURE)
        other = await signed_in_user(identity, "bob@example.com")
        assert (await api.get(PATH, headers=other.headers)).json()["standing"] == "undeclared"
        assert await quality_of(api, other) == "market_agreement_needed"


class TestWithADelayedFeed:
    async def test_who_did_not_sign_sees_the_delayed_feed_and_why(
        self,
        api_dependencies: ApiDependencies,
        market: Market,
        delayed_market: Market,
        database: Database,
        caller: Caller,
    ) -> None:
        as_quality(market.provider, Quality.REALTIME)
        lanes = MarketLanes.wire(
            market.book,
            delayed=await delayed_market.start(),
            database=database,
            clock=market.clock,
            required=True,
        )
        await until(lambda: lanes.needed)
        async with client_of(app_with(api_dependencies, lanes)) as api:
            assert await quality_of(api, caller) == "delayed"
            read = (await api.get(PATH, headers=caller.headers)).json()
            assert read["lane"] == "delayed"
            assert "not signed" in read["reason"]
            await api.post(PATH, headers=caller.headers, json=SIGNATURE)
            assert await quality_of(api, caller) == "realtime"
            await api.post(PATH, headers=caller.headers, json=PROFESSIONAL)
            assert await quality_of(api, caller) == "delayed"


class TestWhereNothingIsNeeded:
    async def test_a_feed_that_is_not_real_time_is_everybodys(
        self, client: httpx.AsyncClient, caller: Caller
    ) -> None:
        read = (await client.get(PATH, headers=caller.headers)).json()
        assert (read["needed"], read["lane"]) == (False, "main")
        quote = await client.get("/api/v1/quotes/SPY", headers=caller.headers)
        assert quote.status_code == 200


class TestSigning:
    @pytest.mark.parametrize(
        ("change", "status", "code"),
        [
            ({"version": "2001-01"}, 409, "market_agreement_outdated"),
            ({"answers": {}}, 422, "market_agreement_answers"),
            ({"answers": {**PLAIN, "more": True}}, 422, "market_agreement_answers"),
            ({"full_name": "  "}, 422, "invalid_input"),
            ({"full_name": "x" * (limits.AGREEMENT_NAME_LENGTH_MAX + 1)}, 422, "invalid_input"),
            (
                {"answers": {str(n): True for n in range(limits.AGREEMENT_ANSWERS_MAX + 1)}},
                422,
                "invalid_input",
            ),
        ],
        ids=["version", "none", "more", "blank", "long", "many"],
    )
    async def test_what_was_not_asked_is_not_signed(
        self,
        client: httpx.AsyncClient,
        caller: Caller,
        change: dict[str, Any],
        status: int,
        code: str,
    ) -> None:
        answer = await client.post(PATH, headers=caller.headers, json={**SIGNATURE, **change})
        assert answer.status_code == status
        assert answer.json()["code"] == code
        assert (await client.get(PATH, headers=caller.headers)).json()["signed_at"] is None

    async def test_many_signatures_at_once_leave_one_that_holds(
        self, client: httpx.AsyncClient, caller: Caller
    ) -> None:
        answers = await asyncio.gather(
            *(client.post(PATH, headers=caller.headers, json=SIGNATURE) for _ in range(8))
        )
        assert {answer.status_code for answer in answers} == {200}
        exported = await client.post("/api/v1/users/me/export", headers=caller.headers)
        rows = exported.json()["market_data_agreements"]
        assert len(rows) == 8
        assert sum(row["ended_at"] is None for row in rows) == 1

    async def test_the_trail_says_who_signed_what(
        self, client: httpx.AsyncClient, caller: Caller, database: Database
    ) -> None:
        await client.post(PATH, headers=caller.headers, json=SIGNATURE)
        await client.delete(PATH, headers=caller.headers)
        await client.delete(PATH, headers=caller.headers)  # nothing left: nothing to record
        async with database.reading() as session:
            found = await audit.list_events(session, kind_prefix="market_agreement", limit=10)
        assert [recorded.event.kind for recorded in found] == [
            "market_agreement.withdrawn",
            "market_agreement.signed",
        ]


class TestWhatIsRemembered:
    async def test_another_process_learns_of_a_withdrawal_in_half_a_minute(
        self, api: httpx.AsyncClient, caller: Caller, market: Market, database: Database
    ) -> None:
        clock = ScaledClock(market.clock, origin_ns=market.clock.now_ns(), speed=0)
        elsewhere = MarketLanes.wire(market.book, database=database, clock=clock, required=True)
        await api.post(PATH, headers=caller.headers, json=SIGNATURE)
        owner = UserId(UUID(caller.id))
        assert (await elsewhere.lane_of(owner)).name == "main"
        await api.delete(PATH, headers=caller.headers)
        assert (await elsewhere.lane_of(owner)).name == "main"
        clock.advance_to(clock.now_ns() + int((limits.AGREEMENT_KEPT_SECONDS + 1) * 1e9))
        with pytest.raises(MarketAgreementNeeded, match="not signed"):
            await elsewhere.lane_of(owner)

    async def test_no_more_users_are_remembered_than_there_is_room_for(
        self, lanes: MarketLanes, monkeypatch: pytest.MonkeyPatch, caller: Caller
    ) -> None:
        monkeypatch.setattr(limits, "AGREEMENTS_KEPT_MAX", 2)
        for _ in range(limits.AGREEMENTS_KEPT_MAX + 2):
            await lanes.agreements.standing(UserId(new_uuid()))
        assert len(lanes.agreements._kept) == limits.AGREEMENTS_KEPT_MAX
