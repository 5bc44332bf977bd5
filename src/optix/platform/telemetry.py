"""Log lines: structured, bound to the request, and free of secrets.

Development writes coloured lines for people, production one JSON object a line. Every line, also
those of libraries that use the standard `logging`, passes `redact`: it takes out what is secret by
the name of its field, by its look, or because it is a secret of this very installation (`hide`),
and it leaves no character that could begin another line. Metrics are in `metrics.py`.
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
TEXT_LENGTH_READ_MAX = 65_536  # the patterns below take a time that grows with the text only
_HEAD_LENGTH = 2_048  # of a text that is cut; the end of a traceback says what went wrong
DEPTH_MAX = 6

# Compared with "-", "_" and case taken out; the ends, so that access_token and x-api-key are met.
_SECRET_NAMES = re.compile(
    r"(authorization|cookie|cookies|password|passwd|passphrase|pwd|secret|token|apikey|privatekey"
    r"|signingkey|vaultkey|pepper|credential|credentials|otp|totp|mfacode|recoverycode|jwt|pem"
    r"|passwordhash|tokenhash|databaseurl|redisurl|dsn|mailcode|authcode|challenge|plaintext"
    r"|sessiontoken|privatepem|seed)$"
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
        re.compile(
            r"(?P<keep>\b[a-z][a-z0-9+.-]{0,20}://[^\s:/@]{0,128}):[^\s@]{1,512}@", re.IGNORECASE
        ),
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
            r"(?P<keep>(?:password|passwd|passphrase|secret|token|api[_-]?key"
            r"|private[_-]?key|recovery[_-]?code|totp|otp|challenge|code[_-]?verifier))(?P<mid>['\"]?\s*[:=]\s*)"
            r"(?P<quote>['\"]?)(?!\[redacted\])(?:(?<=['\"])(?:[^'\"\\]|\\.)*|[^\s&,;'\"}\])]+)",
            re.IGNORECASE,
        ),
        rf"\g<keep>\g<mid>\g<quote>{REDACTED}",
    ),
    # ('cookie', '…') and (b'x-api-key', b'…'), as lists of headers are written
    (
        re.compile(
            r"(?P<keep>['\"][A-Za-z0-9_-]*(?:cookie|authorization|password|secret|token|api-key)"
            r"['\"]\s*,\s*b?)(?P<quote>['\"])(?:[^'\"\\]|\\.)*(?P=quote)",
            re.IGNORECASE,
        ),
        rf"\g<keep>{REDACTED}",
    ),
    # ?code=… and &state=… of a sign-in that comes back from elsewhere
    (re.compile(r"(?P<keep>[?&](?:code|state)=)[^\s&#'\"]+"), rf"\g<keep>{REDACTED}"),
    # what a validation error says it was given
    (
        re.compile(r"(?P<keep>input_value=).*?(?P<mid>, input_type=|\Z)", re.DOTALL),
        rf"\g<keep>{REDACTED}\g<mid>",
    ),
    # what PostgreSQL says of a row: Key (email)=(…), Failing row contains (…)
    (re.compile(r"(?P<keep>\)=\().{0,256}?(?P<mid>\) )"), rf"\g<keep>{REDACTED}\g<mid>"),
    (re.compile(r"(?P<keep>row contains \().*(?P<mid>\))"), rf"\g<keep>{REDACTED}\g<mid>"),
    # 256 random bits in base64, as all our opaque tokens are
    (re.compile(r"(?<![A-Za-z0-9_/+-])[A-Za-z0-9_-]{43}(?![A-Za-z0-9_/+-])"), REDACTED),
    # JSON web tokens wherever they stand
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}(\.[A-Za-z0-9_-]*){1,4}"), REDACTED),
)

# Every pattern needs one of these, and most texts of a log line (a method, a route) have none.
_MARKS = re.compile(r"[\s:=]|eyJ|[A-Za-z0-9_-]{43}")

# Whatever could end a line, begin a colour, or turn the direction of the text.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_MANY_LINES = frozenset({"exception", "stack"})  # of ours; what they quote is escaped line by line

_HIDDEN_LENGTH_MIN = 8  # a shorter one would tear holes into harmless words
_hidden: set[str] = set()
_hidden_pattern: re.Pattern[str] | None = None


def hide(*values: str) -> None:
    """Take these very texts out of every line from now on: the secrets of this installation."""
    global _hidden_pattern  # noqa: PLW0603  # the log is one per process, and so is this
    _hidden.update(value for value in values if len(value) >= _HIDDEN_LENGTH_MIN)
    longest_first = sorted(_hidden, key=len, reverse=True)
    _hidden_pattern = re.compile("|".join(map(re.escape, longest_first))) if _hidden else None


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Take secrets out of a log line: by the name of a field, and by the look of any text."""
    return {
        key: _one_line(value, many=key in _MANY_LINES) for key, value in redacted(event).items()
    }


def _one_line(value: object, *, many: bool = False) -> object:
    """Escape in every text what could forge another line."""
    if isinstance(value, str):
        if many:
            return "\n".join(str(_one_line(line)) for line in value.split("\n"))
        return _CONTROLS.sub(lambda found: f"\\x{ord(found[0]):02x}", value)
    if isinstance(value, dict):
        return {str(_one_line(key)): _one_line(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_one_line(item) for item in value]
    return value


def redacted(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return `values` as a log line would show them."""
    return {key: _clean(value, key) for key, value in values.items()}


def redact_text(text: str) -> str:
    """Return `text` without anything that looks like a secret."""
    text = text[:TEXT_LENGTH_READ_MAX]
    if _hidden_pattern is not None:
        text = _hidden_pattern.sub(REDACTED, text)
    if _MARKS.search(text):
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(replacement, text)
    if len(text) > TEXT_LENGTH_MAX:
        text = f"{text[:_HEAD_LENGTH]} … {text[_HEAD_LENGTH - TEXT_LENGTH_MAX :]}"
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
    for talking in ("httpx", "httpcore"):  # of whole addresses, which may hold anything
        logging.getLogger(talking).setLevel(logging.WARNING)
    for noisy in ("alembic", "asyncio", "uvicorn", "websockets"):
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
