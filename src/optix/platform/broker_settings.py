"""The operator's applications at brokerages: what OPTIX itself needs to connect its users.

Not the accounts of market data providers (`provider_settings`), which are the operator's own. A
brokerage whose application is not set is not offered, except where users may bring their own keys.
"""

from __future__ import annotations

from pydantic import Field

from optix.platform.setting_types import Group, OptionalPath, OptionalSecret, OptionalText


class BrokerSettings(Group):
    broker_schwab_app_key: OptionalText = Field(
        None, description="The key of a Schwab app for other people's accounts.", examples=["…"]
    )
    broker_schwab_app_secret: OptionalSecret = Field(
        None, description="The secret of that app.", examples=["…"]
    )
    broker_alpaca_client_id: OptionalText = Field(
        None,
        description="The id of an Alpaca OAuth app; without one users paste their own keys.",
        examples=["…"],
    )
    broker_alpaca_client_secret: OptionalSecret = Field(
        None, description="The secret of that app.", examples=["…"]
    )
    broker_tradier_client_id: OptionalText = Field(
        None,
        description="The id of a Tradier OAuth app; without one users paste their own token.",
        examples=["…"],
    )
    broker_tradier_client_secret: OptionalSecret = Field(
        None, description="The secret of that app.", examples=["…"]
    )
    broker_tradier_partner: bool = Field(
        False, description="Whether it is a partner's app, which may renew.", examples=["true"]
    )
    broker_tastytrade_client_id: OptionalText = Field(
        None,
        description="The id of a tastytrade OAuth app; without one users paste their own grant.",
        examples=["…"],
    )
    broker_tastytrade_client_secret: OptionalSecret = Field(
        None, description="The secret of that app.", examples=["…"]
    )
    broker_tastytrade_sandbox: bool = Field(
        False, description="Whether it is an app of the certification system.", examples=["true"]
    )
    broker_etrade_consumer_key: OptionalText = Field(
        None, description="The consumer key that E*TRADE gave to the operator.", examples=["…"]
    )
    broker_etrade_consumer_secret: OptionalSecret = Field(
        None, description="Its secret.", examples=["…"]
    )
    broker_etrade_sandbox: bool = Field(
        False, description="Whether it is a key of E*TRADE's sandbox.", examples=["true"]
    )
    broker_etrade_callback: bool = Field(
        False,
        description="Whether E*TRADE entered our callback for the key; else users copy a code.",
        examples=["true"],
    )
    broker_snaptrade_client_id: OptionalText = Field(
        None, description="The client id of a SnapTrade plan.", examples=["…"]
    )
    broker_snaptrade_consumer_key: OptionalSecret = Field(
        None, description="The consumer key of that plan.", examples=["…"]
    )
    broker_plaid_client_id: OptionalText = Field(
        None, description="The client id of a Plaid team with Investments.", examples=["…"]
    )
    broker_plaid_secret: OptionalSecret = Field(
        None, description="The secret of that team.", examples=["…"]
    )
    broker_webull_client_id: OptionalText = Field(
        None,
        description="The client id of a Webull Connect application; without one users paste their "
        "own App Key.",
        examples=["…"],
    )
    broker_webull_client_secret: OptionalSecret = Field(
        None, description="The secret of that application.", examples=["…"]
    )
    broker_webull_app_key: OptionalText = Field(
        None, description="The App Key that signs its requests.", examples=["…"]
    )
    broker_webull_app_secret: OptionalSecret = Field(
        None, description="The secret of that key.", examples=["…"]
    )
    broker_webull_sandbox: bool = Field(
        False, description="Whether they are of Webull's test system.", examples=["true"]
    )
    broker_ibkr_gateway_url: OptionalText = Field(
        None,
        description="Your own Client Portal Gateway with its path; users' own keys need none.",
        examples=["https://localhost:5000/v1/api"],
    )
    broker_ibkr_gateway_passphrase: OptionalSecret = Field(
        None, description="What a user must type to read through it.", examples=["…"]
    )
    broker_ibkr_gateway_certificate: OptionalPath = Field(
        None,
        description="Its certificate (PEM), where no authority signed it.",
        examples=["gw.pem"],
    )
    broker_sandbox_url: OptionalText = Field(
        None,
        description="Where the worker reaches the paper brokerage, if not at the public address.",
        examples=["http://optix-api:8000"],
    )
