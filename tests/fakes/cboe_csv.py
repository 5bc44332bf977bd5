"""Quotedata files in Cboe's format, written line by line."""

from __future__ import annotations

from collections.abc import Sequence

_SIDE = "Last Sale,Net,Bid,Ask,Volume,IV,Delta,Gamma,Open Interest"
HEADER = f"Expiration Date,Calls,{_SIDE},Strike,Puts,{_SIDE}"


def csv_line(
    *,
    root: str = "SPXW",
    strike: int = 4275,
    stated: str = "Fri Sep 15 2023",
    stated_strike: str = "",
    call: str = "",
    bid: str = "241.2",
    ask: str = "245.4",
    iv: str = "0.167",
    net: str = "-1.65",
) -> str:
    """Return the line of one strike that expires on 2023-09-15."""
    call = call or f"{root}230915C{strike * 1000:08d}"
    put = f"{root}230915P{strike * 1000:08d}"
    calls = f"{call},237.66,{net},{bid},{ask},0,{iv},0.9618,0.0006,16"
    puts = f"{put},2.45,-1.65,2.05,2.2,17,0.1652,-0.0382,0.0006,107"
    return f"{stated},{calls},{stated_strike or f'{strike}.00'},{puts}"


def quotedata(
    lines: Sequence[str],
    *,
    stamp: str = "September 14, 2023 at 4:31 PM EDT",
    volume: str = "Volume: 0",
) -> str:
    """Return a whole file."""
    preamble = [
        "Standard & Poors 500 Index,Last: 4505.1,Change:  37.66",
        f'"Date: {stamp}",Bid: 4483.25,Ask: 4526.27,Size: 1*2,{volume}',
        HEADER,
    ]
    return "\n".join([*preamble, *lines]) + "\n"
