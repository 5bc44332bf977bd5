"""The accounts of market data providers: one group each.

A provider without its secrets is not offered. Addresses are given only where an operator may have
another one (a sandbox, a local terminal).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Literal

from pydantic import Field

from optix.platform.setting_types import PREFIX, Group, OptionalSecret, OptionalText


class TradierSettings(Group):
    tradier_token: OptionalSecret = Field(
        None, description="The access token of a Tradier account.", examples=["…"]
    )
    tradier_environment: Literal["production", "sandbox"] = Field(
        "production",
        description="production is real time, sandbox 15 minutes late and without a stream.",
        examples=["sandbox"],
    )


class AlpacaSettings(Group):
    alpaca_key_id: OptionalText = Field(
        None, description="The key id of an Alpaca account.", examples=["PK…"]
    )
    alpaca_secret_key: OptionalSecret = Field(
        None, description="The secret of that key.", examples=["…"]
    )
    alpaca_feed: Literal["opra", "indicative"] = Field(
        "indicative",
        description="opra needs a paid plan; indicative quotes are made from OPRA's, not OPRA's.",
        examples=["opra"],
    )


class PolygonSettings(Group):
    polygon_api_key: OptionalSecret = Field(
        None, description="The key of a Polygon (Massive) plan.", examples=["…"]
    )
    polygon_delayed: bool = Field(
        True,
        description="Whether the plan is the delayed one; real time has a stream of its own.",
        examples=["false"],
    )


class SchwabSettings(Group):
    schwab_app_key: OptionalText = Field(
        None, description="The key of an app at the Schwab developer portal.", examples=["…"]
    )
    schwab_app_secret: OptionalSecret = Field(
        None, description="The secret of that app.", examples=["…"]
    )
    schwab_refresh_token: OptionalSecret = Field(
        None, description="A refresh token of that app; it lives for seven days.", examples=["…"]
    )


class TastytradeSettings(Group):
    tastytrade_client_secret: OptionalSecret = Field(
        None, description="The client secret of a tastytrade OAuth app.", examples=["…"]
    )
    tastytrade_refresh_token: OptionalSecret = Field(
        None, description="A refresh token for that app.", examples=["…"]
    )
    tastytrade_environment: Literal["production", "sandbox"] = Field(
        "production", description="sandbox is the certification environment.", examples=["sandbox"]
    )


class YahooSettings(Group):
    yahoo_enabled: bool = Field(
        False,
        description="Ask Yahoo for quotes, chains and bars. Its terms allow personal use only.",
        examples=["true"],
    )


class ThetaDataSettings(Group):
    thetadata_url: OptionalText = Field(
        None,
        description="The address of a Theta Terminal that runs beside OPTIX.",
        examples=["http://127.0.0.1:25503/v3"],
    )
    thetadata_plan: Literal["free", "value", "standard", "pro"] = Field(
        "value",
        description="The ThetaData plan: how much may be asked at once, and what for.",
        examples=["standard"],
    )


class OratsSettings(Group):
    orats_token: OptionalSecret = Field(
        None, description="The token of an ORATS data plan.", examples=["…"]
    )


# What a provider cannot be used without, by its name; its group of settings has that name too.
_NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "tradier": ("tradier_token",),
    "alpaca": ("alpaca_key_id", "alpaca_secret_key"),
    "polygon": ("polygon_api_key",),
    "schwab": ("schwab_app_key", "schwab_app_secret", "schwab_refresh_token"),
    "tastytrade": ("tastytrade_client_secret", "tastytrade_refresh_token"),
    "yahoo": ("yahoo_enabled",),
    "thetadata": ("thetadata_url",),
    "orats": ("orats_token",),
}


def account_problems(feeds: Iterable[str], groups: Mapping[str, Group]) -> Iterator[str]:
    """Yield a sentence for each of `feeds` whose account is not set; `groups` by name."""
    for name in feeds:
        fields = _NEEDED.get(name, ())
        missing = [field for field in fields if not getattr(groups[name], field)]
        if missing:
            wanted = " and ".join(
                f"{PREFIX}{field.upper()}={_example(groups[name], field)}" for field in missing
            )
            yield (
                f"OPTIX_FEED names {name}, whose account is not set: set {wanted}, or take {name} "
                "out of the list."
            )


def _example(group: Group, field: str) -> str:
    return str((type(group).model_fields[field].examples or [""])[0])
