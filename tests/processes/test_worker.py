"""The worker as it is built from settings: how mail travels, and what production insists on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from redis.asyncio import Redis
from sqlalchemy import text
from tests.fixtures.api import ORIGIN, PASSWORD
from tests.fixtures.waiting import until

from optix.adapters.mail.folder import FolderMail
from optix.adapters.mail.smtp import SMTPMail
from optix.features.identity.service import Identity
from optix.kernel.clock import SystemClock
from optix.platform import audit, jobs
from optix.platform.embedded.stores import StoreUrls
from optix.platform.settings import Settings, SettingsError, load_settings
from optix.platform.user_events import UserEvents
from optix.processes.worker import TRIM_AUDIT, build_worker, mail_sender

STORES = {
    # house: allow(secret) because production takes no weak one, and this guards nothing
    "database_url": "postgresql://optix:k3bV9wqLx27TfRzd@db.example:5432/optix",
    "redis_url": "redis://:k3bV9wqLx27TfRzd@redis.example:6379/0",
}
SERVER = {"smtp_host": "smtp.example.org", "mail_from": "OPTIX <optix@example.org>"}


def production(tmp_path: Path, **given: object) -> Settings:
    return load_settings(env="production", data_dir=tmp_path, **STORES, **given)


def test_a_development_machine_writes_mails_into_its_folder(tmp_path: Path) -> None:
    assert isinstance(mail_sender(load_settings(data_dir=tmp_path), SystemClock()), FolderMail)


def test_a_server_that_is_named_carries_them(tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path, **SERVER, smtp_security="none")
    assert isinstance(mail_sender(settings, SystemClock()), SMTPMail)
    assert isinstance(mail_sender(production(tmp_path, **SERVER), SystemClock()), SMTPMail)


@pytest.mark.parametrize(
    ("given", "variable"),
    [
        ({}, "OPTIX_SMTP_HOST"),
        ({**SERVER, "smtp_security": "none"}, "OPTIX_SMTP_SECURITY"),
        ({"smtp_host": "smtp.example.org"}, "OPTIX_MAIL_FROM"),
    ],
)
def test_production_sends_no_mail_in_the_clear_or_from_nobody(
    tmp_path: Path, given: dict[str, object], variable: str
) -> None:
    with pytest.raises(SettingsError, match=variable):
        mail_sender(production(tmp_path, **given), SystemClock())


@pytest.mark.parametrize(
    "sender", ["nobody", "", "OPTIX <optix@example.org>\nBcc: all@example.org"]
)
def test_a_sender_that_is_no_address_is_refused(tmp_path: Path, sender: str) -> None:
    with pytest.raises(SettingsError, match="OPTIX_MAIL_FROM"):
        load_settings(data_dir=tmp_path, mail_from=sender)


@pytest.mark.stores
async def test_the_real_worker_mails_a_code_and_trims_the_trail(
    tmp_path: Path, identity: Identity, stores: StoreUrls, redis: Redis
) -> None:
    settings = load_settings(data_dir=tmp_path, audit_retention_days=30)
    async with identity.database.writing() as session:
        event = audit.SecurityEvent(kind="tests.old")
        for days in (100, 0):
            now = await session.scalar(
                text("SELECT now() - make_interval(days => :days)"), {"days": days}
            )
            await audit.record(session, event, ORIGIN, now)
        await jobs.enqueue(session, TRIM_AUDIT, {})
    worker = build_worker(settings, stores, identity, UserEvents(redis))
    task = asyncio.create_task(worker.run())
    try:
        await identity.registrations.start("ada@example.com", PASSWORD, "", ORIGIN)
        await until(lambda: list((tmp_path / "mail").glob("*.eml")), seconds=60)

        async def kinds() -> list[str]:
            async with identity.database.reading() as session:
                return [e.event.kind for e in await audit.list_events(session)]

        async with asyncio.timeout(60):
            while "audit.trimmed" not in await kinds():  # noqa: ASYNC110  # it is in the database
                await asyncio.sleep(0.05)
        assert (await kinds()).count("tests.old") == 1
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
