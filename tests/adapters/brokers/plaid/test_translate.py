"""What Plaid says becomes OPTIX's values: each quirk, and every recorded payload."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from tests.adapters.brokers.plaid.rows import ACCOUNTS, SECURITIES, holding, line
from tests.fakes.brokers.plaid import ACCOUNT
from tests.fixtures.recorded import recorded

from optix.adapters.brokers.exact import NO_CURRENCY, load_exact, read
from optix.adapters.brokers.plaid import PARSERS, translate, wire
from optix.kernel.activity import Activity, ActivityKind, ActivityStatus, PositionEffect
from optix.kernel.holding import AssetKind, Balance, Position
from optix.kernel.money import Money, Price
from optix.ports.broker import BrokerAccount, BrokerUnreadable

ITEM = {"item_id": "item", "institution_id": "ins_3", "institution_name": "A House"}


def told(name: str) -> Any:
    return load_exact(recorded(f"brokers/plaid/{name}").read_bytes())


def securities_of(*more: dict[str, Any]) -> dict[str, wire.Security]:
    rows = [read(wire.Security, row, "Plaid") for row in (*SECURITIES, *more)]
    return {row.security_id: row for row in rows}


def position(
    security: dict[str, Any], quantity: str = "2", **more: Any
) -> tuple[Position, list[str]]:
    row = {"security_id": "it", "type": "equity", "ticker_symbol": "SPY", **security}
    told = read(wire.Holding, holding("it", quantity, **more), "Plaid")
    found, doubts = translate.positions([told], securities_of(row))
    return found[0], doubts


def activity(subtype: str, amount: str = "1", **more: Any) -> Activity:
    payload = {
        "investment_transactions": [line("x", subtype, amount, **more)],
        "securities": SECURITIES,
        "total_investment_transactions": 1,
    }
    found: Any = PARSERS["transactions"](payload)
    return found[0]  # type: ignore[no-any-return]  # a parser returns object


class TestAccounts:
    def all(self, *rows: dict[str, Any]) -> list[BrokerAccount]:
        found: Any = PARSERS["accounts"]({"accounts": list(rows), "item": ITEM})
        return found  # type: ignore[no-any-return]  # a parser returns object

    def test_only_accounts_that_invest_are_accounts(self) -> None:
        assert [each.key for each in self.all(*ACCOUNTS)] == [ACCOUNT]
        assert self.all({**ACCOUNTS[0], "type": "brokerage"})

    def test_an_account_that_was_linked_anew_is_the_same_one(self) -> None:
        (one,) = self.all(ACCOUNTS[0])
        (again,) = self.all({**ACCOUNTS[0], "account_id": "new"})
        assert one.stable_key == again.stable_key == "ins_3|5555|ira"
        (kept,) = self.all({**ACCOUNTS[0], "persistent_account_id": "for-ever"})
        assert kept.stable_key == "for-ever"

    def test_two_that_look_alike_stay_two(self) -> None:
        two = self.all(ACCOUNTS[0], {**ACCOUNTS[0], "account_id": "b", "name": "Another IRA"})
        assert len({each.stable_key for each in two}) == 2

    def test_what_is_null_is_unknown(self) -> None:
        bare = {**ACCOUNTS[0], "mask": None, "subtype": None, "balances": {}}
        (account,) = self.all(bare)
        assert (account.number, account.kind, account.currency) == ("…", "", "USD")


class TestBalances:
    def test_an_accounts_own_balance_is_not_added_to_the_cash_it_holds(self) -> None:
        holdings = [holding("dollars", "300", institution_value="300")]
        payload = {"accounts": ACCOUNTS, "holdings": holdings, "securities": SECURITIES}
        assert PARSERS["balances"](payload) == [
            Balance(
                currency="USD",
                cash=Money(Decimal(300)),
                withdrawable=Money(Decimal(40)),
                net_liquidation=Money(Decimal("24580.06")),
            )
        ]

    def test_cash_in_another_currency_is_a_balance_of_its_own(self) -> None:
        euros = holding("dollars", "5", iso_currency_code="EUR")
        payload = {"accounts": ACCOUNTS, "holdings": [euros], "securities": SECURITIES}
        found: Any = PARSERS["balances"](payload)
        assert found[1] == Balance(currency="EUR", cash=Money(Decimal(5), "EUR"))


class TestPositions:
    @pytest.mark.parametrize(
        ("kind", "asset"),
        [
            ("equity", AssetKind.STOCK),
            ("etf", AssetKind.ETF),
            ("mutual fund", AssetKind.FUND),
            ("fixed income", AssetKind.BOND),
            ("cryptocurrency", AssetKind.CRYPTO),
            ("loan", AssetKind.OTHER),
            ("derivative", AssetKind.OTHER),  # a derivative that nothing describes
            ("a type of next year", AssetKind.OTHER),
            (None, AssetKind.OTHER),
        ],
    )
    def test_types(self, kind: str | None, asset: AssetKind) -> None:
        assert position({"type": kind})[0].asset.kind is asset

    def test_a_fund_that_is_as_good_as_cash_is_one_and_money_is_no_position(self) -> None:
        fund, _ = position({"type": "mutual fund", "is_cash_equivalent": True})
        assert fund.asset.kind is AssetKind.CASH_EQUIVALENT
        row = read(wire.Holding, holding("dollars", "3"), "Plaid")
        assert translate.positions([row], securities_of()) == ([], [])

    def test_what_has_no_ticker_is_known_by_its_numbers_or_its_name(self) -> None:
        bare = {"ticker_symbol": None, "isin": "US1", "cusip": "2", "name": "N"}
        assert position(bare)[0].asset.symbol == "US1"
        assert position({**bare, "isin": None})[0].asset.symbol == "2"
        assert position({**bare, "isin": None, "cusip": None})[0].asset.symbol == "N"
        assert position({"ticker_symbol": None})[0].asset.symbol == "it"
        assert position({"ticker_symbol": "odd ticker!"})[0].asset.symbol == "odd ticker!"

    def test_a_coin_has_a_prefix_and_a_currency_of_no_state(self) -> None:
        coin = {"type": "cryptocurrency", "ticker_symbol": "CUR:BTC"}
        money: dict[str, Any] = {"iso_currency_code": None, "unofficial_currency_code": "USDT"}
        found, _ = position(coin, institution_value="5", cost_basis="5", **money)
        assert found.asset.symbol == "BTC"
        assert found.value == Money(Decimal(5), NO_CURRENCY), "added to no dollars"

    def test_an_options_quantity_is_of_shares_and_becomes_contracts(self) -> None:
        security = {"type": "derivative", "ticker_symbol": "NFLX180201C00355000"}
        found, _ = position(security, "10000", institution_price="0.011", institution_value="110")
        assert found.quantity == Decimal(100)
        assert found.asset.multiplier == 100
        assert found.asset.contract is not None
        assert found.asset.contract.strike_milli == 355_000

    @pytest.mark.parametrize(
        ("price", "value", "contracts"),
        [("2", "400", "2"), ("2", "4", "0.02"), (None, None, "0.02"), ("0", "0", "0.02")],
    )
    def test_an_institution_that_counts_contracts_is_found_out_by_its_value(
        self, price: str | None, value: str | None, contracts: str
    ) -> None:
        security = {"type": "derivative", "ticker_symbol": "NFLX180201C00355000"}
        found, _ = position(security, "2", institution_price=price, institution_value=value)
        assert found.quantity == Decimal(contracts)

    def test_terms_are_preferred_to_the_ticker_unless_it_only_knows_the_root_better(self) -> None:
        spxw, option = "SPXW260918P05500000", securities_of()["option"]
        assert translate.asset_of(option, "USD").symbol == spxw
        other = option.model_copy(update={"ticker_symbol": "SPX260918P05000000"})
        assert translate.asset_of(other, "USD").symbol == "SPX260918P05500000"
        none = option.model_copy(update={"ticker_symbol": None})
        assert translate.asset_of(none, "USD").symbol == "SPX260918P05500000"
        assert option.option_contract is not None
        odd = option.option_contract.model_copy(update={"contract_type": "both"})
        kept = option.model_copy(update={"option_contract": odd})
        assert translate.asset_of(kept, "USD").symbol == spxw

    def test_what_is_owed_has_a_negative_quantity_cost_and_value(self) -> None:
        found, _ = position({}, "-2", institution_value="-21", cost_basis="20")
        assert (found.quantity, found.size) == (Decimal(-2), Decimal(2))
        assert found.cost == Money(Decimal(-20))
        assert found.value == Money(Decimal(-21))

    @pytest.mark.parametrize(
        ("quantity", "cost", "value", "wanted"),
        [
            ("2", "10", "20.84", "20"),  # of one unit, as the samples have it
            ("2", "20", "20.84", "20"),  # of all, as the text has it
            ("1", "1.5", "2.11", "1.5"),  # the same either way
            ("10", "5", None, "5"),  # nothing to hold it against
            ("10", "0", "7", "0"),
        ],
    )
    def test_a_cost_is_what_fits_the_value(
        self, quantity: str, cost: str, value: str | None, wanted: str
    ) -> None:
        found, doubts = position({}, quantity, cost_basis=cost, institution_value=value)
        assert found.cost == Money(Decimal(wanted))
        assert found.cost_has_fees is None
        assert doubts, "never shown as certain"

    def test_a_cost_that_fits_as_a_total_and_as_an_average_is_not_shown(self) -> None:
        found, doubts = position({}, "4", cost_basis="10", institution_value="20")
        assert found.cost is None
        assert "does not say" in doubts[0]
        assert len(doubts) == 1

    def test_a_security_that_is_not_described_is_an_error(self) -> None:
        row = read(wire.Holding, holding("unknown", "1"), "Plaid")
        with pytest.raises(BrokerUnreadable):
            translate.positions([row], securities_of())


class TestActivities:
    @pytest.mark.parametrize(
        ("subtype", "kind"),
        [
            ("rebalance", ActivityKind.TRADE),
            ("qualified dividend", ActivityKind.DIVIDEND),
            ("long-term capital gain reinvestment", ActivityKind.REINVESTMENT),
            ("margin expense", ActivityKind.INTEREST),
            ("management fee", ActivityKind.FEE),
            ("tax withheld", ActivityKind.TAX),
            ("assignment", ActivityKind.ASSIGNMENT),
            ("exercise", ActivityKind.EXERCISE),
            ("expire", ActivityKind.EXPIRATION),
            ("split", ActivityKind.SPLIT),
            ("spin off", ActivityKind.SPIN_OFF),
            ("merger", ActivityKind.REORGANISATION),
            ("send", ActivityKind.TRANSFER),
            ("a subtype of next year", ActivityKind.OTHER),
        ],
    )
    def test_subtypes(self, subtype: str, kind: ActivityKind) -> None:
        assert activity(subtype).kind is kind

    def test_what_leaves_is_positive_there_and_negative_here(self) -> None:
        assert activity("deposit", "-500").cash == Money(Decimal(500))
        assert activity("deposit", "500").kind is ActivityKind.WITHDRAWAL
        bought = activity("buy", "20.84", quantity="2", price="10.42", fees="0.5")
        assert bought.cash == Money(Decimal("-20.84")), "the amount is the truth"
        assert bought.fees == Money(Decimal("-0.5")), "and fees are information"
        assert bought.price == Price(Decimal("10.42"))

    def test_effects_are_told_for_short_sales_only(self) -> None:
        assert activity("sell short").effect is PositionEffect.OPENING
        assert activity("buy to cover").effect is PositionEffect.CLOSING
        assert activity("buy").effect is None

    def test_contracts_of_options_are_counted_in_shares_here_too(self) -> None:
        traded = {"security_id": "option", "quantity": "-200", "price": "1.1"}
        assert activity("sell", "-220", **traded).quantity == Decimal(-2)

    def test_pending_money_may_still_change_and_a_cancel_names_what_it_takes_back(self) -> None:
        assert activity("pending debit").status is ActivityStatus.PENDING
        taken = activity("buy", type="cancel", cancel_transaction_id="before")
        assert (taken.kind, taken.replaces) == (ActivityKind.ADJUSTMENT, "before")

    def test_lines_of_money_are_about_no_asset(self) -> None:
        for security in ("dollars", None):
            found = activity("deposit", "-1", security_id=security, quantity="-1", price="1")
            assert (found.asset, found.quantity, found.price) == (None, None, None)

    def test_days_and_moments(self) -> None:
        found = activity("fee", transaction_datetime="2026-03-02T15:10:09Z")
        assert found.day == date(2026, 3, 2)
        assert found.at == datetime(2026, 3, 2, 15, 10, 9, tzinfo=UTC)
        assert activity("fee").at is None
        for bad in ({"date": "lately"}, {"transaction_datetime": "lately"}):
            with pytest.raises(BrokerUnreadable):
                activity("fee", **bad)


@pytest.mark.recorded
class TestRecorded:
    def test_accounts(self) -> None:
        found: Any = PARSERS["accounts"](told("accounts_get.json"))
        assert [(each.number, each.kind) for each in found] == [("…6666", "401k")]
        assert found[0].stable_key == "ins_117650|6666|401k"

    def test_holdings(self) -> None:
        payload = told("investments_holdings_get.json")
        found: Any = PARSERS["positions"](payload)
        by_symbol = {each.asset.symbol: each for each in found}
        option = by_symbol["NFLX180201C00355000"]
        assert option.quantity == Decimal(100)
        assert option.cost == Money(Decimal(100))
        assert by_symbol["DBLTX"].cost == Money(Decimal(20)), "told of one unit"
        assert by_symbol["MIPTX"].cost == Money(Decimal("542.041"))
        balances: Any = PARSERS["balances"](payload)
        assert balances[0].cash == Money(Decimal("0.01"))
        assert [each.net_liquidation.amount for each in balances] == [
            Decimal("110.01"),
            Decimal("24580.0605"),
            Decimal("48200.03"),
        ]
        accounts: Any = PARSERS["accounts"](payload)
        assert len(accounts) == 3

    def test_transactions(self) -> None:
        found: Any = PARSERS["transactions"](told("investments_transactions_get.json"))
        sold, bought = found
        assert sold.cash == Money(Decimal("1289.01"))
        assert sold.quantity == Decimal("-47.74104242992852")
        assert sold.fees == Money(Decimal("-7.99"))
        assert bought.cash == Money(Decimal("-7.7"))

    def test_what_comes_with_signing_in_and_ending(self) -> None:
        assert read(wire.LinkToken, told("link_token_create.json"), "Plaid").hosted_link_url == ""
        exchanged = read(wire.Exchanged, told("item_public_token_exchange.json"), "Plaid")
        assert exchanged.item_id.startswith("M5eV")
        assert read(wire.Removed, told("item_remove.json"), "Plaid").request_id
        public = read(wire.ItemAdded, told("sandbox_public_token_create.json"), "Plaid")
        assert public.public_token.startswith("public-sandbox")
        key = read(wire.KeyAnswer, told("webhook_verification_key_get.json"), "Plaid").key
        assert read(wire.VerificationKey, key, "Plaid").alg == "ES256"

    @pytest.mark.parametrize(
        "name", ["investments_refresh.json", "item_access_token_invalidate.json"]
    )
    @pytest.mark.parametrize("kind", sorted(PARSERS))
    def test_answers_of_calls_that_are_not_made_are_taken_for_nothing_else(
        self, name: str, kind: str
    ) -> None:
        with pytest.raises(BrokerUnreadable):
            PARSERS[kind](told(name))
