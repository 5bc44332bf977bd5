"""Log lines: structured, bound to the request, and free of secrets.

Development writes coloured lines for people, production one JSON object a line. Every line, also
those of libraries that use the standard `logging`, passes `redact`. Metrics are in `metrics.py`.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, TextIO

import structlog
from structlog.typing import Processor

from optix.kernel.clock import SystemClock, to_datetime
from optix.platform.settings import Settings

REDACTED = "[redacted]"
TEXT_LENGTH_MAX = 8_192
DEPTH_MAX = 6

# Compared with "-", "_" and case taken out; the ends, so that access_token and x-api-key are met.
_SECRET_NAMES = re.compile(
    r"(authorization|cookie|cookies|password|passwd|passphrase|pwd|secret|token|apikey|privatekey"
    r"|signingkey|vaultkey|pepper|credential|credentials|otp|totp|mfacode|recoverycode|jwt|pem"
    r"|passwordhash|tokenhash|databaseurl|redisurl|dsn)$"
)
# Names that end like a secret but count something.
_HARMLESS_NAMES = frozenset({"maxtoken", "notoken", "expiredtoken"})

_PATTERNS: Sequence[tuple[re.Pattern[str], str]] = (
    # PEM blocks, whole or cut off
    (
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*-----|\Z)", re.DOTALL),
        REDACTED,
    ),
    # scheme://user:password@host and scheme://:password@host
    (
        re.compile(r"(?P<keep>\b[a-z][a-z0-9+.-]*://[^\s:/@]*):[^\s@]+@", re.IGNORECASE),
        r"\g<keep>:" + REDACTED + "@",
    ),
    # Authorization: Bearer …, Basic …
    (
        re.compile(r"\b(?P<keep>bearer|basic|digest)\s+[A-Za-z0-9._~+/=-]{6,}", re.IGNORECASE),
        rf"\g<keep> {REDACTED}",
    ),
    # Cookie: …, Set-Cookie: …, Authorization: … as header lines
    (
        re.compile(
            r"(?P<keep>(?:set-)?cookie|(?:proxy-)?authorization)(?P<mid>['\"]?\s*[:=]\s*)[^\r\n]+",
            re.IGNORECASE,
        ),
        rf"\g<keep>\g<mid>{REDACTED}",
    ),
    # password=…, "token": "…", ?access_token=…&
    (
        re.compile(
            r"(?P<keep>[A-Za-z0-9_-]*(?:password|passwd|passphrase|secret|token|api[_-]?key"
            r"|private[_-]?key))(?P<mid>['\"]?\s*[:=]\s*)"
            r"(?P<quote>['\"]?)(?!\[redacted\])(?:(?<=['\"])(?:[^'\"\\]|\\.)*|[^\s&,;'\"}\])]+)",
            re.IGNORECASE,
        ),
        rf"\g<keep>\g<mid>\g<quote>{REDACTED}",
    ),
    # JSON web tokens wherever they stand
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}(\.[A-Za-z0-9_-]*){1,4}"), REDACTED),
)

# Every pattern needs one of these, and most texts of a log line (a method, a route) have none.
_MARKS = re.compile(r"[\s:=]|eyJ")


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Take secrets out of a log line: by the name of a field, and by the look of any text."""
    return redacted(event)


def redacted(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return `values` as a log line would show them."""
    return {key: _clean(value, key) for key, value in values.items()}


def redact_text(text: str) -> str:
    """Return `text` without anything that looks like a secret."""
    if len(text) > TEXT_LENGTH_MAX:
        text = text[:TEXT_LENGTH_MAX] + "…"
    if not _MARKS.search(text):
        return text
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


@lru_cache(maxsize=1_024)
def _is_secret_name(name: str) -> bool:
    plain = re.sub(r"[^a-z]", "", name.casefold())
    singular = plain.removesuffix("s")
    if plain in _HARMLESS_NAMES or singular in _HARMLESS_NAMES:
        return False
    return bool(_SECRET_NAMES.search(plain) or _SECRET_NAMES.search(singular))


def _clean(value: object, name: str = "", depth: int = 0) -> object:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if name and _is_secret_name(name):
        return REDACTED
    if depth >= DEPTH_MAX:
        return "…"
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, bytes):
        return redact_text(value.decode(errors="replace"))
    if isinstance(value, Mapping):
        return {str(key): _clean(item, str(key), depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        items = list(value)
        if len(items) == 2 and isinstance(items[0], (str, bytes)):  # a header: name and value
            name = items[0].decode(errors="replace") if isinstance(items[0], bytes) else items[0]
            return [name, _clean(items[1], name, depth + 1)]
        return [_clean(item, "", depth + 1) for item in items]
    return redact_text(str(value))


def configure_logging(settings: Settings, *, stream: TextIO | None = None) -> None:
    """Send all log lines of this process to `stream` (stderr by default).

    Effects: configures structlog and the root logger; called once by the command line.
    """
    stream = stream or sys.stderr
    json_lines = settings.log_format == "json"
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.StackInfoRenderer(),
        _stamp,
    ]
    renderer: list[Processor] = (
        [structlog.processors.format_exc_info, redact, structlog.processors.JSONRenderer()]
        if json_lines
        else [
            structlog.processors.format_exc_info,
            redact,
            structlog.dev.ConsoleRenderer(colors=stream.isatty()),
        ]
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log.log_level.upper())
    for noisy in ("alembic", "asyncio", "httpx", "httpcore", "uvicorn", "websockets"):
        logging.getLogger(noisy).setLevel(
            logging.DEBUG if settings.log.log_level == "debug" else logging.WARNING
        )
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        # uvicorn brings handlers of its own, which would write past the redaction.
        library = logging.getLogger(name)
        library.handlers[:] = []
        library.propagate = True


def _stamp(_logger: object, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    now = to_datetime(SystemClock().now_ns())
    event["time"] = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return event


@contextmanager
def bound(**values: str) -> Iterator[None]:
    """Add fields (request_id, component, user_id) to every line written inside the block."""
    with structlog.contextvars.bound_contextvars(**values):
        yield
