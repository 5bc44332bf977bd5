"""The command `optix watch`. What it needs is imported when it runs."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import click


@click.command("watch")
@click.argument("symbols", required=False, default="")
@click.option("--chain", metavar="SYMBOL:DATE", help="Also the strikes around the money.")
@click.option(
    "--interval",
    type=click.IntRange(100, 2_000),
    default=500,
    show_default=True,
    help="Milliseconds between changes.",
)
@click.option("--once", is_flag=True, help="Print the present state and end.")
@click.option("--url", help="The server; without it the one of OPTIX_HOST and OPTIX_PORT.")
@click.option("--email", help="Sign in as; the password is asked for.")
def command(symbols: str, chain: str | None, email: str | None, **options: Any) -> None:
    """Follow the quotes of SYMBOLS, like IWM,SPY, in the terminal.

    On a development machine nothing else is needed. Elsewhere sign in with --email, or put an
    access token into OPTIX_ACCESS_TOKEN.
    """
    from rich.console import Console

    from optix.platform.settings import load_settings
    from optix.processes.stream_client import StreamClient, TokenSource
    from optix.processes.stream_sign_in import (
        TOKEN_VARIABLE,
        GivenToken,
        SignedInSession,
        stream_url,
    )
    from optix.processes.watch import Wish, watch

    wish = Wish.parse(symbols, chain)
    server = options["url"] or load_settings().base_url
    address = stream_url(server)
    token = os.environ.get(TOKEN_VARIABLE, "")
    password = None
    if email is not None:
        password = click.prompt("Password", hide_input=True, err=True)

    async def work() -> None:
        source: TokenSource
        async with SignedInSession(server, email=email, password=password) as session:
            source = GivenToken(token) if token and email is None else session
            await source(fresh=False)  # what is wrong with it is said before anything is drawn
            client = StreamClient(address, source, interval_ms=options["interval"])
            await watch(client, wish, Console(), once=options["once"])

    try:
        asyncio.run(work())
    except KeyboardInterrupt:
        click.echo()
