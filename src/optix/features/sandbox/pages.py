"""The sandbox's own pages: plain HTML without a script, for phones first, in light and dark."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

from optix.features.sandbox.models import SandboxAccount
from optix.features.sandbox.schemas import PaperBalances, PaperOrder, PaperPosition

LEGS_SHOWN: Final = 4
STYLE: Final = """
:root{color-scheme:light dark;--ink:#14181f;--soft:#56606e;--paper:#fff;--line:#c9d0d9;--do:#0b57d0}
@media (prefers-color-scheme:dark){
:root{--ink:#e8ecf2;--soft:#a6b0be;--paper:#12161c;--line:#3a434f;--do:#9cc2ff}}
body{font:16px/1.5 system-ui,sans-serif;margin:0;color:var(--ink);background:var(--paper)}
main{max-width:44rem;margin:0 auto;padding:1rem}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}p,caption{color:var(--soft)}
table{width:100%;border-collapse:collapse}caption{text-align:left}
th,td{padding:.4rem .2rem;border-bottom:1px solid var(--line);text-align:right;
overflow-wrap:anywhere}th:first-child,td:first-child{text-align:left}
fieldset{border:1px solid var(--line);border-radius:.5rem;margin:0 0 1rem}
label{display:block;margin:.4rem 0}
input,select,button{font:inherit;min-height:44px;width:100%;box-sizing:border-box;
color:inherit;background:transparent;border:1px solid var(--line);border-radius:.5rem}
select option{background:var(--paper)}
button{margin-top:.5rem;border-color:var(--do);color:var(--do);font-weight:600}
:focus-visible{outline:3px solid var(--do);outline-offset:2px}
[role=alert],[role=status]{border-left:4px solid var(--do);padding:.2rem .8rem;color:var(--ink)}
"""
_HASH: Final = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)


def _page(title: str, body: str, head: str = "") -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)} – Sandbox brokerage</title>{head}<style>{STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1>{body}</main></body></html>"
    )


def welcome() -> str:
    return _page(
        "Paper accounts",
        "<p>Trade with money that is not real, on live quotes. Your account comes with a year of "
        "made-up history. This browser keeps its key.</p>"
        '<form method="post" action="/sandbox/accounts">'
        "<button>Open a paper account</button></form>",
    )


def consent(asked: Mapping[str, str], *, known: bool) -> str:
    """Ask a holder whether OPTIX may read; somebody new gets an account with the answer."""
    fields = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in asked.items()
    )
    first = (
        "" if known else "<p>You have no paper account in this browser yet: allowing opens one.</p>"
    )
    return _page(
        "May OPTIX read your paper account?",
        "<p>It would see balances, positions, orders and history. It cannot trade, and you can "
        f"end this in OPTIX at any time.</p>{first}"
        f'<form method="post" action="/sandbox/authorize">{fields}'
        '<button name="answer" value="allow">Allow</button>'
        '<button name="answer" value="deny">Do not allow</button></form>',
    )


def onward(address: str) -> str:
    """Send the browser back. No redirect: a form's policy would forbid where those lead."""
    safe = escape(address)
    return _page(
        "Back to OPTIX",
        f'<p><a href="{safe}">Continue</a></p>',
        head=f'<meta http-equiv="refresh" content="0;url={safe}">',
    )


def refused(detail: str) -> str:
    return _page("This cannot be done", f'<p role="alert">{escape(detail)}</p>')


def account_page(
    account: SandboxAccount,
    balances: PaperBalances,
    positions: Sequence[PaperPosition],
    orders: Sequence[PaperOrder],
    problem: str = "",
) -> str:
    alert = f'<p role="alert">{escape(problem)}</p>' if problem else ""
    worth = balances.net_liquidation or "not known now"
    held = [
        (each.symbol, each.quantity, each.price or "–", each.value or "–") for each in positions
    ]
    return _page(
        f"{account.name} …{account.number[-4:]}",
        f"{alert}<p>Cash {escape(balances.cash)} USD, all together {escape(worth)}. "
        "Not real money.</p>"
        + _order_form(account)
        + "<h2>Orders</h2>"
        + ("".join(map(_order, reversed(orders))) or "<p>None today.</p>")
        + "<h2>Positions</h2>"
        + _table("What you hold", ("Symbol", "Quantity", "Price", "Value"), held),
    )


def _order_form(account: SandboxAccount) -> str:
    legs = "".join(
        f"<fieldset><legend>Leg {number}</legend>"
        f'<label>Side <select name="side{number}"><option value="1">Buy</option>'
        '<option value="-1">Sell</option></select></label>'
        f'<label>Stock or option <input name="symbol{number}" maxlength="32" '
        f'autocapitalize="characters" autocomplete="off"{" required" if number == 1 else ""}>'
        f'</label><label>Quantity <input name="quantity{number}" inputmode="numeric" '
        'maxlength="8" value="1"></label></fieldset>'
        for number in range(1, LEGS_SHOWN + 1)
    )
    return (
        '<h2>New order</h2><form method="post" action="/sandbox/orders">'
        f'<input type="hidden" name="account" value="{account.id}">{legs}'
        "<label>Limit of the package, paid (or -received); empty for a market order "
        '<input name="limit" inputmode="text" maxlength="16" autocomplete="off"></label>'
        "<button>Place paper order</button></form>"
    )


def _order(order: PaperOrder) -> str:
    legs = ", ".join(f"{leg.quantity} {leg.symbol}" for leg in order.legs)
    fills = ", ".join(f"{fill.quantity} at {fill.price}" for fill in order.fills)
    cancel = (
        f'<form method="post" action="/sandbox/orders/{escape(order.id)}/cancel">'
        f"<button>Cancel {escape(legs)}</button></form>"
        if order.status == "working"
        else ""
    )
    said = " ".join(part for part in (order.status, fills, order.reason) if part)
    return f'<p role="status">{escape(legs)}: {escape(said)}</p>{cancel}'


def _table(caption: str, names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return (
        f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table>"
    )
