"""The sandbox's pages: where a holder allows reading, sees the paper account and trades in it."""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import urlencode, urlsplit
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import ValidationError
from starlette.requests import Request

from optix.features.sandbox import pages
from optix.features.sandbox.grants import OAuthRefused
from optix.features.sandbox.router import NO_STORE, SandboxDep, form_of, order_of
from optix.features.sandbox.schemas import PaperOrderAsked
from optix.features.sandbox.service import Sandbox
from optix.kernel.errors import Forbidden, InvalidInput, OptixError

COOKIE: Final = "optix_sandbox"
COOKIE_SECONDS: Final = 400 * 86_400
HEADERS: Final = {**NO_STORE, "Content-Security-Policy": pages.POLICY}

router = APIRouter(prefix="/sandbox", include_in_schema=False)


class FromElsewhere(Forbidden):
    code = "form_from_elsewhere"
    next_step = "Open the sandbox's own page and send it from there."


def _html(text: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(text, status_code=status, headers=HEADERS)


async def known_holder(request: Request, sandbox: SandboxDep) -> UUID | None:
    key = request.cookies.get(COOKIE, "")
    return await sandbox.find_holder(key) if key else None


async def own_form(request: Request) -> dict[str, str]:
    """Return a form that one of these pages sent. Raises FromElsewhere."""
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    host = request.headers.get("host", "")
    # A page that tells nobody where it is sends the origin "null"; browsers say the site besides.
    elsewhere = origin is not None and urlsplit(origin).netloc != host
    if elsewhere if site is None else site != "same-origin":
        raise FromElsewhere("This form came from another page.")
    return await form_of(request)


Known = Annotated[UUID | None, Depends(known_holder)]
Form = Annotated[dict[str, str], Depends(own_form)]


def _remember(response: Response, key: str, request: Request) -> None:
    response.set_cookie(
        COOKIE,
        key,
        max_age=COOKIE_SECONDS,
        path="/sandbox",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )


@router.get("/authorize")
async def ask_holder(request: Request, holder: Known, sandbox: SandboxDep) -> Response:
    asked = dict(request.query_params)
    try:
        sandbox.grants.check(asked)
    except OAuthRefused as error:
        return _html(pages.refused(error.detail), 400)
    return _html(pages.consent(asked, known=holder is not None))


@router.post("/authorize")
async def take_answer(request: Request, form: Form, holder: Known, sandbox: SandboxDep) -> Response:
    allowed = form.pop("answer", "") == "allow"
    try:
        asked = sandbox.grants.check(form)
    except OAuthRefused as error:
        return _html(pages.refused(error.detail), 400)
    key = ""
    if not allowed:
        told = {"error": "access_denied", "state": asked.state}
    else:
        if holder is None:
            key = await sandbox.open_account()
            holder = await sandbox.find_holder(key)
            assert holder is not None, "just opened"
        told = {"code": await sandbox.grants.consent(holder, asked), "state": asked.state}
    response = _html(pages.onward(f"{asked.redirect_uri}?{urlencode(told)}"))
    if key:
        _remember(response, key, request)
    return response


@router.get("")
async def show_account(holder: Known, sandbox: SandboxDep) -> Response:
    if holder is None:
        return _html(pages.welcome())
    return _html(await _account_page(sandbox, holder))


@router.post("/accounts")
async def open_account(request: Request, _: Form, holder: Known, sandbox: SandboxDep) -> Response:
    response = RedirectResponse("/sandbox", status_code=303, headers=HEADERS)
    if holder is None:
        _remember(response, await sandbox.open_account(), request)
    return response


@router.post("/orders")
async def place_order(form: Form, holder: Known, sandbox: SandboxDep) -> Response:
    if holder is None:
        return RedirectResponse("/sandbox", status_code=303, headers=HEADERS)
    try:
        await sandbox.place(holder, UUID(form.get("account", "")), _order_of(form))
    except InvalidInput as error:
        return _html(await _account_page(sandbox, holder, error.detail), 422)
    except (ValidationError, ValueError):
        problem = "A quantity or the limit is no number."
        return _html(await _account_page(sandbox, holder, problem), 422)
    except OptixError as error:
        return _html(pages.refused(error.detail), 404)
    return RedirectResponse("/sandbox", status_code=303, headers=HEADERS)


@router.post("/orders/{order}/cancel")
async def cancel_order(order: UUID, _: Form, holder: Known, sandbox: SandboxDep) -> Response:
    if holder is not None:
        await sandbox.cancel(holder, order)
    return RedirectResponse("/sandbox", status_code=303, headers=HEADERS)


def _order_of(form: dict[str, str]) -> PaperOrderAsked:
    """Return the order that a form asks for. Raises ValidationError, ValueError."""
    legs = []
    for number in range(1, pages.LEGS_SHOWN + 1):
        symbol = form.get(f"symbol{number}", "").strip().upper()
        if symbol:
            sign = -1 if form.get(f"side{number}") == "-1" else 1
            quantity = sign * int(form.get(f"quantity{number}", ""))
            legs.append({"symbol": symbol, "quantity": str(quantity)})
    limit = form.get("limit", "").strip()
    if limit and len(legs) == 1 and int(legs[0]["quantity"]) < 0:
        limit = f"-{limit.removeprefix('-')}"  # what one sale is to bring, however it is typed
    return PaperOrderAsked.model_validate(
        {"kind": "limit" if limit else "market", "legs": legs, "net_limit": limit or None}
    )


async def _account_page(sandbox: Sandbox, holder: UUID, problem: str = "") -> str:
    account = (await sandbox.list_accounts(holder))[0]
    found = await sandbox.list_orders(holder, account.id)
    return pages.account_page(
        account,
        await sandbox.get_balances(holder, account.id),
        await sandbox.list_positions(holder, account.id),
        [order_of(order, fills) for order, fills in found],
        problem,
    )
