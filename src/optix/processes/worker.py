"""The worker: does the jobs that requests leave behind, and what comes by the clock."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from optix.adapters.mail.folder import FolderMail
from optix.adapters.mail.smtp import SMTPMail
from optix.features.brokerage.service import BrokerageService
from optix.features.brokerage.token_clock import SCHEDULES as SIGN_IN_SCHEDULES
from optix.features.brokerage.token_clock import TokenClock
from optix.features.identity.service import Identity
from optix.features.identity.tasks import SCHEDULES, IdentityTasks
from optix.features.market.history import HistoryCapture
from optix.features.market.tasks import SCHEDULES as MARKET_SCHEDULES
from optix.features.market.tasks import MarketTasks
from optix.features.portfolio.account_days import AccountDays
from optix.features.portfolio.tasks_performance import SCHEDULES as PERFORMANCE_SCHEDULES
from optix.features.portfolio.tasks_performance import PerformanceTasks
from optix.kernel.clock import Clock, to_datetime
from optix.platform import audit
from optix.platform.embedded.stores import StoreUrls
from optix.platform.jobs import Arguments, JobWorker
from optix.platform.settings import Settings, SettingsError
from optix.platform.user_events import UserEvents
from optix.ports.history import HistoryKeeper
from optix.ports.mail import MailSender

TRIM_AUDIT: Final = "audit.trim"


def build_worker(
    settings: Settings,
    stores: StoreUrls,
    identity: Identity,
    events: UserEvents,
    capture: HistoryCapture | None = None,
    *,
    keeper: HistoryKeeper | None = None,
) -> JobWorker:
    """Return the worker of all features; it captures the market where it is given with what.

    `keeper` has the closes that past days of accounts are derived from.

    Errors: SettingsError where mail cannot be sent.
    """
    database, clock = identity.database, identity.clock

    async def trim_audit(_: Arguments) -> None:
        now = to_datetime(clock.now_ns())
        before = now - timedelta(days=settings.audit.audit_retention_days)
        async with database.writing() as session:
            await audit.retain(session, before, now)

    mail = mail_sender(settings, clock)
    tasks = IdentityTasks(
        database,
        mail=mail,
        hasher=identity.hasher,
        base_url=settings.base_url,
        clock=clock,
    )
    sign_ins = TokenClock(
        database,
        mail=mail,
        address_of=identity.find_address,
        base_url=settings.base_url,
        clock=clock,
    )
    brokerage = BrokerageService(database, clock)
    days = AccountDays(database, brokerage, keeper)
    performance = PerformanceTasks(database, brokerage, days, clock)
    handlers = {
        **tasks.handlers,
        **sign_ins.handlers,
        **events.handlers,
        **performance.handlers,
        TRIM_AUDIT: trim_audit,
    }
    schedules = {
        **SCHEDULES,
        **SIGN_IN_SCHEDULES,
        **PERFORMANCE_SCHEDULES,
        TRIM_AUDIT: "41 3 * * *",
    }
    if capture is not None:
        handlers |= MarketTasks(database, capture).handlers
        schedules |= MARKET_SCHEDULES
    return JobWorker(stores.database_url, handlers, schedules=schedules)


def mail_sender(settings: Settings, clock: Clock) -> MailSender:
    """Return what carries mail: the operator's server, or in development a folder."""
    mail = settings.mail
    problems = mail.production_problems() if settings.production else []
    if problems:
        raise SettingsError(problems)
    if mail.smtp_host is None:
        return FolderMail(settings.data_dir / "mail", sender=mail.mail_from, clock=clock)
    password = mail.smtp_password
    return SMTPMail(
        host=mail.smtp_host,
        port=mail.smtp_port,
        security=mail.smtp_security,
        username=mail.smtp_username,
        password=password.get_secret_value() if password else None,
        sender=mail.mail_from,
        clock=clock,
    )
