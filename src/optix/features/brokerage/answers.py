"""From what is stored to what the API says of a connection."""

from __future__ import annotations

from collections.abc import Mapping

from optix.features.brokerage import schemas, states
from optix.features.brokerage.models import BrokerConnection
from optix.features.brokerage.overview import AccountOverview, ConnectionOverview
from optix.ports.broker import (
    Broker,
    BrokerBusy,
    BrokerUnavailable,
    BrokerUnreadable,
    SignInKind,
    SignInNeeded,
)

_STEPS = {
    each.code: each.next_step
    for each in (BrokerUnavailable, BrokerUnreadable, BrokerBusy, SignInNeeded)
}


def as_connection(found: ConnectionOverview, brokers: Mapping[str, Broker]) -> schemas.Connection:
    row = found.row
    house = brokers.get(row.broker)
    state = states.state_of(row, found.now)
    return schemas.Connection(
        id=row.id,
        provider=row.broker,
        provider_label=house.capabilities.label if house else row.broker,
        label=row.label,
        state=state,
        simulated=house.capabilities.simulated if house else False,
        sign_in=SignInKind(row.sign_in),
        login_ends=row.login_ends,
        failing_since=row.failing_since,
        problem=_problem(row.failure_code, row.failure_detail),
        last_sync_at=row.last_sync_at,
        # None is read that waits for its owner.
        next_sync_at=row.next_sync_at if row.state == "connected" else None,
        syncing=states.is_syncing(row, found.now),
        accounts=[_account(each, row, found) for each in found.accounts],
    )


def _account(
    each: AccountOverview, connection: BrokerConnection, found: ConnectionOverview
) -> schemas.BrokerAccount:
    row, snapshot, history = each.row, each.snapshot, each.history
    worth = None
    if snapshot is not None:
        own = (told for told in snapshot.balances if told["currency"] == row.currency)
        worth = next((told.get("net_liquidation") for told in own), None)
    return schemas.BrokerAccount(
        id=row.id,
        number=row.number,
        name=row.name,
        kind=row.kind,
        currency=row.currency,
        brokerage=row.brokerage,
        status=row.status,
        simulated=row.simulated,
        as_of=snapshot.as_of if snapshot else None,
        complete=snapshot.complete if snapshot else False,
        stale=states.is_stale(row, connection, found.now),
        net_liquidation=worth,
        positions=snapshot.positions if snapshot else 0,
        activities=history.count if history else 0,
        first_activity=history.first if history else None,
        problem=_problem(row.failure_code, row.failure_detail),
    )


def _problem(code: str | None, detail: str | None) -> schemas.BrokerProblem | None:
    if code is None:
        return None
    step = _STEPS.get(code, BrokerUnavailable.next_step)
    return schemas.BrokerProblem(code=code, detail=detail or "", next_step=step)
