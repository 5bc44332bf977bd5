"""The structures of an owner's accounts: grouped, valued, with chains and an estimate of margin.

Nothing of it is stored but what the owner says belongs together. Everything else is made from the
last snapshots, the history and the market whenever it is asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from optix.features.brokerage.service import BrokerageService, HeldAccount, LineFilter
from optix.features.market.service import MarketService
from optix.features.portfolio import repository_structures as repository
from optix.features.portfolio import schemas_structures as schemas
from optix.features.portfolio import structures_told as told
from optix.features.portfolio.models_structures import StructureOverride
from optix.features.portfolio.structure_prices import MarkOf, StructureMark, marks_of_market
from optix.features.portfolio.structures.chains import Chain, chains_of
from optix.features.portfolio.structures.families import underlying_symbol
from optix.features.portfolio.structures.grouping import group
from optix.features.portfolio.structures.openings import MOVING, holding_of, openings_of
from optix.features.portfolio.structures.values import Grouping, Holding, Override
from optix.kernel import limits
from optix.kernel.activity import Activity
from optix.kernel.clock import Clock, to_datetime
from optix.kernel.errors import Conflict, InvalidInput, NotFound
from optix.kernel.holding import Position
from optix.kernel.ids import UserId, new_uuid
from optix.platform.db import Database, ReadSession

_PAGE: Final = 1_000


class StructureNotFound(NotFound):
    code = "structure_not_found"
    next_step = "List your structures: its legs were perhaps closed, or belong elsewhere now."


class OverrideNotFound(NotFound):
    code = "override_not_found"
    next_step = "List what you put together: it was perhaps taken apart."


class StructureAccountNotFound(NotFound):
    code = "account_not_found"
    next_step = "List your accounts and name one of them."


class LegNotHeld(InvalidInput):
    code = "leg_not_held"
    next_step = "Name positions of the account, with their sign and no more than is held."


class LegTaken(Conflict):
    code = "leg_taken"
    next_step = "Take the other structure apart first."


class TooManyOverrides(Conflict):
    code = "too_many_overrides"
    next_step = "Take apart what you do not need."


@dataclass(frozen=True, slots=True)
class AccountStructures:
    """What is known of one account, grouped. `positions` are by `Asset.key`."""

    account: HeldAccount
    holdings: tuple[Holding, ...]
    positions: dict[str, Position]
    grouping: Grouping
    chains: tuple[Chain, ...]
    complete: bool


class StructuresView:
    """Answers of the structure endpoints, and the owner's own groupings."""

    def __init__(
        self,
        database: Database,
        brokerage: BrokerageService,
        clock: Clock,
        *,
        mark_of: MarkOf = marks_of_market,
    ) -> None:
        self._database = database
        self._brokerage = brokerage
        self._clock = clock
        self._mark_of = mark_of

    async def list_structures(
        self,
        owner: UserId,
        market: MarketService,
        *,
        account: UUID | None = None,
        underlying: str = "",
        margin: bool = False,
    ) -> schemas.StructureList:
        """Return structures, fallen overrides and chains; margin where it is asked for."""
        accounts = [
            each for each in await self._grouped(owner) if account in {None, each.account.id}
        ]
        marks = await self._marks(market, accounts, underlying)
        now = self._now()
        return schemas.StructureList(
            structures=[
                told.structure_of(each, structure, marks)
                for each in accounts
                for structure in each.grouping.structures
                if underlying in {"", structure.underlying}
            ],
            fallen=[
                told.fallen_of(each.account.id, fallen)
                for each in accounts
                for fallen in each.grouping.fallen
            ],
            chains=[
                told.chain_of(each.account.id, chain, marks)
                for each in accounts
                for chain in each.chains
                if underlying in {"", chain.underlying}
            ],
            margin=[
                await asyncio.to_thread(told.margin_of, each, marks, now, underlying)
                for each in accounts
                if margin
            ],
            left_out=sum(len(each.grouping.left_out) for each in accounts),
            history_complete=all(each.complete for each in accounts),
            as_of=now,
        )

    async def get_structure(
        self, owner: UserId, market: MarketService, structure_id: UUID
    ) -> schemas.StructureDetail:
        """Return one structure with its curve. Errors: StructureNotFound."""
        for each in await self._grouped(owner):
            for structure in each.grouping.structures:
                if structure.id == structure_id:
                    marks = await self._marks(market, [each], structure.underlying)
                    return told.detail_of(each, structure, marks, self._now())
        raise StructureNotFound("There is no such structure.")

    # --- what the owner puts together ------------------------------------------------------------

    async def list_overrides(self, owner: UserId) -> schemas.OverrideList:
        async with self._database.reading(owner=owner) as session:
            found = await repository.list_overrides(session, owner)
        return schemas.OverrideList(overrides=[told.override_of(each) for each in found])

    async def get_override(self, owner: UserId, override_id: UUID) -> schemas.Override:
        """Errors: OverrideNotFound."""
        async with self._database.reading(owner=owner) as session:
            found = await repository.find_override(session, owner, override_id)
        if found is None:
            raise OverrideNotFound("There is no such grouping of yours.")
        return told.override_of(found)

    async def put_together(self, owner: UserId, wanted: schemas.NewOverride) -> schemas.Override:
        """Keep legs together from now on, whatever syncs bring.

        Effects: structure_override.
        Errors:  StructureAccountNotFound, LegNotHeld, LegTaken, TooManyOverrides.
        """
        accounts = await self._brokerage.list_held(owner)
        account = next((each for each in accounts if each.id == wanted.account_id), None)
        if account is None:
            raise StructureAccountNotFound("There is no such account of yours.")
        legs = _legs_held(account, wanted.legs)
        async with self._database.writing(owner=owner) as session:
            await repository.lock_owner(session, owner)
            known = await repository.list_overrides(session, owner)
            if len(known) >= limits.STRUCTURE_OVERRIDES_MAX:
                raise TooManyOverrides(
                    f"You keep {limits.STRUCTURE_OVERRIDES_MAX} groupings, which is the most."
                )
            _refuse_taken(account, [each for each in known if each.account_id == account.id], legs)
            made = StructureOverride(
                id=new_uuid(),
                user_id=owner,
                account_id=account.id,
                name=wanted.name.strip(),
                legs=legs,
                created_at=self._now(),
            )
            session.add(made)
        return told.override_of(made)

    async def take_apart(self, owner: UserId, override_id: UUID) -> None:
        """Let the legs be grouped by what speaks for it again.

        Effects: structure_override.
        Errors:  OverrideNotFound.
        """
        async with self._database.writing(owner=owner) as session:
            if not await repository.delete_override(session, owner, override_id):
                raise OverrideNotFound("There is no such grouping of yours.")

    # --- how it is made --------------------------------------------------------------------------

    async def _grouped(self, owner: UserId) -> list[AccountStructures]:
        accounts = await self._brokerage.list_held(owner)
        async with self._database.reading(owner=owner) as session:
            overrides = await repository.list_overrides(session, owner)
        found = []
        for account in accounts:
            lines, complete = await self._lines(owner, account.id)
            own = [told.kept_override(each) for each in overrides if each.account_id == account.id]
            found.append(await asyncio.to_thread(_group_account, account, lines, own, complete))
        return found

    async def _lines(self, owner: UserId, account: UUID) -> tuple[list[Activity], bool]:
        """Return the newest lines that move something, and whether those are all."""
        wanted = LineFilter(account_id=account, kinds=MOVING)
        lines: list[Activity] = []
        cursor: str | None = None
        while len(lines) < limits.STRUCTURE_LINES_MAX:
            page = await self._brokerage.page_lines(owner, wanted, cursor=cursor, limit=_PAGE)
            lines += [each.activity for each in page.lines if each.absent_since is None]
            cursor = page.next
            if cursor is None:
                return lines, True
        return lines, False

    async def _marks(
        self, market: MarketService, accounts: Sequence[AccountStructures], underlying: str
    ) -> dict[str, StructureMark]:
        assets = [
            holding.asset
            for each in accounts
            for holding in each.holdings
            if underlying_symbol(holding.asset) is not None
            and underlying in {"", underlying_symbol(holding.asset)}
        ]
        shares = sorted({name for asset in assets if (name := underlying_symbol(asset))})
        contracts = sorted({asset.symbol for asset in assets if asset.contract is not None})
        return await self._mark_of(market, shares=shares, contracts=contracts)

    def _now(self) -> datetime:
        return to_datetime(self._clock.now_ns())


async def exported_overrides(session: ReadSession, owner: UserId) -> list[dict[str, Any]]:
    """Return what is kept of somebody here, for the export of their own data."""
    found = await repository.list_overrides(session, owner)
    return [told.override_of(each).model_dump(mode="json") for each in found]


def _group_account(
    account: HeldAccount,
    lines: Sequence[Activity],
    overrides: Sequence[Override],
    complete: bool,  # noqa: FBT001  # handed on as it is
) -> AccountStructures:
    snapshot = account.snapshot
    positions = () if snapshot is None else snapshot.positions
    openings = openings_of(lines)
    by_asset = _by_asset(positions)
    holdings = [
        made for each in by_asset.values() if (made := holding_of(each, openings)) is not None
    ]
    cash = None
    if snapshot is not None:
        own = [each for each in snapshot.balances if each.currency == account.currency]
        cash = own[0].cash.amount if own and own[0].cash is not None else None
    return AccountStructures(
        account=account,
        holdings=tuple(holdings),
        positions=by_asset,
        grouping=group(account.id, holdings, overrides=overrides, cash=cash),
        chains=chains_of(account.id, lines),
        complete=complete,
    )


def _by_asset(positions: Sequence[Position]) -> dict[str, Position]:
    """Return positions by asset. What a broker tells in several rows is one, with all its cost."""
    found: dict[str, Position] = {}
    for each in positions:
        known = found.get(each.asset.key)
        if known is None or known.quantity is None or each.quantity is None:
            found[each.asset.key] = each
            continue
        cost = None
        if known.cost is not None and each.cost is not None:
            cost = known.cost + each.cost
        found[each.asset.key] = replace(
            each,
            quantity=known.quantity + each.quantity,
            size=abs(known.quantity + each.quantity),
            cost=cost,
        )
    return found


def _legs_held(account: HeldAccount, legs: Sequence[schemas.OverrideLeg]) -> list[dict[str, Any]]:
    """Return legs as they are stored. LegNotHeld names what the account does not hold so."""
    positions = () if account.snapshot is None else account.snapshot.positions
    by_symbol = {each.asset.symbol: each for each in _by_asset(positions).values()}
    wrong: dict[str, str] = {}
    found = []
    for place, leg in enumerate(legs):
        held = by_symbol.get(leg.symbol.strip().upper()) or by_symbol.get(leg.symbol)
        quantity = Decimal(leg.quantity)
        if held is None or held.quantity is None or held.quantity / quantity < 1:
            wrong[f"legs.{place}"] = "is not held so"
        else:
            found.append(
                {"asset": held.asset.key, "symbol": held.asset.symbol, "quantity": leg.quantity}
            )
    if len({each["asset"] for each in found}) < len(found):
        raise LegNotHeld("A leg is named twice.")
    if wrong:
        raise LegNotHeld("The account does not hold these legs.", fields=wrong)
    return found


def _refuse_taken(
    account: HeldAccount, known: Sequence[StructureOverride], legs: Sequence[dict[str, Any]]
) -> None:
    """Raise LegTaken where other groupings leave too little of a leg."""
    positions = () if account.snapshot is None else account.snapshot.positions
    held = {key: each.quantity for key, each in _by_asset(positions).items()}
    for leg in legs:
        taken = sum(
            (
                Decimal(other["quantity"])
                for each in known
                for other in each.legs
                if other["asset"] == leg["asset"]
            ),
            Decimal(0),
        )
        have = held[leg["asset"]] or Decimal(0)
        if abs(taken + Decimal(leg["quantity"])) > abs(have):
            raise LegTaken(f"{leg['symbol']} belongs to another grouping of yours.")
