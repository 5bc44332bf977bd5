"""What the operator can set about the market: which feed, and where its memory is kept."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from optix.kernel import limits
from optix.kernel.symbols import MalformedSymbol, parse_symbol
from optix.platform.setting_types import Group, OptionalPath, OptionalText, problem


class MarketSettings(Group):
    feed: Literal["auto", "cboe", "replay", "sim"] = Field(
        "auto",
        description="The market feed: cboe (delayed quotes), replay, sim, or auto (cboe where it "
        "answers, else sim).",
        examples=["sim"],
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
