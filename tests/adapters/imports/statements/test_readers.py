"""Each format against a file written by us in its layout: every row, sign, asset and reason."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.adapters.imports.statements import statement_files as files
from tests.fixtures.recorded import recorded

from optix.adapters.imports.statements import build_readers
from optix.kernel import limits
from optix.kernel.activity import Activity, ActivityKind, PositionEffect
from optix.kernel.holding import AssetKind
from optix.ports.statements import RowKind, Statement, StatementUnreadable

READERS = build_readers()
CALL = "SPY240126C00480000"


def read(name: str) -> Statement:
    return READERS.read(files.ALL[name].encode())


def lines_of(statement: Statement) -> list[Activity]:
    return [row.activity for row in statement.rows if row.activity is not None]


def said(line: Activity) -> tuple[str, str, str | None, str | None]:
    """Return kind, cash, symbol and quantity: what must not be wrong."""
    symbol = None if line.asset is None else line.asset.symbol
    quantity = None if line.quantity is None else format(line.quantity.normalize(), "f")
    return line.kind, format(line.cash.amount.normalize(), "f"), symbol, quantity


def reasons(statement: Statement, kind: RowKind) -> list[str]:
    return [row.why for row in statement.rows if row.kind is kind]


@pytest.mark.parametrize("name", files.ALL)
def test_a_format_is_found_by_its_content(name: str) -> None:
    assert read(name).format == name


def test_the_second_version_of_ofx_says_the_same_as_the_first() -> None:
    assert READERS.read(files.OFX_XML.encode()) == read("ofx")


class TestFidelity:
    def test_each_row_is_read_with_its_sign_and_asset(self) -> None:
        statement = read("fidelity_csv")
        assert [said(line) for line in lines_of(statement)] == [
            ("trade", "-259.38", CALL, "2"),
            ("trade", "-259.38", CALL, "2"),
            ("expiration", "0", CALL, "-4"),
            ("dividend", "24", "AAPL", None),
            ("reinvestment", "-24", "SPAXX", "24"),
        ]
        first = lines_of(statement)[0]
        assert first.effect is PositionEffect.OPENING
        assert first.fees is not None
        assert first.fees.amount == Decimal("-1.38")
        assert first.asset is not None
        assert first.asset.contract is not None
        assert first.asset.multiplier == 100

    def test_accounts_are_told_apart(self) -> None:
        accounts = read("fidelity_csv").accounts
        assert [(each.key, each.number, each.name) for each in accounts] == [
            ("Z12345678", "…5678", "Individual"),
            ("Z87654321", "…4321", "Roth, self"),
        ]

    def test_what_is_no_line_says_why(self) -> None:
        statement = read("fidelity_csv")
        assert reasons(statement, RowKind.UNREADABLE) == ["'ten' is not an amount."]
        ignored = reasons(statement, RowKind.IGNORED)
        assert len(ignored) == 4  # what is in process, two disclaimers, the footer
        assert "still processes" in ignored[0]

    def test_columns_may_come_in_any_order(self) -> None:
        text = (
            "Amount ($),Quantity,Symbol,Action,Price ($),Run Date,Notes\n"
            "-190,1,AAPL,YOU BOUGHT,190,01/19/2024,x\n"
        )
        (row,) = READERS.read(text.encode()).rows
        assert row.activity is not None
        assert said(row.activity) == ("trade", "-190", "AAPL", "1")


class TestSchwab:
    def test_each_row_is_read_with_its_sign_and_asset(self) -> None:
        assert [said(line) for line in lines_of(read("schwab_csv"))] == [
            ("expiration", "0", "SPY240119C00470000", "-1"),
            ("trade", "748.02", "SPY240119P00470000", "-3"),
            ("trade", "-360123.4", "BRK.B", "1000"),
            ("dividend", "24", "AAPL", None),
            ("withdrawal", "-500", None, None),
            ("tax", "-3.6", "AAPL", None),
            ("other", "1", None, None),
        ]

    def test_the_day_is_that_of_the_event_and_the_account_that_of_the_note(self) -> None:
        statement = read("schwab_csv")
        assert lines_of(statement)[0].day.isoformat() == "2024-01-19"
        assert statement.accounts[0].key == "123"

    def test_what_is_no_line_says_why(self) -> None:
        statement = read("schwab_csv")
        assert reasons(statement, RowKind.UNREADABLE) == ["A trade has a quantity and an amount."]
        assert len(reasons(statement, RowKind.IGNORED)) == 1


class TestRobinhood:
    def test_each_row_is_read_with_its_sign_and_asset(self) -> None:
        assert [said(line) for line in lines_of(read("robinhood_csv"))] == [
            ("trade", "-258.06", CALL, "2"),
            ("trade", "-95", "AAPL", "0.5"),
            ("expiration", "0", CALL, "-2"),
            ("expiration", "0", "SPY240126P00450000", "1"),
            ("dividend", "24", "AAPL", None),
            ("deposit", "1000", None, None),
            ("fee", "-5", None, None),
        ]

    def test_fees_are_what_the_amount_has_beyond_the_price(self) -> None:
        lines = lines_of(read("robinhood_csv"))
        assert lines[0].fees is not None
        assert lines[0].fees.amount == Decimal("-0.06")
        assert lines[1].asset is not None
        assert lines[1].asset.cusip == "037833100"

    def test_what_is_no_line_says_why(self) -> None:
        statement = read("robinhood_csv")
        assert reasons(statement, RowKind.UNREADABLE) == ["'two' is not an amount."]
        assert len(reasons(statement, RowKind.IGNORED)) == 1


class TestWebull:
    def test_each_row_is_read_with_its_sign_and_asset(self) -> None:
        lines = lines_of(read("webull_csv"))
        assert [said(line) for line in lines] == [
            ("trade", "-258", CALL, "2"),
            ("trade", "760.2", "AAPL", "-4"),
        ]
        assert [str(line.at) for line in lines] == [
            "2024-01-19 10:15:30-05:00",
            "2024-07-18 09:31:00-04:00",
        ]
        assert lines[0].fees is None

    def test_what_is_no_line_says_why(self) -> None:
        statement = read("webull_csv")
        assert reasons(statement, RowKind.UNREADABLE) == [
            "'dreaming' is no state of an order that is known."
        ]
        assert len(reasons(statement, RowKind.IGNORED)) == 3


class TestFlex:
    def test_each_row_is_read_with_its_sign_and_asset(self) -> None:
        lines = lines_of(read("ibkr_flex"))
        assert [(line.id, *said(line)) for line in lines] == [
            ("flex:trade:1001", "trade", "256.7", CALL, "-2"),
            ("flex:trade:1002", "expiration", "0", CALL, "2"),
            ("flex:trade:1003", "trade", "-541", "BRK.B", "1.5"),
            ("flex:cash:3001", "dividend", "24", "AAPL", None),
            ("flex:cash:3002", "withdrawal", "-500", None, None),
        ]
        assert str(lines[0].at) == "2024-01-19 10:30:00-05:00"
        assert lines[0].effect is PositionEffect.OPENING
        assert lines[0].order_id == "77"

    def test_what_is_no_line_says_why(self) -> None:
        statement = read("ibkr_flex")
        assert reasons(statement, RowKind.UNREADABLE) == ["'much' is not an amount."]
        assert len(reasons(statement, RowKind.IGNORED)) == 4

    @pytest.mark.recorded
    @pytest.mark.parametrize(
        "name", ["flex_trade-confirmations.xml", "flex_cash-transactions-consolidated.xml"]
    )
    def test_recorded_answers_are_read_whole(self, name: str) -> None:
        statement = READERS.read(recorded(f"brokers/ibkr/{name}").read_bytes())
        assert statement.format == "ibkr_flex"
        assert lines_of(statement)
        assert reasons(statement, RowKind.UNREADABLE) == []

    @pytest.mark.parametrize(
        "declared",
        [
            '<!DOCTYPE x [<!ENTITY a "b">]>',
            '<!DOCTYPE x SYSTEM "file:///etc/passwd">',
            '<!DOCTYPE x [<!ENTITY a SYSTEM "http://example.com/">]>',
        ],
    )
    def test_a_file_that_declares_anything_is_refused(self, declared: str) -> None:
        with pytest.raises(StatementUnreadable, match="document type"):
            READERS.read((declared + files.FLEX).encode())


class TestOfx:
    def test_each_row_is_read_with_its_sign_and_asset(self) -> None:
        statement = read("ofx")
        assert [(line.id, *said(line)) for line in lines_of(statement)] == [
            ("ofx:A1", "trade", "-1901.52", "AAPL", "10"),
            ("ofx:A2", "trade", "764", "AAPL", "-4"),
            ("ofx:A3", "trade", "256.7", CALL, "-2"),
            ("ofx:A4", "trade", "-200", "AAPL240216P00170500", "1"),
            ("ofx:A5", "expiration", "0", CALL, "2"),
            ("ofx:A6", "dividend", "24", "AAPL", None),
            ("ofx:A7", "reinvestment", "-24", "AAPL", "0.125"),
            ("ofx:A7:income", "dividend", "24", "AAPL", None),
            ("ofx:A8", "fee", "-3.6", "AAPL", None),
            ("ofx:A9", "withdrawal", "-500", None, None),
            ("ofx:A10", "split", "0", "AAPL", "18"),
            ("ofx:A11", "transfer", "0", "AAPL", "-5"),
        ]
        assert statement.broker == "fidelity"
        assert [each.key for each in statement.accounts] == ["Z12345678"]
        assert reasons(statement, RowKind.UNREADABLE) == [
            "The security 'nobody' is not in the file's list."
        ]

    def test_times_have_the_zone_that_is_written(self) -> None:
        first, second, third, _ = lines_of(read("ofx"))[:4]
        assert str(first.at) == "2024-01-19 10:30:00-05:00"
        assert second.at is None
        assert third.effect is PositionEffect.OPENING
        assert first.description == "Apple & more"

    def test_a_file_that_declares_anything_is_refused(self) -> None:
        with pytest.raises(StatementUnreadable, match="declares"):
            READERS.read(b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><OFX></OFX>')


class TestBounds:
    def test_an_empty_and_an_unknown_file_are_refused(self) -> None:
        for body in (b"", b" \n ", b"a,b,c\n1,2,3\n", b"\x00\x01\x02", b"PK\x03\x04zip"):
            with pytest.raises(StatementUnreadable):
                READERS.read(body)
        with pytest.raises(StatementUnreadable, match="no format"):
            READERS.read(b"x", "excel")

    def test_a_file_has_at_most_so_many_bytes(self) -> None:
        body = files.SCHWAB.encode()
        body += b"\n" * (limits.STATEMENT_BYTES_MAX - len(body))
        assert READERS.read(body, "schwab_csv") == read("schwab_csv")
        with pytest.raises(StatementUnreadable, match="bytes"):
            READERS.read(body + b"\n")

    def test_a_file_has_at_most_so_many_rows(self) -> None:
        header = "Run Date,Action,Symbol,Quantity,Amount\n"
        row = "01/19/2024,YOU BOUGHT,AAPL,1,-1\n"
        most = limits.STATEMENT_ROWS_MAX - 1  # beside the header
        assert len(READERS.read((header + row * most).encode()).rows) == most
        with pytest.raises(StatementUnreadable, match="rows"):
            READERS.read((header + row * (most + 1)).encode())

    def test_a_line_has_at_most_so_many_characters_and_fields(self) -> None:
        header = "Run Date,Action,Symbol,Quantity,Amount\n"
        row = "01/19/2024,YOU BOUGHT{},AAPL,1,-1\n"
        long = limits.STATEMENT_LINE_LENGTH_MAX - len("01/19/2024YOU BOUGHTAAPL1-1")
        (read_row,) = READERS.read((header + row.format("x" * long)).encode(), "fidelity_csv").rows
        assert read_row.activity is not None
        assert len(read_row.activity.description) == limits.STATEMENT_TEXT_LENGTH_MAX
        for bad in (row.format("x" * (long + 1)), "," * limits.STATEMENT_FIELDS_MAX + "x"):
            with pytest.raises(StatementUnreadable, match="longer"):
                READERS.read((header + bad).encode(), "fidelity_csv")

    def test_a_file_has_at_most_so_many_accounts(self) -> None:
        header = "Run Date,Account Number,Action,Symbol,Quantity,Amount\n"
        rows = [f"01/19/2024,{n},YOU BOUGHT,AAPL,1,-1\n" for n in range(51)]
        most = limits.STATEMENT_ACCOUNTS_MAX
        assert len(READERS.read((header + "".join(rows[:most])).encode()).accounts) == most
        with pytest.raises(StatementUnreadable, match="accounts"):
            READERS.read((header + "".join(rows)).encode())

    def test_elements_lie_at_most_so_deep(self) -> None:
        deep = limits.STATEMENT_DEPTH_MAX
        inner = "<a>" * (deep - 1) + "</a>" * (deep - 1)
        READERS.read(f"<FlexQueryResponse>{inner}</FlexQueryResponse>".encode())
        with pytest.raises(StatementUnreadable, match="deeper"):
            READERS.read(f"<FlexQueryResponse><a>{inner}</a></FlexQueryResponse>".encode())
        with pytest.raises(StatementUnreadable, match="deeper"):
            READERS.read(b"<OFX>" + b"<AGGREGATE>" * 80)


@given(st.binary(max_size=400), st.sampled_from(READERS.formats))
def test_no_bytes_break_a_reader(body: bytes, name: str) -> None:
    try:
        READERS.read(body, name)
    except StatementUnreadable:
        return


@given(st.data(), st.sampled_from([*files.ALL.values(), files.OFX_XML]))
def test_no_damage_of_a_real_file_breaks_its_reader(data: st.DataObject, text: str) -> None:
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(text)))
        length = data.draw(st.integers(0, 30))
        put = data.draw(st.sampled_from(['"', ",", "\n", "<", ">", "&", "-", "9" * 30, "é", "\r"]))
        text = text[:at] + put + text[at + length :]
    for name in ("auto", *READERS.formats):
        try:
            statement = READERS.read(text.encode(), name)
        except StatementUnreadable:
            continue
        for row in statement.rows:
            assert (row.activity is not None) == (row.kind is RowKind.LINE)
            assert row.activity is not None or row.why


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("-SPY240119C470", "SPY240119C00470000"),
        ("-BRKB240119P350.5", "BRKB240119P00350500"),
        ("SPY 01/19/2024 470.00 C", "SPY240119C00470000"),
        ("SPY 1/19/2024 Put $1,470.00", "SPY240119P01470000"),
        ("SPY 19JAN24 470 C", "SPY240119C00470000"),
        ("SPY Jan 19 2024 470.00 Call", "SPY240119C00470000"),
        ("SPXW  240119C04700000", "SPXW240119C04700000"),
        ("SPXW240119C04700000", "SPXW240119C04700000"),
        ("BRK/B 01/19/2024 350.00 P", "BRKB240119P00350000"),
    ],
)
def test_options_are_read_in_every_spelling(written: str, key: str) -> None:
    text = f'Run Date,Action,Symbol,Quantity,Amount\n01/19/2024,YOU BOUGHT,"{written}",1,-1\n'
    (row,) = READERS.read(text.encode()).rows
    assert row.activity is not None, row.why
    assert row.activity.asset is not None
    assert row.activity.asset.kind is AssetKind.OPTION
    assert row.activity.asset.symbol == key


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("$1,234.56", "1234.56"),
        ("-$1.50", "-1.5"),
        ("$-1.50", "-1.5"),
        ("($1.50)", "-1.5"),
        ("1.50-", "-1.5"),
        ("+.5", "0.5"),
        ("\N{MINUS SIGN}7", "-7"),
        ("7.", "7"),
        ("100", "100"),
        ("0.00", "0"),
    ],
)
def test_amounts_are_read_in_every_spelling(written: str, value: str) -> None:
    text = f'Run Date,Action,Symbol,Quantity,Amount\n01/19/2024,DIVIDEND,AAPL,,"{written}"\n'
    (row,) = READERS.read(text.encode()).rows
    assert row.activity is not None, row.why
    assert row.activity.kind is ActivityKind.DIVIDEND
    assert row.activity.cash.amount == Decimal(value)


@pytest.mark.parametrize("written", ["1,23", "1e5", "NaN", "1.2.3", "--5", "$", "9" * 40, "١"])
def test_what_is_no_amount_is_told(written: str) -> None:
    text = f'Run Date,Action,Symbol,Quantity,Amount\n01/19/2024,DIVIDEND,AAPL,,"{written}"\n'
    (row,) = READERS.read(text.encode()).rows
    assert row.kind is RowKind.UNREADABLE
