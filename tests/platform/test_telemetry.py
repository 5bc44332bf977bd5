"""Log lines are proven by writing real ones, through every door, and looking for the secret."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from optix.platform.settings import load_settings
from optix.platform.telemetry import (
    REDACTED,
    TEXT_LENGTH_READ_MAX,
    bound,
    configure_logging,
    redact_text,
)

SECRET = "s3cr3t-Zk81xQpL"
# house: allow(secret) because it was made up for this test
JWT = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJlLWJ5dGVz"
# house: allow(secret) because it was made up for this test
PEM = f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----"


@pytest.fixture(params=["json", "console"])
def stream(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logging(load_settings(log_format=request.param, log_level="debug"), stream=stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logging(load_settings(log_format="json", log_level="info"), stream=stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


class TestRedaction:
    @pytest.mark.parametrize(
        "fields",
        [
            {"password": SECRET},
            {"new_password": SECRET},
            {"access_token": SECRET},
            {"refreshToken": SECRET},
            {"tokens": [SECRET]},
            {"X-Api-Key": SECRET},
            {"client_secret": SECRET},
            {"authorization": f"Bearer {SECRET}"},
            {"cookie": f"refresh={SECRET}"},
            {"Set-Cookie": f"refresh={SECRET}; HttpOnly"},
            {"signing_key": SECRET},
            {"totp": SECRET},
            {"password_hash": SECRET},
            {"database_url": SECRET},
            {"body": {"user": {"password": SECRET}}},
            {"headers": [(b"authorization", SECRET.encode()), (b"host", b"x")]},
            {"headers": {"Cookie": SECRET}},
            {"url": f"postgresql+asyncpg://optix:{SECRET}@127.0.0.1/optix"},
            {"url": f"redis://:{SECRET}@127.0.0.1:6379/0"},
            {"said": f"could not connect to redis://:{SECRET}@cache, giving up"},
            {"said": f"Authorization: Bearer {SECRET}"},
            {"said": f"sent Bearer {SECRET} to it"},
            {"said": f"GET /callback?code=1&access_token={SECRET}&x=1"},
            {"said": f'{{"password": "{SECRET} with spaces", "x": 1}}'},
            {"said": f"{{'client_secret': '{SECRET}'}}"},
            {"said": f"Cookie: a=b; refresh={SECRET}"},
            {"said": PEM},
            {"said": PEM[:50]},
            {"raw": f"password={SECRET}".encode()},
            {"deep": [[{"a": [{"token": SECRET}]}]]},
        ],
    )
    def test_no_secret_reaches_the_log(
        self, stream: io.StringIO, fields: dict[str, object]
    ) -> None:
        structlog.get_logger("x").info("happened", **fields)
        assert "happened" in stream.getvalue()
        assert SECRET not in stream.getvalue()
        assert REDACTED in stream.getvalue() or "…" in stream.getvalue()

    def test_a_web_token_is_seen_wherever_it_stands(self, stream: io.StringIO) -> None:
        structlog.get_logger("x").info("happened", said=f"got {JWT} from them", other=JWT[:40])
        assert JWT[:40] not in stream.getvalue()

    def test_libraries_that_use_the_standard_log_are_redacted_too(
        self, stream: io.StringIO
    ) -> None:
        logging.getLogger("some.library").warning("connecting to redis://:%s@h:1/0", SECRET)
        logging.getLogger("uvicorn.error").error("password=%s", SECRET)
        assert SECRET not in stream.getvalue()
        assert stream.getvalue().count(REDACTED) == 2

    def test_tracebacks_are_redacted(self, stream: io.StringIO) -> None:
        try:
            int(f"redis://:{SECRET}@h refused token={SECRET}")
        except ValueError:
            structlog.get_logger("x").exception("failed")
            logging.getLogger("y").exception("failed again")
        assert "ValueError" in stream.getvalue()
        assert SECRET not in stream.getvalue()

    def test_what_is_no_secret_stays(self, lines: io.StringIO) -> None:
        structlog.get_logger("x").info(
            "happened",
            symbol="SPY",
            token_count=3,
            passwords_checked=2,
            url="http://localhost:8000/docs",
            port=5432,
            none=None,
            key=("SPY", "2026-12-18"),
        )
        line = json.loads(lines.getvalue())
        assert line["symbol"] == "SPY"
        assert line["token_count"] == 3
        assert line["url"] == "http://localhost:8000/docs"
        assert line["key"] == ["SPY", "2026-12-18"]

    def test_long_text_is_cut_but_keeps_its_end(self) -> None:
        """The end of a traceback says what went wrong."""
        long = f"began {'x ' * 20_000} ValueError: token={SECRET} at the end"
        cut = redact_text(long)
        assert len(cut) < 10_000
        assert cut.startswith("began ")
        assert cut.endswith(f"ValueError: token={REDACTED} at the end")

    def test_text_without_an_end_is_not_read_to_its_end(self) -> None:
        assert len(redact_text("y" * TEXT_LENGTH_READ_MAX + SECRET)) < 10_000
        assert SECRET not in redact_text("y" * TEXT_LENGTH_READ_MAX + SECRET)


class TestLines:
    def test_each_is_one_json_object_with_its_time_and_request(self, lines: io.StringIO) -> None:
        with bound(request_id="0199"):
            structlog.get_logger("optix.x").info("first", rows=2)
        logging.getLogger("library").warning("second")
        first, second = [json.loads(line) for line in lines.getvalue().splitlines()]
        assert first["event"] == "first"
        assert first["request_id"] == "0199"
        assert first["logger"] == "optix.x"
        assert first["level"] == "info"
        assert first["time"].endswith("Z")
        assert "request_id" not in second
        assert second["event"] == "second"

    def test_the_level_is_kept(self, lines: io.StringIO) -> None:
        structlog.get_logger("optix").debug("quiet")
        logging.getLogger("httpx").info("chatter")
        assert lines.getvalue() == ""
