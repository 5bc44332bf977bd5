"""`optix watch`: live quotes, or the middle of a chain, in the terminal, over the stream.

What a number means is the same as on the phone: sign and arrow beside the colour, how old it is,
where it comes from, and that it is stale when the feed says so or the line is lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from optix.kernel.errors import InvalidInput, NotFound, OptixError, Unavailable
from optix.kernel.instrument import Right
from optix.kernel.symbols import parse_symbol
from optix.processes.stream_client import StreamClient
from optix.processes.stream_state import FollowedChain, FollowedQuotes, Row, StreamState

STRIKES_AROUND: Final = 8
CHAIN_COLUMNS: Final = ("bid", "ask", "iv", "delta")
FIRST_SECONDS_MAX: Final = 20.0  # until everything is there; then `--once` says what is missing
REFRESHES_PER_SECOND: Final = 8
_WIDE: Final = 96  # from which the volume has a place
_WIDTH_OF_A_FILE: Final = 200
_HEADS: Final = {"bid": "Bid", "ask": "Ask", "iv": "IV %", "delta": "Δ"}
_FORMATS: Final = {"iv": ".1f"}
_ARROWS: Final = {1: "▲", -1: "▼", 0: "•"}
_STYLES: Final = {1: "green", -1: "red", 0: ""}
_NOTHING: Final = "—"


class NothingToWatch(InvalidInput):
    code = "nothing_to_watch"
    next_step = "Name symbols, like SPY,IWM, or a chain with --chain SPY:2026-12-18."


class BadChain(InvalidInput):
    """A chain that is not written as a symbol and a date."""

    code = "bad_chain"
    next_step = "Write it like SPY:2026-12-18."


class NothingShown(NotFound):
    """The server has nothing of what was asked for."""

    code = "nothing_shown"
    next_step = "Look a symbol up in the app, or with `optix chain`."


class NotInTime(Unavailable):
    """Not everything came before the time was over."""

    code = "not_in_time"
    next_step = "Check the server and its market feed, then try again."


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be watched."""

    symbols: tuple[str, ...] = ()
    chain: tuple[str, str] | None = None

    @classmethod
    def parse(cls, symbols: str, chain: str | None) -> Wish:
        """Errors: NothingToWatch, BadChain, MalformedSymbol."""
        named = tuple(dict.fromkeys(parse_symbol(each) for each in symbols.split(",") if each))
        if chain is not None:
            underlying, _, expiration = chain.partition(":")
            try:
                day = date.fromisoformat(expiration)
            except ValueError as error:
                raise BadChain(f"{chain!r} is not a chain.") from error
            return cls(named, (parse_symbol(underlying), day.isoformat()))
        if not named:
            raise NothingToWatch("There is nothing to watch.")
        return cls(named)


class Watch:
    """What one run follows, and how it looks."""

    def __init__(self, client: StreamClient, wish: Wish, *, wide: bool) -> None:
        self._client = client
        self._wide = wide
        self._wish = wish
        self._quotes: FollowedQuotes | None = None
        self._chain: FollowedChain | None = None

    async def follow(self) -> None:
        """Ask for everything."""
        if self._wish.symbols:
            self._quotes = await self._client.quotes(self._wish.symbols)
        if self._wish.chain is not None:
            underlying, expiration = self._wish.chain
            self._chain = await self._client.chain(
                underlying,
                expiration,
                strikes={"around": STRIKES_AROUND},
                columns=CHAIN_COLUMNS,
            )

    @property
    def settled(self) -> bool:
        """Whether everything is there, or it is said why not."""
        if self._quotes is not None and not (
            self._quotes.error or (self._quotes.live and not self._pending())
        ):
            return False
        return self._chain is None or bool(self._chain.error or self._chain.live)

    def problem(self) -> OptixError | None:
        """Return why nothing at all can be shown."""
        for followed in (self._quotes, self._chain):
            if followed is not None and followed.error is not None:
                return followed.error
        missing = {} if self._quotes is None else self._quotes.missing
        if missing and self._quotes is not None and not self._quotes.rows and self._chain is None:
            said = "; ".join(sorted({str(each["detail"]) for each in missing.values()}))
            return NothingShown(said)
        return None

    def shown(self) -> RenderableType:
        """Return the present state."""
        state = self._client.state
        parts: list[RenderableType] = []
        if self._quotes is not None:
            parts.append(
                _quotes_table(
                    self._wish.symbols, self._quotes, state, offline=self._offline, wide=self._wide
                )
            )
        if self._chain is not None:
            parts.append(_chain_table(self._chain, state, offline=self._offline))
        return Group(*parts, self._footer())

    @property
    def _offline(self) -> bool:
        return self._client.where != "online"

    def _pending(self) -> set[str]:
        assert self._quotes is not None, "there are quotes"
        missing = self._quotes.missing
        told = {s for s, each in missing.items() if each.get("code") != "pending"}
        return set(self._wish.symbols) - self._quotes.rows.keys() - told

    def _footer(self) -> Text:
        status = self._client.state.status
        if self._offline:
            error = self._client.last_error
            said = error.detail if error is not None else "connecting"
            return Text(f"offline · {said} · trying again", style="yellow")
        words = [
            str(status.get("label") or status.get("source") or "no feed"),
            str(status.get("state", "")),
            str(status.get("quality", "")),
            str(status.get("reason", "")),
            str(status.get("notice", "")),
        ]
        style = "yellow" if self._client.state.stale else "dim"
        return Text(" · ".join(word for word in words if word), style=style)


async def watch(client: StreamClient, wish: Wish, console: Console, *, once: bool = False) -> None:
    """Show what is wished until cancelled, or once.

    Errors: what the server says where nothing can be shown; NotInTime with `once`.
    """
    if not console.is_terminal:
        console.width = _WIDTH_OF_A_FILE
    view = Watch(client, wish, wide=console.width >= _WIDE)
    await view.follow()
    async with client.running():
        if once:
            await _settle(client, view)
            console.print(view.shown())
            return
        with Live(view.shown(), console=console, refresh_per_second=REFRESHES_PER_SECOND) as live:
            while True:
                await client.changed(seconds=1.0)  # also without one: ages grow
                problem = view.problem()
                if problem is not None:
                    raise problem
                live.update(view.shown())


async def _settle(client: StreamClient, view: Watch) -> None:
    try:
        await client.until(lambda: view.settled, seconds=FIRST_SECONDS_MAX)
    except TimeoutError as error:
        raise client.last_error or NotInTime("Not everything came in time.") from error
    problem = view.problem()
    if problem is not None:
        raise problem


def _quotes_table(
    symbols: Sequence[str],
    quotes: FollowedQuotes,
    state: StreamState,
    *,
    offline: bool,
    wide: bool,
) -> Table:
    heads = ["Last", "Bid × Ask", "Change", *(["Volume"] if wide else []), "Age"]
    table = Table(box=None)
    table.add_column("Symbol", style="bold", no_wrap=True)
    for head in heads:
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    dim = offline or state.stale
    for symbol in symbols:
        row = quotes.rows.get(symbol)
        if row is None:
            said = str(quotes.missing.get(symbol, {}).get("code", "waiting")).replace("_", " ")
            dashes = [_NOTHING, *[""] * (len(heads) - 1)]
            table.add_row(symbol, *dashes, Text(said, style="yellow"))
            continue
        sign, change = _change(row)
        style = "" if dim else _STYLES[sign]
        cells: list[str | Text] = [
            Text(_number(row["last"]), style=style),
            f"{_number(row['bid'])} × {_number(row['ask'])}",
            Text(f"{_ARROWS[sign]} {change}", style=style),
            _age(row["as_of"], state.market_ms),
            _freshness(row, offline=offline, stale=state.stale),
        ]
        if wide:
            cells.insert(3, _number(row["volume"], ",.0f"))
        table.add_row(symbol, *cells, style="dim" if dim else "")
    return table


def _chain_table(chain: FollowedChain, state: StreamState, *, offline: bool) -> Table:
    spot = chain.spot
    price = _number(spot["last"]) if spot is not None else _NOTHING
    asked = chain.asked["chain"]
    table = Table(box=None, title=f"{asked['underlying']} {price} · {asked['expiration']}")
    for name in reversed(CHAIN_COLUMNS):
        table.add_column(_HEADS[name], justify="right", no_wrap=True)
    table.add_column("Strike", justify="center", style="bold")
    for name in CHAIN_COLUMNS:
        table.add_column(_HEADS[name], justify="right", no_wrap=True)
    style = "dim" if offline or state.stale else ""
    for (strike, root), sides in sorted(_pairs(chain).items()):
        call, put = sides.get(Right.CALL, {}), sides.get(Right.PUT, {})
        name = f"{strike:g}" if root == asked["underlying"] else f"{strike:g} {root}"
        cells = [_cell(call, column) for column in reversed(CHAIN_COLUMNS)]
        table.add_row(*cells, name, *(_cell(put, column) for column in CHAIN_COLUMNS), style=style)
    return table


def _pairs(chain: FollowedChain) -> dict[tuple[float, str], dict[str, Row]]:
    pairs: dict[tuple[float, str], dict[str, Row]] = {}
    for contract in chain.contracts:
        sides = pairs.setdefault((contract["strike"], contract["root"]), {})
        sides[str(contract["right"])] = chain.rows.get(contract["i"], {})
    return pairs


def _cell(row: Row, name: str) -> str:
    value = row.get(name)
    if value is None:
        return _NOTHING
    return _number(value * 100 if name == "iv" else value, _FORMATS.get(name, ".2f"))


def _number(value: Any, form: str = ",.2f") -> str:
    return _NOTHING if value is None else format(value, form).replace("-", "−")


def _change(row: Row) -> tuple[int, str]:
    """Return the sign of the day's change, and the change with its percentage."""
    last, before = row["last"], row["previous_close"]
    if last is None or not before:
        return 0, _NOTHING
    change = last - before
    sign = (change > 0) - (change < 0)
    return sign, f"{change:+,.2f} ({change / before:+.2%})".replace("-", "−")


def _age(as_of_ms: int | None, market_ms: int) -> str:
    if as_of_ms is None or not market_ms:
        return _NOTHING
    seconds = max(0, market_ms - as_of_ms) // 1000
    steps = ((86_400, "d"), (3_600, "h"), (60, "min"))
    for size, unit in steps:
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _freshness(row: Row, *, offline: bool, stale: bool) -> str:
    words = [str(row["quality"])]
    if offline:
        words = ["offline"]
    elif stale:
        words = ["stale"]
    if row["trading"] not in (None, "open"):
        words.append(str(row["trading"]))
    return " ".join(words)
