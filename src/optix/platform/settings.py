"""What the operator can set: frozen groups read from OPTIX_* variables, built once, passed down.

`load_settings()` is called by the command line only; everything else takes `Settings` or one group
as a parameter. Nothing here opens a file or a socket. Secrets that OPTIX makes itself are in
`secrets.py`; the list of all variables for operators is deploy/env.example (a test compares them).
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self
from urllib.parse import unquote, urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from optix.kernel.errors import InvalidInput
from optix.platform.account_settings import MailSettings, PasswordSettings
from optix.platform.broker_settings import BrokerSettings
from optix.platform.issuer_settings import SignInSettings
from optix.platform.market_settings import AgreementSettings, HistorySettings, MarketSettings
from optix.platform.provider_settings import (
    AlpacaSettings,
    OratsSettings,
    PolygonSettings,
    SchwabSettings,
    TastytradeSettings,
    ThetaDataSettings,
    TradierSettings,
    YahooSettings,
    account_problems,
)
from optix.platform.security_settings import (
    AuditSettings,
    LimitSettings,
    ListSettings,
    NetworkSettings,
    SecretSettings,
    VaultProvider,
    VaultSettings,
)
from optix.platform.setting_types import (
    PREFIX,
    AbsolutePath,
    Group,
    OptionalPath,
    OptionalSecret,
    OptionalText,
    blank_is_absent,
    problem,
)
from optix.platform.stream_settings import StreamSettings

SECRET_LENGTH_MIN = 16

# Words that people leave in place of a secret, compared without case, digits and punctuation.
PLACEHOLDERS = frozenset(
    """
    admin change changeit changeme changethis default demo dev development dummy example
    examplekey examplesecret fixme foobar insecure letmein metricstoken mypassword mysecret none
    null optix pass passwd password passwort placeholder postgres postgresql qwerty redis
    redispassword replaceme replacethis root sample secret secretkey setme signingkey sosecret
    supersecret test testing token user valkey vaultkey yourpassword yoursecret yoursecretkey
    yourtoken
    """.split()  # noqa: SIM905  # words
)


class SettingsError(InvalidInput):
    """The settings cannot be used. `problems` has one sentence for each thing to correct."""

    code = "invalid_settings"
    next_step = "Correct the variables named above. deploy/env.example explains each one."

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


def secret_weakness(value: str) -> str | None:
    """Return why `value` must not guard anything ("is …"), or None if it may."""
    letters = "".join(c for c in value.casefold() if c.isalpha())
    if letters in PLACEHOLDERS or _is_repeated_placeholder(letters):
        return "is a well-known placeholder"
    if any(mark in value for mark in ("<", ">", "${", "{{")):
        return "still holds a template mark"
    if len(value) < SECRET_LENGTH_MIN:
        return f"is shorter than {SECRET_LENGTH_MIN} characters"
    if len(set(value)) < 6:
        return "repeats the same few characters"
    return None


def _is_repeated_placeholder(letters: str) -> bool:
    """True for "change-me-change-me" and "please-change-me-secret": only placeholder words."""
    rest = letters.removeprefix("please")
    while rest:
        word = next((w for w in _longest_first() if rest.startswith(w)), None)
        if word is None:
            return False
        rest = rest[len(word) :]
    return bool(letters)


@cache
def _longest_first() -> tuple[str, ...]:
    return tuple(sorted(PLACEHOLDERS, key=len, reverse=True))


def checkout_root() -> Path | None:
    """Return the folder of the source checkout this package runs from, None if it is installed."""
    source = Path(__file__).resolve().parents[2]
    root = source.parent
    return root if source.name == "src" and (root / "pyproject.toml").is_file() else None


def _default_data_dir() -> Path:
    return (checkout_root() or Path.cwd()) / ".optix"


def _default_web_dir() -> Path:
    root = checkout_root()
    return root / "app" / "dist" if root else Path(__file__).resolve().parents[1] / "web"


class HttpSettings(Group):
    host: str = Field(
        "127.0.0.1",
        description="The address to listen on.",
        examples=["0.0.0.0"],  # noqa: S104  # an example for operators, the default is local
    )
    port: int = Field(8000, ge=1, le=65535, description="The port to listen on.", examples=["8000"])
    metrics_port: Annotated[int | None, BeforeValidator(blank_is_absent)] = Field(
        None,
        ge=1,
        le=65535,
        description="The port on which a feed or a stream without the API tells its health and "
        "metrics; left out, it listens nowhere.",
        examples=["9100"],
    )
    public_url: OptionalText = Field(
        None,
        description="The address people type, when a proxy stands in front.",
        examples=["https://optix.example.org"],
    )
    web_dir: AbsolutePath = Field(
        default_factory=_default_web_dir,
        description="The folder of the exported web app.",
        examples=["app/dist"],
    )

    @model_validator(mode="after")
    def _public_url_is_an_origin(self) -> Self:
        if self.public_url is not None:
            parts = urlsplit(self.public_url)
            if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/"):
                raise problem(
                    "OPTIX_PUBLIC_URL must be a scheme and a host without a path. "
                    "For example: OPTIX_PUBLIC_URL=https://optix.example.org"
                )
        return self


class StoreSettings(Group):
    """Where the database and the bus are. A missing address means: start our own."""

    database_url: OptionalSecret = Field(
        None,
        description="A PostgreSQL 15 or newer of your own. Left out, OPTIX starts one.",
        examples=["postgresql://user:password@host:5432/optix"],
    )
    redis_url: OptionalSecret = Field(
        None,
        description="A Redis 7 or newer of your own. Left out, OPTIX starts one.",
        examples=["redis://:password@host:6379/0"],
    )
    pg_bin: OptionalPath = Field(
        None,
        description="The folder of initdb, pg_ctl and postgres to start instead of the packaged "
        "ones.",
        examples=["/usr/lib/postgresql/15/bin"],
    )
    valkey_bin: OptionalPath = Field(
        None,
        description="The valkey-server or redis-server to start instead of the packaged one.",
        examples=["/usr/bin/redis-server"],
    )
    allow_embedded_stores: bool = Field(
        False,
        description="Production may run on the servers that OPTIX starts itself.",
        examples=["true"],
    )

    @model_validator(mode="after")
    def _urls_are_readable(self) -> Self:
        _check_url("OPTIX_DATABASE_URL", self.database_url, _DATABASE_SCHEMES, "PostgreSQL")
        _check_url("OPTIX_REDIS_URL", self.redis_url, _REDIS_SCHEMES, "Redis")
        return self


class LogSettings(Group):
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        BeforeValidator(lambda v: v.lower() if isinstance(v, str) else v),
    ] = Field("info", description="The least severe line to write.", examples=["debug"])
    log_format: Literal["auto", "console", "json"] = Field(
        "auto",
        description="auto is console in development and json in production.",
        examples=["json"],
    )


class CoreSettings(Group):
    env: Literal["development", "production"] = Field(
        "development", description="development or production.", examples=["production"]
    )
    data_dir: AbsolutePath = Field(
        default_factory=_default_data_dir,
        description="The folder of the embedded stores and of the secrets made here.",
        examples=["/var/lib/optix"],
    )
    development_accounts: bool | None = Field(
        None,
        description="Create the two well-known accounts (development only, the default there).",
        examples=["false"],
    )
    sandbox_brokerage: bool | None = Field(
        None,
        description="Serve the paper brokerage at /sandbox (the default in development only).",
        examples=["true"],
    )


class Settings(BaseModel):
    """All groups. Built by `load_settings`; tests build one with `load_settings(port=…)`."""

    model_config = ConfigDict(frozen=True)
    GROUPS: ClassVar[Mapping[str, type[Group]]] = {
        "core": CoreSettings,
        "http": HttpSettings,
        "stream": StreamSettings,
        "stores": StoreSettings,
        "market": MarketSettings,
        "agreement": AgreementSettings,
        "history": HistorySettings,
        "tradier": TradierSettings,
        "alpaca": AlpacaSettings,
        "polygon": PolygonSettings,
        "schwab": SchwabSettings,
        "tastytrade": TastytradeSettings,
        "yahoo": YahooSettings,
        "thetadata": ThetaDataSettings,
        "orats": OratsSettings,
        "brokers": BrokerSettings,
        "log": LogSettings,
        "secrets": SecretSettings,
        "network": NetworkSettings,
        "limits": LimitSettings,
        "lists": ListSettings,
        "audit": AuditSettings,
        "vault": VaultSettings,
        "sign_in": SignInSettings,
        "mail": MailSettings,
        "passwords": PasswordSettings,
    }

    core: CoreSettings
    http: HttpSettings
    stream: StreamSettings
    stores: StoreSettings
    market: MarketSettings
    agreement: AgreementSettings
    history: HistorySettings
    tradier: TradierSettings
    alpaca: AlpacaSettings
    polygon: PolygonSettings
    schwab: SchwabSettings
    tastytrade: TastytradeSettings
    yahoo: YahooSettings
    thetadata: ThetaDataSettings
    orats: OratsSettings
    brokers: BrokerSettings
    log: LogSettings
    secrets: SecretSettings
    network: NetworkSettings
    limits: LimitSettings
    lists: ListSettings
    audit: AuditSettings
    vault: VaultSettings
    sign_in: SignInSettings
    mail: MailSettings
    passwords: PasswordSettings

    @property
    def production(self) -> bool:
        return self.core.env == "production"

    @property
    def data_dir(self) -> Path:
        return self.core.data_dir

    @property
    def development_accounts(self) -> bool:
        """Whether the two well-known accounts are wanted: never in production."""
        wanted = self.core.development_accounts
        return not self.production and (wanted is None or wanted)

    @property
    def sandbox_brokerage(self) -> bool:
        """Whether the paper brokerage is served."""
        wanted = self.core.sandbox_brokerage
        return not self.production if wanted is None else wanted

    @property
    def drain_seconds(self) -> float:
        return self.stream.drain_seconds(production=self.production)

    @property
    def agreement_required(self) -> bool:
        """Whether real-time prices need a signed declaration: by default in production."""
        chosen = self.agreement.market_agreement
        return self.production if chosen == "auto" else chosen == "required"

    @property
    def delayed_feed(self) -> str | None:
        """The feed of those without a declaration, where one is needed."""
        return self.agreement.delayed_feed if self.agreement_required else None

    @property
    def vault_provider(self) -> VaultProvider:
        """Where the key of the vault is; in production never a file that OPTIX made."""
        chosen = self.vault.vault_provider
        if chosen != "auto":
            return chosen
        given = self.secrets.vault_key or self.secrets.vault_key_file
        return "given" if given or self.production else "file"

    @property
    def log_format(self) -> Literal["console", "json"]:
        if self.log.log_format == "auto":
            return "json" if self.production else "console"
        return self.log.log_format

    @property
    def base_url(self) -> str:
        """The address to show to people."""
        if self.http.public_url:
            return self.http.public_url.rstrip("/")
        local = self.http.host in ("127.0.0.1", "0.0.0.0", "::", "::1", "")  # noqa: S104  # compared
        host = "localhost" if local else self.http.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.http.port}"


def load_settings(**overrides: Any) -> Settings:
    """Return the settings of the environment; `overrides` (by field name) win over variables.

    An override of None is no override, so that command line options can be passed as they are.
    Errors: SettingsError with a sentence for each problem of all groups.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    groups: dict[str, Group] = {}
    problems: list[str] = []
    for name, group in Settings.GROUPS.items():
        own = {field: given.pop(field) for field in list(given) if field in group.model_fields}
        try:
            groups[name] = group(**own)
        except ValidationError as error:
            problems += [_sentence(group, detail) for detail in error.errors(include_url=False)]
    assert not given, f"no such setting: {sorted(given)}"
    market = groups.get("market")
    if isinstance(market, MarketSettings) and not problems:
        problems += account_problems(market.feeds, groups)
    if problems:
        raise SettingsError(problems)
    settings = Settings.model_validate(groups)
    if settings.production:
        problems += _production_problems(settings)
    if problems:
        raise SettingsError(problems)
    return settings


def variables() -> dict[str, tuple[str, str]]:
    """Return every variable with its description and an example, in the order of the groups."""
    return {
        PREFIX + name.upper(): (field.description or "", str((field.examples or [""])[0]))
        for group in Settings.GROUPS.values()
        for name, field in group.model_fields.items()
    }


def misspelled(environ: Mapping[str, str] | None = None) -> Iterator[str]:
    """Yield a sentence for each OPTIX_ variable that looks like a known one but is not."""
    known = variables()
    for name in sorted(os.environ if environ is None else environ):
        if name.startswith(PREFIX) and name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.84)
            if near:
                yield f"{name} is not a setting and is ignored. Did you mean {near[0]}?"


_DATABASE_SCHEMES = ("postgresql", "postgres", "postgresql+asyncpg")
_REDIS_SCHEMES = ("redis", "rediss")


def _check_url(variable: str, url: SecretStr | None, schemes: Sequence[str], what: str) -> None:
    if url is None:
        return
    example = next(
        str((field.examples or [""])[0])
        for name, field in StoreSettings.model_fields.items()
        if PREFIX + name.upper() == variable
    )
    try:
        parts = urlsplit(url.get_secret_value())
        readable = parts.scheme in schemes and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        readable = False
    if not readable:
        raise problem(
            f"{variable} is not the address of a {what} server. It looks like {variable}={example}"
        )


def _sentence(group: type[Group], detail: ErrorDetails) -> str:
    """Return what is wrong with one variable and how it is put right. Never the value."""
    if detail["type"] == "optix":
        return str(detail["msg"])
    name = str(detail["loc"][0]) if detail["loc"] else ""
    variable = PREFIX + name.upper().removeprefix(PREFIX)
    field: Any = group.model_fields.get(name.lower().removeprefix(PREFIX.lower()))
    if field is None:
        return f"{variable} cannot be used: {detail['msg']}."
    example = (field.examples or [""])[0]
    reason = detail["msg"][:1].lower() + detail["msg"][1:]
    return (
        f"{variable} cannot be used: {reason}. {field.description} "
        f"For example: {variable}={example}"
    )


def _production_problems(settings: Settings) -> list[str]:
    problems: list[str] = []
    if settings.core.development_accounts:
        problems.append(
            "OPTIX_DEVELOPMENT_ACCOUNTS=true is refused with OPTIX_ENV=production, because anyone "
            "knows their passwords: leave the variable out."
        )
    problems += settings.sign_in.production_problems(settings.http.public_url)
    if settings.vault_provider == "file":
        problems.append(
            "OPTIX_VAULT_PROVIDER=file is refused with OPTIX_ENV=production, because a copy of the "
            "data folder would hold both the lock and the key: choose aws_kms, "
            "aws_secrets_manager, or given with OPTIX_VAULT_KEY_FILE."
        )
    if any(not origin.startswith("https://") for origin in settings.network.cors_origins):
        problems.append("OPTIX_CORS_ORIGINS must begin with https:// when OPTIX_ENV=production.")
    if settings.http.public_url and urlsplit(settings.http.public_url).scheme != "https":
        problems.append("OPTIX_PUBLIC_URL must begin with https:// when OPTIX_ENV=production.")
    stores = settings.stores
    for variable, url, example in (
        ("OPTIX_DATABASE_URL", stores.database_url, "postgresql://optix:…@host:5432/optix"),
        ("OPTIX_REDIS_URL", stores.redis_url, "redis://:…@host:6379/0"),
    ):
        if url is not None:
            problems += _url_password_problems(variable, url)
        elif not stores.allow_embedded_stores:
            problems.append(
                f"{variable} is missing: with OPTIX_ENV=production set {variable}={example}, or "
                "OPTIX_ALLOW_EMBEDDED_STORES=true to run on the servers that OPTIX starts itself."
            )
    return problems


def _url_password_problems(variable: str, url: SecretStr) -> Iterator[str]:
    password = unquote(urlsplit(url.get_secret_value()).password or "")
    weakness = secret_weakness(password) if password else "is missing"
    if weakness:
        yield (
            f"The password in {variable} {weakness}: with OPTIX_ENV=production give the server a "
            f"random one of at least {SECRET_LENGTH_MIN} characters and put it into {variable}."
        )
