"""Every recorded payload of Interactive Brokers', read by what reads the live ones."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.fixtures.recorded import recorded

from optix.adapters.brokers.exact import load_exact, read
from optix.adapters.brokers.ibkr import PARSERS, parsers, translate, wire, words
from optix.adapters.brokers.ibkr.client import checked
from optix.kernel.holding import AssetKind
from optix.kernel.money import Money, Price
from optix.kernel.order import OrderStatus
from optix.ports.broker import BrokerUnavailable, BrokerUnreadable

READ = {
    "accounts": ("Portfolio_portfolio-accounts.json", "Portfolio_portfolio-subaccounts.json"),
    "positions": (
        "Portfolio_portfolio-positions-page0.json",
        "Portfolio_portfolio-positions-empty.json",
        "spec_portfolio_positions.json",
    ),
    "balances": ("Portfolio_portfolio-ledger.json",),
    "transactions": ("Portfolio_post-pa-transactions.json", "spec_pa_transactions.json"),
    "orders": ("Orders_live-orders.json", "spec_live_orders.json"),
}


def _load(name: str) -> Any:
    return load_exact(recorded(f"brokers/ibkr/{name}").read_bytes())


@pytest.mark.recorded
class TestRecorded:
    @pytest.mark.parametrize(
        ("kind", "name"), [(kind, name) for kind, names in READ.items() for name in names]
    )
    def test_payloads_are_read(self, kind: str, name: str) -> None:
        found: Any = PARSERS[kind](_load(name))
        assert bool(found) == ("empty" not in name)

    @pytest.mark.parametrize(
        ("name", "model"),
        [
            ("Accounts_iserver-accounts.json", wire.TradingAccounts),
            ("Contracts_trsrv-secdef.json", wire.Secdefs),
            ("Portfolio_portfolio-summary.json", wire.Summary),
            ("Session_auth-status.json", wire.AuthStatus),
            ("Session_post-ssodh-init.json", wire.AuthStatus),
            ("Session_post-tickle.json", wire.Tickle),
            ("spec_contract_info_option.json", wire.ContractInfo),
            ("spec_live_session_token.json", wire.LiveSessionToken),
        ],
    )
    def test_parts_of_the_way_there_are_read(self, name: str, model: type[wire.Plain]) -> None:
        assert read(model, _load(name), "it").model_fields_set

    def test_a_paper_account_is_one(self) -> None:
        (found,) = parsers.parse_accounts(_load("Portfolio_portfolio-accounts.json"))
        assert (found.number, found.kind, found.simulated) == ("…4567", "stknopt", True)

    def test_positions_are_price_times_size(self) -> None:
        found = parsers.parse_positions(_load("spec_portfolio_positions.json"))
        assert [each.asset.kind for each in found] == [
            AssetKind.CRYPTO,
            AssetKind.OPTION,
            AssetKind.STOCK,
        ]
        for each in found:
            assert each.price is not None
            assert each.quantity is not None
            assert each.value is not None
            gross = -each.price.cash(each.quantity, each.asset.multiplier)
            assert abs(gross - each.value) < Money(Decimal("0.01"))
        assert found[1].asset.symbol == "SPY250117C00440000"
        assert found[1].cost == Money(Decimal("5801.0401"))

    def test_gains_are_value_less_cost(self) -> None:
        for name in READ["positions"]:
            rows = {row["conid"]: row for row in _load(name)}
            for row, each in zip(
                rows.values(), parsers.parse_positions(list(rows.values())), strict=True
            ):
                assert each.value is not None
                assert each.cost is not None
                gain = Money(row["unrealizedPnl"])
                assert abs(each.value - each.cost - gain) < Money(Decimal("0.02"))

    def test_ledger_and_summary_are_of_one_account(self) -> None:
        ledger = parsers.ledger_of(_load("Portfolio_portfolio-ledger.json"))
        summary = parsers.summary_of(_load("Portfolio_portfolio-summary.json"))
        (found,) = translate.balances(ledger, summary, "USD")
        assert found.cash == Money(Decimal("971869.6"))
        assert found.net_liquidation == Money(Decimal("1005165.5"))
        assert found.buying_power == Money(Decimal("3984328.97"))
        assert found.maintenance is None, "the recording does not have it"

    def test_definitions_fill_in_what_positions_lack(self) -> None:
        (definition,) = parsers.secdefs_of(_load("Contracts_trsrv-secdef.json"))
        row = parsers.positions_of([{"conid": definition.conid, "position": 3}])
        (found,) = translate.positions(row, {definition.conid: definition})
        assert (found.asset.symbol, found.asset.kind) == ("SPY", AssetKind.ETF)

    def test_a_contract_of_an_option(self) -> None:
        found = parsers.parse_contract(_load("spec_contract_info_option.json"))
        assert (found.symbol, found.multiplier) == ("IBM240315C00187500", 100)

    def test_a_trade_that_lost_its_time_is_of_no_day(self) -> None:
        (row,) = parsers.trades_of(_load("Orders_trades.json"))
        assert (row.side, row.size, row.price) == ("BOT", Decimal(1), Decimal("647.09"))
        with pytest.raises(BrokerUnreadable, match="without a time"):
            translate.trades([row], {}, "U1234567")
        told = row.model_copy(update={"trade_time_r": 1_775_086_847_000})
        (found,) = translate.trades([told], {}, "U1234567")
        assert found.cash == Money(Decimal("-647.09"))

    def test_orders_are_filled(self) -> None:
        (share,) = parsers.parse_orders(_load("Orders_live-orders.json"))
        assert share.status is OrderStatus.FILLED
        assert share.legs[0].average_price == Price(Decimal("647.09"))
        (pair,) = parsers.parse_orders(_load("spec_live_orders.json"))
        assert pair.legs[0].asset.kind is AssetKind.CURRENCY
        assert pair.legs[0].filled == Decimal("2499.99")

    def test_an_error_with_status_200_is_one(self) -> None:
        with pytest.raises(BrokerUnavailable):
            checked(_load("spec_order_submit_error.json"))

    def test_the_answer_to_a_challenge_has_the_size_of_a_proof(self) -> None:
        told = read(wire.LiveSessionToken, _load("spec_live_session_token.json"), "it")
        assert len(told.live_session_token_signature) == 40
        assert int(told.diffie_hellman_response, 16).bit_length() <= 2048
        assert translate.epoch(told.live_session_token_expiration) is not None

    def test_every_address_that_is_asked_is_in_the_specification(self) -> None:
        paths = _load("web-api.openapi.trimmed.json")["paths"]
        for method, path in (
            ("post", "/oauth/live_session_token"),
            ("post", "/tickle"),
            ("post", "/logout"),
            ("post", "/iserver/auth/ssodh/init"),
            ("get", "/portfolio/accounts"),
            ("get", "/portfolio/subaccounts"),
            ("post", "/portfolio/{accountId}/positions/invalidate"),
            ("get", "/portfolio/{accountId}/positions/{pageId}"),
            ("get", "/portfolio/{accountId}/ledger"),
            ("get", "/portfolio/{accountId}/summary"),
            ("get", "/trsrv/secdef"),
            ("get", "/iserver/accounts"),
            ("get", "/iserver/account/orders"),
            ("get", "/iserver/account/trades"),
            ("get", "/iserver/contract/{conid}/info"),
        ):
            assert method in paths[path], path
        asked = {
            each["name"]: each for each in paths["/iserver/account/orders"]["get"]["parameters"]
        }
        for word in asked["filters"]["schema"]["enum"]:
            if word != "sort_by_time":
                assert words.STATES.get(word.replace("_", ""))
