"""Notices before a sign-in ends and when it has, each once, on a clock that the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest
from sqlalchemy import text, update
from tests.features.brokerage.conftest import Desk
from tests.fixtures.mail import BASE_URL, Outbox

from optix.features.brokerage import token_clock
from optix.features.brokerage.models import BrokerConnection
from optix.features.brokerage.token_clock import MAIL_SIGN_IN, TokenClock, ended, ends_soon
from optix.kernel.clock import to_datetime, to_ns
from optix.kernel.ids import UserId
from optix.platform import jobs
from optix.platform.user_events import PUBLISH
from optix.ports.broker import Grant
from optix.ports.mail import MailUnavailable

pytestmark = pytest.mark.stores

ADDRESS = "ada@example.com"
NEW_YORK = ZoneInfo("America/New_York")


class Post:
    """One worker's clock and what it sends."""

    def __init__(self, desk: Desk, address: str | None = ADDRESS) -> None:
        self.desk = desk
        self.outbox = Outbox()
        self.address = address
        self.clock = TokenClock(
            desk.database,
            mail=self.outbox,
            address_of=self.address_of,
            base_url=BASE_URL,
            clock=desk.clock,
        )

    async def address_of(self, owner: UserId) -> str | None:
        assert owner == self.desk.owner
        return self.address

    async def look(self) -> list[str]:
        """Look, do the jobs that were left, and return the subjects of the mails."""
        await self.clock.handlers[token_clock.TOKEN_CLOCK]({})
        before = len(self.outbox.sent)
        for payload in await taken(self.desk, MAIL_SIGN_IN):
            await self.clock.handlers[MAIL_SIGN_IN](payload)
        return [message.subject for message in self.outbox.sent[before:]]


async def taken(desk: Desk, name: str) -> list[dict[str, str]]:
    statement = text("DELETE FROM jobs.pgqueuer WHERE entrypoint = :name RETURNING payload")
    async with desk.database.writing() as session:
        found = (await session.execute(statement, {"name": name})).all()
    return [
        arguments
        for (payload,) in found
        if (arguments := orjson.loads(payload)).get("channel", "sync") == "sync"
    ]


async def change(desk: Desk, **values: Any) -> None:
    async with desk.database.writing() as session:
        await session.execute(update(BrokerConnection).values(**values))


def now(desk: Desk) -> datetime:
    return to_datetime(desk.clock.now_ns())


def go_to(desk: Desk, at: datetime) -> None:
    desk.clock.advance_to(to_ns(at))


async def connected_for(desk: Desk, life: timedelta) -> datetime:
    await desk.connect()
    ends = now(desk) + life
    await change(desk, login_ends=ends, next_sync_at=now(desk) + timedelta(days=9))
    return ends


def about(found: Iterable[dict[str, str]]) -> list[str]:
    return [each["kind"] for each in found]


async def test_seven_days_are_warned_of_a_day_and_two_hours_before_and_told_at_the_end(
    desk: Desk,
) -> None:
    post = Post(desk)
    ends = await connected_for(desk, timedelta(days=7))
    assert await post.look() == []
    go_to(desk, ends - timedelta(hours=24, seconds=1))
    assert await post.look() == []
    go_to(desk, ends - timedelta(hours=24))
    assert await post.look() == ["Your sign-in at Tradier ends in 24 hours"]
    assert await post.look() == []
    go_to(desk, ends - timedelta(hours=2))
    assert await post.look() == ["Your sign-in at Tradier ends in 2 hours"]
    assert await post.look() == []
    assert about(await taken(desk, PUBLISH)) == ["sign_in_ends", "sign_in_ends"]
    go_to(desk, ends)
    assert await post.look() == [], "the broker says whether it is over"
    (row,) = await desk.rows(BrokerConnection)
    assert row.next_sync_at == ends, "so it is asked at once"
    await change(desk, state="sign_in_needed")
    assert await post.look() == ["Your sign-in at Tradier has ended"]
    assert await post.look() == []
    assert about(await taken(desk, PUBLISH)) == ["sign_in_ended"]
    assert {message.to for message in post.outbox.sent} == {ADDRESS}


@pytest.mark.parametrize("life", [timedelta(seconds=86_399), timedelta(hours=9)])
async def test_a_sign_in_of_a_day_or_less_does_not_begin_with_a_warning(
    desk: Desk, life: timedelta
) -> None:
    post = Post(desk)
    ends = await connected_for(desk, life)
    assert await post.look() == []
    go_to(desk, ends - timedelta(hours=2))
    assert await post.look() == ["Your sign-in at Tradier ends in 2 hours"]


async def test_midnight_in_new_york_is_said_in_its_own_time(desk: Desk) -> None:
    post = Post(desk)
    await desk.connect()
    today = now(desk).astimezone(NEW_YORK)
    midnight = (today + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    midnight += timedelta(days=1)
    await change(desk, login_ends=midnight)
    go_to(desk, midnight - timedelta(hours=2))
    await post.look()
    assert f"{midnight:%A, %d %B}, 00:00 New York time" in post.outbox.sent[-1].text
    assert "00:00 New York time" in post.outbox.sent[-1].html
    assert f'<a href="{BASE_URL}/brokerages">' in post.outbox.sent[-1].html


async def test_a_worker_that_was_away_sends_the_latest_warning_only(desk: Desk) -> None:
    post = Post(desk)
    ends = await connected_for(desk, timedelta(days=7))
    go_to(desk, ends - timedelta(hours=1))
    assert await post.look() == ["Your sign-in at Tradier ends in an hour"]
    assert await post.look() == []


async def test_two_workers_at_once_leave_each_notice_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_clock, "NOTICES_AT_ONCE", 3)
    for number in range(10):
        await desk.connect(f"token {number}")
    ends = now(desk) + timedelta(days=7)
    await change(desk, login_ends=ends)
    go_to(desk, ends - timedelta(hours=23))
    posts = [Post(desk) for _ in range(4)]
    for _ in range(2):  # rows that another one had locked come with the next look
        await asyncio.gather(*(post.clock.look({}) for post in posts))
    found = await taken(desk, MAIL_SIGN_IN)
    assert len({each["connection_id"] for each in found}) == len(found) == 10
    assert len(await taken(desk, PUBLISH)) == 10


async def test_a_crash_before_the_commit_leaves_the_notice_owed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = Post(desk)
    ends = await connected_for(desk, timedelta(days=7))
    go_to(desk, ends - timedelta(hours=24))

    async def crash(*_: object) -> None:
        raise SystemError

    with monkeypatch.context() as patch:
        patch.setattr(jobs, "enqueue", crash)
        with pytest.raises(SystemError):
            await post.clock.look({})
    assert await post.look() == ["Your sign-in at Tradier ends in 24 hours"]
    assert len(await taken(desk, PUBLISH)) == 1


async def test_mail_that_cannot_be_sent_is_left_to_the_queue(desk: Desk) -> None:
    post = Post(desk)
    ends = await connected_for(desk, timedelta(days=7))
    go_to(desk, ends - timedelta(hours=24))
    await post.clock.look({})
    (payload,) = await taken(desk, MAIL_SIGN_IN)
    post.outbox.broken = MailUnavailable("Away.")
    with pytest.raises(MailUnavailable):
        await post.clock.mail_sign_in(payload)
    post.outbox.broken = None
    await post.clock.mail_sign_in(payload)
    assert len(post.outbox.sent) == 1


@pytest.mark.parametrize("meanwhile", ["signed in anew", "disconnected", "account gone"])
async def test_a_notice_that_is_no_longer_true_is_not_sent(desk: Desk, meanwhile: str) -> None:
    post = Post(desk)
    ends = await connected_for(desk, timedelta(days=7))
    go_to(desk, ends - timedelta(hours=24))
    await post.clock.look({})
    (payload,) = await taken(desk, MAIL_SIGN_IN)
    if meanwhile == "signed in anew":
        await change(desk, signed_in_at=now(desk), warned=0, login_ends=ends + timedelta(days=6))
    elif meanwhile == "disconnected":
        await change(desk, state="disconnected")
    else:
        post.address = None
    await post.clock.mail_sign_in(payload)
    assert post.outbox.sent == []


async def test_a_renewal_that_moves_the_end_begins_the_count_anew(desk: Desk) -> None:
    post = Post(desk)
    connection = await desk.connect()
    ends = now(desk) + timedelta(days=7)
    await change(desk, login_ends=ends, warned=0)
    connection.login_ends = ends
    go_to(desk, ends - timedelta(hours=24))
    assert len(await post.look()) == 1
    same = Grant(credentials={"access_token": "t"}, access_ends=None, login_ends=ends)
    await desk.sync.keep_grant(connection, same)
    assert await post.look() == []
    later = ends + timedelta(days=7)
    moved = Grant(credentials={"access_token": "t"}, access_ends=None, login_ends=later)
    await desk.sync.keep_grant(connection, moved)
    assert await post.look() == []
    go_to(desk, later - timedelta(hours=24))
    assert len(await post.look()) == 1


async def test_a_label_cannot_write_headers_or_html(desk: Desk) -> None:
    at = now(desk)
    label = "Mine\r\nBcc: x@example.com <b>"
    for message in (
        ends_soon(ADDRESS, label, at + timedelta(hours=2), at, BASE_URL),
        ended(ADDRESS, label, BASE_URL),
    ):
        assert "\n" not in message.subject
        assert "\r" not in message.subject
        assert "<b>" not in message.html
