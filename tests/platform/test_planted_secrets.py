"""Secrets are planted wherever one can stand, and then looked for in every log line and answer."""

from __future__ import annotations

import io
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
import structlog
from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, SecretStr, TypeAdapter
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from starlette.requests import Request

from optix.kernel.errors import InvalidInput
from optix.platform import telemetry
from optix.platform.db import Database, ReadSessionDep
from optix.platform.edge import EdgeMiddleware
from optix.platform.http import install_problems
from optix.platform.metrics import HttpMetrics, new_registry
from optix.platform.secrets import load_secrets
from optix.platform.settings import load_settings
from optix.platform.telemetry import configure_logging, hide

PLANTED = "pl4nted-S3cret-Value"
OPAQUE = "q7Zp3mXwRt8Lk2VbN0cYd5Hs1Jf6Ga9Tu4Ie8Ow2Pz-"[:43]  # as long as our tokens


@pytest.fixture(params=["json", "console"])
def log(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logging(load_settings(log_format=request.param, log_level="debug"), stream=stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


class Login(BaseModel):
    model_config = ConfigDict(extra="forbid")

    email: str
    password: SecretStr
    attempts: int = 0


@pytest.fixture
async def client(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    """An app that does with what it gets what careless code does: say it in an error."""
    app = FastAPI()
    app.state.database = database
    app.add_middleware(EdgeMiddleware, metrics=HttpMetrics(new_registry()), production=False)
    install_problems(app)

    @app.post("/login")
    async def login(body: Login) -> str:
        structlog.get_logger("app").info("login", body=body, raw=body.model_dump())
        return "in"

    @app.get("/headers")
    async def headers(request: Request) -> None:
        raise RuntimeError(f"cannot serve {request.headers.items()} at {request.url}")

    @app.get("/validate")
    async def validate(request: Request) -> None:
        TypeAdapter(dict[str, int]).validate_python({"pin": request.query_params["pin"]})

    @app.get("/sql")
    async def sql(session: ReadSessionDep, value: str) -> None:
        await session.execute(text("SELECT CAST(CAST(:v AS text) AS integer)"), {"v": value})

    @app.get("/problem")
    async def problem() -> None:
        raise InvalidInput("The broker said: no.", fields={"account": "unknown"})

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


pytestmark = pytest.mark.stores


class TestRequests:
    @pytest.mark.parametrize(
        "body",
        [
            {"email": "a@b.c", "password": PLANTED},
            {"email": "a@b.c", "password": PLANTED, "attempts": PLANTED},
            {"email": "a@b.c", "password": {"value": PLANTED}},
            {"email": "a@b.c", "password": PLANTED, PLANTED: 1},
            [PLANTED],
            PLANTED,
        ],
    )
    async def test_a_body(self, client: httpx.AsyncClient, log: io.StringIO, body: object) -> None:
        answer = await client.post("/login", json=body)
        said = answer.text.replace(f'"{PLANTED}":', "").replace(f"{PLANTED}: ", "")  # its own name
        assert PLANTED not in said
        assert PLANTED not in log.getvalue()
        assert "request" in log.getvalue()

    async def test_headers_and_the_address(
        self, client: httpx.AsyncClient, log: io.StringIO
    ) -> None:
        answer = await client.get(
            f"/headers?access_token={PLANTED}&code={PLANTED}&state={PLANTED}",
            headers={
                "Authorization": f"Bearer {PLANTED}",
                "Cookie": f"optix_refresh={PLANTED}",
                "X-Api-Key": PLANTED,
            },
        )
        assert answer.status_code == 500
        assert PLANTED not in answer.text
        assert "RuntimeError" in log.getvalue()
        assert PLANTED not in log.getvalue()

    async def test_what_a_validation_error_was_given(
        self, client: httpx.AsyncClient, log: io.StringIO
    ) -> None:
        answer = await client.get(f"/validate?pin={PLANTED}")
        assert answer.status_code == 500
        assert PLANTED not in answer.text
        assert "ValidationError" in log.getvalue()
        assert PLANTED not in log.getvalue()

    async def test_the_parameters_of_a_failed_statement(
        self, client: httpx.AsyncClient, log: io.StringIO
    ) -> None:
        answer = await client.get(f"/sql?value={OPAQUE}")
        assert answer.status_code == 500
        assert OPAQUE not in answer.text
        assert "DBAPIError" in log.getvalue() or "DataError" in log.getvalue()
        assert OPAQUE not in log.getvalue()

    async def test_the_row_that_a_constraint_refused(
        self, database: Database, log: io.StringIO
    ) -> None:
        async def insert_twice() -> None:
            async with database.writing() as session:
                await session.execute(text("CREATE TEMP TABLE t (v text UNIQUE)"))
                for _ in range(2):
                    await session.execute(text("INSERT INTO t VALUES (:v)"), {"v": PLANTED})

        try:
            await insert_twice()
        except IntegrityError:
            structlog.get_logger("x").exception("failed")
        assert "UniqueViolation" in log.getvalue()
        assert PLANTED not in log.getvalue()


class TestSettings:
    def test_their_text_shows_no_secret(self, tmp_path: Path) -> None:
        url = f"postgresql://o:{PLANTED}@h/d"
        settings = load_settings(
            data_dir=tmp_path, database_url=url, redis_url=f"redis://:{PLANTED}@h"
        )
        secrets = load_secrets(load_settings(data_dir=tmp_path, metrics_token=PLANTED))
        for shown in (repr(settings), str(settings), repr(secrets), str(secrets.metrics_token)):
            assert PLANTED not in shown

    def test_the_secrets_of_this_installation_go_whatever_stands_around_them(
        self, tmp_path: Path, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(telemetry, "_hidden", set())
        monkeypatch.setattr(telemetry, "_hidden_pattern", None)
        secrets = load_secrets(load_settings(data_dir=tmp_path))
        hide(*secrets.texts(), "short")
        pem = secrets.signing_key.get_secret_value()
        for found in (pem, pem.split("\n")[1], secrets.vault_key.get_secret_value()):
            structlog.get_logger("x").info("read", words=f"<{found}>", short="short")
        assert pem.split("\n")[1] not in log.getvalue()
        assert secrets.vault_key.get_secret_value() not in log.getvalue()
        assert log.getvalue().count("short") >= 6  # too short to be taken for a secret

    def test_hiding_our_own_keys_leaves_the_look_of_others_known(
        self, tmp_path: Path, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(telemetry, "_hidden", set())
        monkeypatch.setattr(telemetry, "_hidden_pattern", None)
        hide(*load_secrets(load_settings(data_dir=tmp_path / "ours")).texts())
        theirs = load_secrets(load_settings(data_dir=tmp_path / "theirs")).signing_key
        structlog.get_logger("x").info("read", words=theirs.get_secret_value())
        assert theirs.get_secret_value().split("\n")[1] not in log.getvalue()


@pytest.mark.parametrize(
    "said",
    [
        f"token was {OPAQUE}",
        OPAQUE,
        f"recovery_code={PLANTED}",
        f"{{'challenge': '{PLANTED}'}}",
        f"GET https://x/callback?state={PLANTED}&code={PLANTED}#x",
        f"Key (email)=({PLANTED}) already exists.",
        f"Failing row contains (1, {PLANTED}, null).",
    ],
)
def test_secrets_in_free_text(log: io.StringIO, said: str) -> None:
    structlog.get_logger("x").info(said)
    logging.getLogger("library").warning("%s", said)
    assert PLANTED not in log.getvalue()
    assert OPAQUE not in log.getvalue()


class TestForgedLines:
    FORGED = 'x\n{"event": "admin signed in", "level": "info"}\r\x1b[2K\u2028\u202eok'

    def test_a_value_cannot_begin_a_line(self, log: io.StringIO) -> None:
        structlog.get_logger("x").info("happened", path=self.FORGED, deep=[{"a": self.FORGED}])
        structlog.get_logger("x").info(f"said {self.FORGED}")
        logging.getLogger("library").warning("GET %s", self.FORGED)
        lines = log.getvalue().splitlines()
        assert len(lines) == 3
        assert "\x1b[2K" not in log.getvalue()
        assert "\u202e" not in log.getvalue()

    def test_an_exception_cannot_begin_a_line_of_its_own_kind(self, log: io.StringIO) -> None:
        try:
            int(f"{self.FORGED}\x1b[2K")
        except ValueError:
            structlog.get_logger("x").exception("failed")
        assert "\x1b[2K" not in log.getvalue()
        assert "\r" not in log.getvalue()
