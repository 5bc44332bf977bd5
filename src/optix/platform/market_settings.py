"""What the operator can set about the market: which feed, and where its memory is kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, model_validator

from optix.kernel import limits
from optix.kernel.symbols import MalformedSymbol, parse_symbol
from optix.platform.setting_types import (
    PREFIX,
    Group,
    OptionalPath,
    OptionalText,
    blank_is_absent,
    problem,
)
from optix.ports.market_data import DataKind

ALONE: Final = ("auto", "replay", "sim")  # a market of its own: never beside another feed
REAL: Final = (
    "tradier",
    "alpaca",
    "polygon",
    "schwab",
    "tastytrade",
    "cboe",
    "yahoo",
    "thetadata",
    "orats",
)


def names_of(text: str) -> list[str]:
    """Return the feeds of a list with commas."""
    return [part.strip().lower() for part in text.split(",") if part.strip()]


def _feed_list(text: str | None, info: ValidationInfo) -> str | None:
    """Return a list of feeds in one spelling, or say what is wrong with it."""
    if text is None:
        return None
    names = names_of(text)
    unknown = [name for name in names if name not in (*ALONE, *REAL)]
    alone = [name for name in names if name in ALONE]
    wrong = ""
    if unknown or not names:
        wrong = f"there is no feed {', '.join(unknown) or 'named'}"
    elif alone and len(names) > 1:
        wrong = f"{alone[0]} is a market of its own and is never mixed with another feed"
    elif len(set(names)) < len(names):
        wrong = "a feed is named twice"
    if wrong:
        variable = f"{PREFIX}{(info.field_name or '').upper()}"
        raise problem(
            f"{variable} cannot be used: {wrong}. Name one or more of {', '.join(REAL)}, the "
            f"preferred one first, or one of {', '.join(ALONE)}. For example: "
            f"{variable}=tradier,cboe"
        )
    return ",".join(names)


FeedList = Annotated[str, AfterValidator(_feed_list)]
OptionalFeedList = Annotated[
    str | None, BeforeValidator(blank_is_absent), AfterValidator(_feed_list)
]


class MarketSettings(Group):
    feed: FeedList = Field(
        "auto",
        description="The market feeds in the order of preference, the next one stands in when one "
        "fails: tradier, alpaca, polygon, schwab, tastytrade, cboe (delayed quotes), yahoo, "
        "thetadata, orats. Or alone: replay, sim, or auto (cboe where it answers, else sim).",
        examples=["tradier,cboe"],
    )
    feed_quotes: OptionalFeedList = Field(
        None,
        description="The feeds for quotes, where they are not those of OPTIX_FEED.",
        examples=["tradier,cboe"],
    )
    feed_chains: OptionalFeedList = Field(
        None,
        description="The feeds for option chains, where they are not those of OPTIX_FEED.",
        examples=["cboe,tradier"],
    )
    feed_bars: OptionalFeedList = Field(
        None,
        description="The feeds for price history, where they are not those of OPTIX_FEED.",
        examples=["yahoo,cboe"],
    )
    feed_search: OptionalFeedList = Field(
        None,
        description="The feeds for symbol search, where they are not those of OPTIX_FEED.",
        examples=["cboe"],
    )
    feed_trades: OptionalFeedList = Field(
        None,
        description="The feeds for prints, where they are not those of OPTIX_FEED.",
        examples=["tradier"],
    )
    feed_corporate_actions: OptionalFeedList = Field(
        None,
        description="The feeds for dividends and splits, where they are not those of OPTIX_FEED.",
        examples=["yahoo"],
    )
    feed_chain_history: OptionalFeedList = Field(
        None,
        description="The feeds for chains of the past, where they are not those of OPTIX_FEED.",
        examples=["thetadata,orats"],
    )
    feed_keep_order: bool = Field(
        False,
        description="Keep to that order also where it puts delayed quotes before real-time ones.",
        examples=["true"],
    )
    replay: OptionalPath = Field(
        None,
        description="The recorded file or folder that OPTIX_FEED=replay plays.",
        examples=["recordings/spy.parquet"],
    )
    replay_speed: float | Literal["step"] = Field(
        1.0,
        description="1 is real time, 10 is ten times as fast, step waits for each advance.",
        examples=["10"],
    )
    replay_loop: bool = Field(
        False, description="Begin again at the end of the recording.", examples=["true"]
    )
    sim_seed: int = Field(
        1, ge=0, description="The same seed gives the same simulated market.", examples=["7"]
    )
    risk_free_rate: float = Field(
        0.04,
        ge=-0.05,
        le=0.5,
        allow_inf_nan=False,
        description="The annual rate, as a decimal, where option prices imply none.",
        examples=["0.04"],
    )

    @property
    def feeds(self) -> tuple[str, ...]:
        """Every feed that is named anywhere, those of OPTIX_FEED first."""
        lists = [self.feed, *self.feed_orders.values()]
        return tuple(dict.fromkeys(name for names in lists for name in names_of(names)))

    @property
    def feed_orders(self) -> Mapping[DataKind, str]:
        """The lists of the kinds of data that have one of their own."""
        given = {kind: getattr(self, f"feed_{kind}") for kind in DataKind}
        return {kind: names for kind, names in given.items() if names is not None}

    def only(self, feeds: str) -> Self:
        """Return these settings with other feeds, for every kind of data alike."""
        orders = dict.fromkeys(f"feed_{kind}" for kind in self.feed_orders)
        return self.model_copy(update={**orders, "feed": feeds})

    @model_validator(mode="after")
    def _orders_are_of_real_feeds(self) -> Self:
        for kind, names in self.feed_orders.items():
            alone = [name for name in names_of(f"{self.feed},{names}") if name in ALONE]
            if alone:
                variable = f"OPTIX_FEED_{kind.upper()}"
                raise problem(
                    f"{variable} cannot be used with {alone[0]}, which is a market of its own: "
                    f"leave {variable} out, or name other feeds. "
                    f"For example: OPTIX_FEED=tradier,cboe {variable}=cboe"
                )
        return self

    @model_validator(mode="after")
    def _replay_has_a_recording(self) -> Self:
        if isinstance(self.replay_speed, float) and not 0 < self.replay_speed <= 100_000:
            raise problem(
                "OPTIX_REPLAY_SPEED must be above 0 and at most 100000, or the word step. "
                "For example: OPTIX_REPLAY_SPEED=10"
            )
        if self.feed == "replay" and self.replay is None:
            raise problem(
                "OPTIX_FEED=replay needs a recording: set OPTIX_REPLAY to a recorded file or "
                "folder, or choose OPTIX_FEED=sim."
            )
        if self.feed == "replay" and self.replay is not None and not self.replay.exists():
            raise problem(
                f"OPTIX_REPLAY points to {self.replay}, which does not exist: correct the path, "
                "or choose OPTIX_FEED=sim."
            )
        return self


class HistorySettings(Group):
    """The columnar store of chains, quotes, trades and bars."""

    history_dir: OptionalPath = Field(
        None,
        description="The folder of the market history; left out, `history` in the data folder.",
        examples=["/var/lib/optix/history"],
    )
    history_url: OptionalText = Field(
        None,
        description="An S3-compatible place instead of a folder.",
        examples=["s3://my-bucket/optix/history"],
    )
    capture_symbols: OptionalText = Field(
        None,
        description="Underlyings whose chains are stored after each close, with commas between "
        "them; none where left out.",
        examples=["SPY,QQQ,IWM"],
    )

    @property
    def captured(self) -> list[str]:
        """The underlyings of `capture_symbols`, each once, in OPTIX spelling."""
        words = [word for word in (self.capture_symbols or "").split(",") if word.strip()]
        return list(dict.fromkeys(parse_symbol(word) for word in words))

    @model_validator(mode="after")
    def _captures_symbols(self) -> Self:
        try:
            wanted = len(self.captured)
        except MalformedSymbol as error:
            raise problem(f"OPTIX_CAPTURE_SYMBOLS: {error.detail}") from error
        if wanted > limits.HISTORY_CAPTURED_SYMBOLS_MAX:
            raise problem(
                f"OPTIX_CAPTURE_SYMBOLS names {wanted} underlyings; at most "
                f"{limits.HISTORY_CAPTURED_SYMBOLS_MAX} are captured."
            )
        return self


class AgreementSettings(Group):
    """Who may see real-time prices, where the feed has them."""

    market_agreement: Literal["auto", "required", "off"] = Field(
        "auto",
        description="Whether real-time prices need a signed non-professional declaration: auto is "
        "required in production.",
        examples=["required"],
    )
    market_professionals: bool = Field(
        False,
        description="Whether who declares to be a professional sees real time; exchanges bill the "
        "operator for them.",
        examples=["true"],
    )
    delayed_feed: OptionalFeedList = Field(
        None,
        description="The feed shown to everybody else while OPTIX_FEED is real time, like cboe; "
        "left out, they are asked for the declaration instead.",
        examples=["cboe"],
    )
