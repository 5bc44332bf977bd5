"""The cards that every brokerage passes, on a server that speaks its protocol over real HTTP.

A test class of an adapter inherits `BrokerCards` and gives it a `world`. Faults are scripted at the
server; sleeps between attempts are skipped, and time-outs are short.
"""

from __future__ import annotations

import base64
import hashlib
import inspect
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Self

import httpx
import pytest
from tests.fakes.provider_server import ProviderServer, Reply

from optix.adapters.brokers.asking import Wiring
from optix.kernel.activity import Activity
from optix.kernel.clock import Clock
from optix.ports.broker import (
    Broker,
    BrokerAccount,
    BrokerBusy,
    BrokerSession,
    BrokerUnavailable,
    Grant,
    SignInAnswer,
    SignInKind,
    SignInNeeded,
    SignInRefused,
    SignInRequest,
)

CALLBACK = "https://optix.example/api/v1/brokerages/it/callback"
STATE = "a-state"
VERIFIER = "a-verifier-that-must-not-show"
CHALLENGE = (
    base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
)


async def settled(result: Any) -> Any:
    """Return what a world's hook returned, once it is there: real servers take a while."""
    return await result if inspect.isawaitable(result) else result


def quick_wiring(clock: Clock) -> Wiring:
    """Return what adapters stand on in tests: real HTTP, no pauses, short time-outs."""

    async def no_pause(seconds: float) -> None:
        del seconds

    return Wiring(clock=clock, timeout=httpx.Timeout(2.0), sleep=no_pause, jitter=lambda: 0.0)


@dataclass
class Notes:
    """An exchange log in memory."""

    lines: list[dict[str, Any]] = field(default_factory=list)

    def add(self, **exchange: Any) -> None:
        self.lines.append(exchange)


@dataclass
class BrokerWorld:
    """One brokerage with one user who holds something and has done something.

    `agree` is the user in the browser: it takes the address and returns what comes back. `typed` is
    what a user types where there is no browser. `secrets` must show
    nowhere. Hooks may be coroutines.
    """

    broker: Broker
    server: ProviderServer
    days: tuple[date, date]
    activities: int
    secrets: Sequence[str]
    agree: Callable[[str], object] | None = None
    typed: dict[str, str] = field(default_factory=dict)
    answer: str = "code"  # what comes back from the browser and decides
    end_access: Callable[[], object] = lambda: None
    hold_nothing: Callable[[], object] = lambda: None
    grants: list[Grant] = field(default_factory=list)
    notes: Notes = field(default_factory=Notes)
    sessions: list[BrokerSession] = field(default_factory=list)

    @property
    def kind(self) -> SignInKind:
        return self.broker.capabilities.sign_in[0]

    async def sign_in(self, **changed: str) -> Grant:
        request = SignInRequest(
            kind=self.kind, callback_url=CALLBACK, state=STATE, code_challenge=CHALLENGE
        )
        start = await self.broker.begin(request)
        values = dict(self.typed)
        if self.agree is not None:
            values = await settled(self.agree(start.url))
        return await self.broker.complete(
            SignInAnswer(
                kind=self.kind,
                callback_url=CALLBACK,
                values={**values, **changed},
                secrets=start.secrets,
                verifier=VERIFIER,
            )
        )

    async def open(self) -> BrokerSession:
        async def keep(grant: Grant) -> None:
            self.grants.append(grant)

        grant = await self.sign_in()
        session = self.broker.open(grant.credentials, renew=keep, log=self.notes)
        self.sessions.append(session)
        return session

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for session in self.sessions:
            await session.close()


Reading = Callable[[BrokerSession, BrokerAccount, BrokerWorld], Awaitable[object]]


async def read_accounts(session: BrokerSession, _: BrokerAccount, __: BrokerWorld) -> object:
    return await session.list_accounts()


async def read_snapshot(session: BrokerSession, account: BrokerAccount, _: BrokerWorld) -> object:
    return await session.fetch_snapshot(account)


async def read_orders(session: BrokerSession, account: BrokerAccount, _: BrokerWorld) -> object:
    return await session.fetch_orders(account)


async def read_activities(
    session: BrokerSession, account: BrokerAccount, world: BrokerWorld
) -> list[Activity]:
    pages = [page async for page in session.iter_activities(account, *world.days)]
    assert pages[-1].last, "the end is told"
    assert not any(page.last for page in pages[:-1])
    return [row for page in pages for row in page.rows]


READINGS = [
    pytest.param(reading, id=reading.__name__)
    for reading in (read_accounts, read_snapshot, read_orders, read_activities)
]
FAULTS = [
    pytest.param(reply, id=name)
    for name, reply in {
        "server_error": Reply(b"upstream failed", status=500),
        "bad_gateway": Reply(b"<html>Bad Gateway</html>", status=502),
        "gone": Reply({"message": "gone"}, status=410),
        "page_instead_of_json": Reply(b"<html><title>Access Denied</title></html>"),
        "truncated": Reply({"some": "answer that is longer than what comes"}, cut=12),
        "empty": Reply(b""),
        "nonsense": Reply({"unexpected": [1, 2, 3]}),
        "reset": Reply(drop=True),
        "a_word": Reply(b'"ok"'),
    }.items()
]


class BrokerCards:
    """TC-B01 to TC-B14."""

    async def test_b01_says_what_it_is(self, world: BrokerWorld) -> None:
        capabilities = world.broker.capabilities
        assert capabilities.name.isidentifier()
        assert capabilities.label
        assert capabilities.sign_in
        assert capabilities.reads
        assert capabilities.sync_seconds_min > 0

    async def test_b02_a_sign_in_gives_leave_to_read_and_shows_no_secret(
        self, world: BrokerWorld
    ) -> None:
        grant = await world.sign_in()
        assert grant.credentials
        assert grant.login_key, "two logins of one user can be told apart"
        self._shows_no_secret(world, repr(grant))

    async def test_b03_a_login_is_the_same_one_next_time(self, world: BrokerWorld) -> None:
        assert (await world.sign_in()).login_key == (await world.sign_in()).login_key

    async def test_b04_what_does_not_fit_is_refused(self, world: BrokerWorld) -> None:
        name = world.answer if world.agree is not None else next(iter(world.typed))
        for wrong in ("", "something-else"):
            with pytest.raises(SignInRefused) as refusal:
                await world.sign_in(**{name: wrong})
            self._shows_no_secret(world, str(refusal.value))

    async def test_b05_accounts_have_names_and_masked_numbers(self, world: BrokerWorld) -> None:
        session = await world.open()
        accounts = await session.list_accounts()
        assert accounts
        for account in accounts:
            assert account.key
            assert account.stable_key
            assert len(account.number.strip("…*x")) <= 4

    async def test_b06_a_snapshot_is_whole_exact_and_signed(self, world: BrokerWorld) -> None:
        session, account = await self._first(world)
        snapshot = await session.fetch_snapshot(account)
        assert snapshot.complete
        assert snapshot.positions
        assert snapshot.balances
        for position in snapshot.positions:
            assert position.quantity is None or isinstance(position.quantity, Decimal)
            assert position.quantity is None or abs(position.quantity) == position.size > 0
            for amount in (position.value, position.cost):
                if amount and position.quantity:
                    assert (amount.amount > 0) == (position.quantity > 0)

    async def test_b07_nothing_held_is_a_whole_snapshot_of_nothing(
        self, world: BrokerWorld
    ) -> None:
        await settled(world.hold_nothing())
        session, account = await self._first(world)
        snapshot = await session.fetch_snapshot(account)
        assert snapshot.complete
        assert snapshot.positions == ()
        assert await session.fetch_orders(account) == []
        assert await read_activities(session, account, world) == []

    async def test_b08_history_is_of_the_days_asked_for_and_the_same_again(
        self, world: BrokerWorld
    ) -> None:
        session, account = await self._first(world)
        rows = await read_activities(session, account, world)
        assert len(rows) == world.activities
        first, last = world.days
        assert all(first <= row.day <= last for row in rows)
        assert rows == await read_activities(session, account, world)
        if world.broker.capabilities.activity_ids:
            assert len({row.id for row in rows} - {""}) == len(rows)

    @pytest.mark.parametrize("reading", READINGS)
    @pytest.mark.parametrize("fault", FAULTS)
    async def test_b09_what_cannot_be_read_is_an_error_and_never_nothing(
        self, world: BrokerWorld, reading: Reading, fault: Reply
    ) -> None:
        session, account = await self._first(world)
        world.server.scripted.extend([fault] * 12)
        with pytest.raises(BrokerUnavailable) as error:
            await reading(session, account, world)
        assert error.value.detail.endswith(".")
        self._shows_no_secret(world, str(error.value))
        world.server.scripted.clear()
        await reading(session, account, world)  # and afterwards all is well

    @pytest.mark.parametrize("reading", READINGS)
    async def test_b10_slowing_down_says_until_when(
        self, world: BrokerWorld, reading: Reading
    ) -> None:
        session, account = await self._first(world)
        for headers in ({"Retry-After": "7"}, {}):
            world.server.scripted.append(Reply({"message": "slow"}, status=429, headers=headers))
            with pytest.raises(BrokerBusy) as error:
                await reading(session, account, world)
            assert error.value.retry_after_seconds
            if headers:
                assert error.value.retry_after_seconds >= 7
            session, account = await self._first(world)

    @pytest.mark.parametrize("reading", READINGS)
    async def test_b11_an_access_that_has_ended_asks_the_user_back(
        self, world: BrokerWorld, reading: Reading
    ) -> None:
        session, account = await self._first(world)
        await settled(world.end_access())
        with pytest.raises(SignInNeeded) as error:
            await reading(session, account, world)
        assert error.value.next_step

    async def test_b12_a_page_that_fails_yields_no_history(self, world: BrokerWorld) -> None:
        session, account = await self._first(world)
        before = len(world.server.asked)
        await read_activities(session, account, world)
        for place in range(len(world.server.asked) - before):
            world.server.scripted.clear()
            asked = 0
            real = world.server._answer

            def answer(request: Any, place: int = place, real: Any = real) -> Reply:
                nonlocal asked
                asked += 1
                return Reply(b"", status=410) if asked == place + 1 else real(request)

            world.server._answer = answer  # type: ignore[method-assign]  # a fault in the middle
            with pytest.raises(BrokerUnavailable):
                await read_activities(session, account, world)
            world.server._answer = real  # type: ignore[method-assign]  # and it is over

    async def test_b13_the_owners_log_tells_each_exchange_without_secrets(
        self, world: BrokerWorld, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        session, account = await self._first(world)
        await session.fetch_snapshot(account)
        world.server.scripted.append(Reply(b"no", status=410))
        with pytest.raises(BrokerUnavailable):
            await session.list_accounts()
        statuses = [line["status"] for line in world.notes.lines]
        assert {200, 410} <= set(statuses)
        said = " ".join(f"{line['method']} {line['path']}" for line in world.notes.lines)
        assert account.key not in said
        self._shows_no_secret(world, said + caplog.text + repr(session) + repr(world.broker))

    async def test_b14_nothing_is_asked_before_it_is_needed(self, world: BrokerWorld) -> None:
        grant = await world.sign_in()
        asked = len(world.server.asked)

        async def keep(grant: Grant) -> None:
            raise AssertionError(grant)

        session = world.broker.open(grant.credentials, renew=keep, log=world.notes)
        await session.close()
        assert len(world.server.asked) == asked

    @staticmethod
    async def _first(world: BrokerWorld) -> tuple[BrokerSession, BrokerAccount]:
        session = await world.open()
        return session, (await session.list_accounts())[0]

    @staticmethod
    def _shows_no_secret(world: BrokerWorld, text: str) -> None:
        for secret in (*world.secrets, VERIFIER):
            assert secret not in text
