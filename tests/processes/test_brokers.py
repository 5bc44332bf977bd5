"""Which brokerages a process offers, built from the operator's settings; nothing is connected."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from optix.adapters.brokers.asking import Wiring
from optix.kernel.clock import SystemClock
from optix.platform.settings import load_settings
from optix.ports.broker import SignInKind
from optix.processes.brokers import BUILDERS, build_brokers, is_market_open, tiers

ACCOUNTS = {
    "broker_schwab_app_key": "key",
    "broker_schwab_app_secret": SecretStr("secret"),
    "broker_etrade_consumer_key": "key",
    "broker_etrade_consumer_secret": SecretStr("secret"),
    "broker_snaptrade_client_id": "id",
    "broker_snaptrade_consumer_key": SecretStr("secret"),
    "broker_plaid_client_id": "id",
    "broker_plaid_secret": SecretStr("secret"),
}
WIRING = Wiring(clock=SystemClock())


def test_without_applications_those_are_offered_whose_users_bring_keys() -> None:
    brokers = build_brokers(load_settings(), WIRING)
    assert list(brokers) == ["ibkr", "tradier", "alpaca", "tastytrade", "webull"]
    for broker in brokers.values():
        assert broker.capabilities.sign_in
        assert SignInKind.OAUTH2 not in broker.capabilities.sign_in


def test_with_all_applications_all_are_offered() -> None:
    brokers = build_brokers(load_settings(**ACCOUNTS), WIRING, sandbox_secret=SecretStr("a secret"))
    assert list(brokers) == ["sandbox", *BUILDERS]
    assert all(broker.capabilities.name == name for name, broker in brokers.items())
    assert brokers["sandbox"].capabilities.simulated
    found = tiers(brokers)
    assert set(found) == set(BUILDERS)
    assert set(found.values()) <= {"bronze", "silver", "gold"}


@pytest.mark.parametrize("left_out", sorted(ACCOUNTS))
def test_half_an_application_is_none(left_out: str) -> None:
    settings = load_settings(**{k: v for k, v in ACCOUNTS.items() if k != left_out})
    assert left_out.split("_")[1] not in build_brokers(settings, WIRING)


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        (datetime(2026, 11, 23, 15, 0, tzinfo=UTC), True),
        (datetime(2026, 11, 23, 22, 0, tzinfo=UTC), True),  # after hours
        (datetime(2026, 11, 22, 15, 0, tzinfo=UTC), False),  # a Sunday
        (datetime(2026, 11, 26, 15, 0, tzinfo=UTC), False),  # Thanksgiving
    ],
)
def test_markets_are_open_from_early_till_late(at: datetime, is_open: bool) -> None:  # a parameter
    assert is_market_open(at) is is_open
