"""Settings are proven by building them from an environment that each test writes itself."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from optix.platform import settings as module
from optix.platform.settings import (
    SettingsError,
    load_settings,
    misspelled,
    secret_weakness,
    variables,
)

GOOD = "wX7-kq0Zr_Tm4Lb9Vc"


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in variables():
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def production(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("OPTIX_ENV", "production")
    monkeypatch.setenv("OPTIX_DATABASE_URL", f"postgresql://optix:{GOOD}@db:5432/optix")
    monkeypatch.setenv("OPTIX_REDIS_URL", f"redis://:{GOOD}@cache:6379/0")
    return monkeypatch


def refusal(**overrides: object) -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings(**overrides)
    return str(caught.value)


class TestDefaults:
    def test_development_needs_no_variable_at_all(self) -> None:
        settings = load_settings()
        assert not settings.production
        assert settings.development_accounts
        assert settings.stores.database_url is None
        assert settings.stores.redis_url is None
        assert settings.market.feed == "auto"
        assert settings.base_url == "http://localhost:8000"

    def test_data_and_web_folders_lie_in_the_checkout(self) -> None:
        root = module.checkout_root()
        assert root is not None
        settings = load_settings()
        assert settings.data_dir == root / ".optix"
        assert settings.http.web_dir == root / "app" / "dist"

    def test_an_installed_package_keeps_its_data_in_the_working_folder(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        installed = tmp_path / "site-packages" / "optix" / "platform" / "settings.py"
        monkeypatch.setattr(module, "__file__", str(installed))
        monkeypatch.chdir(tmp_path)
        settings = load_settings()
        assert settings.data_dir == tmp_path / ".optix"
        assert settings.http.web_dir == tmp_path / "site-packages" / "optix" / "web"

    def test_settings_are_frozen(self) -> None:
        settings = load_settings()
        with pytest.raises(ValidationError):
            settings.http.port = 1  # type: ignore[misc]  # refusing this is the claim


class TestSources:
    def test_variables_are_read_and_options_win_over_them(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OPTIX_PORT", "9001")
        monkeypatch.setenv("OPTIX_LOG_LEVEL", "DEBUG")
        assert load_settings().http.port == 9001
        assert load_settings().log.log_level == "debug"
        assert load_settings(port=9002).http.port == 9002
        assert load_settings(port=None).http.port == 9001

    def test_a_blank_variable_counts_as_left_out(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("OPTIX_DATABASE_URL", "OPTIX_REDIS_URL", "OPTIX_REPLAY", "OPTIX_PG_BIN"):
            monkeypatch.setenv(name, "  ")
        settings = load_settings()
        assert settings.stores.database_url is None
        assert settings.market.replay is None
        assert settings.stores.pg_bin is None

    @pytest.mark.parametrize(("text", "speed"), [("step", "step"), ("2.5", 2.5), ("60", 60.0)])
    def test_replay_speed_is_a_factor_or_step(
        self, monkeypatch: pytest.MonkeyPatch, text: str, speed: object
    ) -> None:
        monkeypatch.setenv("OPTIX_REPLAY_SPEED", text)
        assert load_settings().market.replay_speed == speed

    @pytest.mark.parametrize(
        ("host", "address"),
        [
            ("0.0.0.0", "http://localhost:8000"),
            ("::1", "http://localhost:8000"),
            ("10.0.0.7", "http://10.0.0.7:8000"),
            ("fe80::1", "http://[fe80::1]:8000"),
        ],
    )
    def test_the_address_for_people_can_be_opened(self, host: str, address: str) -> None:
        assert load_settings(host=host).base_url == address

    def test_log_lines_are_json_in_production_unless_told_otherwise(
        self, production: pytest.MonkeyPatch
    ) -> None:
        assert load_settings().log_format == "json"
        production.setenv("OPTIX_LOG_FORMAT", "console")
        assert load_settings().log_format == "console"


class TestRefusals:
    @pytest.mark.parametrize(
        ("variable", "value"),
        [
            ("OPTIX_PORT", "eighty"),
            ("OPTIX_PORT", "0"),
            ("OPTIX_PORT", "70000"),
            ("OPTIX_ENV", "staging"),
            ("OPTIX_FEED", "bloomberg"),
            ("OPTIX_REPLAY_SPEED", "fast"),
            ("OPTIX_REPLAY_SPEED", "0"),
            ("OPTIX_REPLAY_SPEED", "nan"),
            ("OPTIX_REPLAY_SPEED", "-1"),
            ("OPTIX_REPLAY_LOOP", "perhaps"),
            ("OPTIX_RISK_FREE_RATE", "5"),
            ("OPTIX_RISK_FREE_RATE", "nan"),
            ("OPTIX_LOG_LEVEL", "loud"),
            ("OPTIX_PUBLIC_URL", "optix.example.org"),
            ("OPTIX_PUBLIC_URL", "https://optix.example.org/app"),
            ("OPTIX_DATABASE_URL", "mysql://u:p@h/db"),
            ("OPTIX_DATABASE_URL", "postgresql://u:p@h:port/db"),
            ("OPTIX_DATABASE_URL", "h:5432"),
            ("OPTIX_REDIS_URL", "http://cache:6379"),
            ("OPTIX_REDIS_URL", "redis://"),
        ],
    )
    def test_a_wrong_value_is_refused_with_the_variable_and_an_example(
        self, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
    ) -> None:
        monkeypatch.setenv(variable, value)
        sentence = refusal()
        assert variable in sentence
        assert f"{variable}=" in sentence

    @pytest.mark.parametrize(
        ("variables", "said"),
        [
            ({"FEED": "cboe,bloomberg"}, "there is no feed bloomberg"),
            ({"FEED": " , "}, "there is no feed named"),
            ({"FEED": "cboe,sim"}, "sim is a market of its own"),
            ({"FEED": "auto,cboe"}, "auto is a market of its own"),
            ({"FEED": "cboe,cboe"}, "a feed is named twice"),
            ({"FEED_BARS": "sim"}, "OPTIX_FEED_BARS cannot be used with auto"),
            ({"FEED": "cboe", "FEED_BARS": "replay"}, "OPTIX_FEED_BARS cannot be used with replay"),
            ({"FEED": "sim", "FEED_SEARCH": "cboe"}, "leave OPTIX_FEED_SEARCH out"),
            ({"FEED": "tradier,cboe"}, "set OPTIX_TRADIER_TOKEN=…, or take tradier out"),
            ({"FEED": "cboe", "FEED_BARS": "yahoo"}, "set OPTIX_YAHOO_ENABLED=true"),
            (
                {"FEED": "alpaca", "ALPACA_KEY_ID": "PK1"},
                "whose account is not set: set OPTIX_ALPACA_SECRET_KEY=…, or",
            ),
        ],
    )
    def test_feeds_that_cannot_run_are_refused_with_what_to_do(
        self, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], said: str
    ) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(f"OPTIX_{name}", value)
        assert said in refusal()

    def test_feeds_are_listed_by_preference_for_each_kind(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OPTIX_FEED", "Tradier, cboe")
        monkeypatch.setenv("OPTIX_TRADIER_TOKEN", "token-of-the-tests")
        monkeypatch.setenv("OPTIX_FEED_BARS", "yahoo,cboe")
        monkeypatch.setenv("OPTIX_YAHOO_ENABLED", "true")
        monkeypatch.setenv("OPTIX_FEED_SEARCH", "")
        market = load_settings().market
        assert market.feed == "tradier,cboe"
        assert market.feeds == ("tradier", "cboe", "yahoo")
        assert market.feed_orders == {"bars": "yahoo,cboe"}

    def test_every_problem_is_told_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OPTIX_PORT", "x")
        monkeypatch.setenv("OPTIX_FEED", "y")
        with pytest.raises(SettingsError) as caught:
            load_settings()
        assert len(caught.value.problems) == 2

    def test_a_refusal_never_shows_a_password(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OPTIX_DATABASE_URL", f"oracle://u:{GOOD}@h/db")
        monkeypatch.setenv("OPTIX_REDIS_URL", f"redis://:{GOOD}@h:x/0")
        assert GOOD not in refusal()

    def test_replay_without_a_recording_is_refused(self, tmp_path: Path) -> None:
        assert "OPTIX_REPLAY" in refusal(feed="replay")
        assert "does not exist" in refusal(feed="replay", replay=tmp_path / "none.json")

    def test_replay_takes_a_file_and_a_folder(self, tmp_path: Path) -> None:
        assert load_settings(feed="replay", replay=tmp_path).market.replay == tmp_path


class TestProduction:
    def test_given_servers_with_random_passwords_are_accepted(
        self, production: pytest.MonkeyPatch
    ) -> None:
        settings = load_settings()
        assert settings.production
        assert not settings.development_accounts

    def test_missing_servers_are_refused_without_permission(
        self, production: pytest.MonkeyPatch
    ) -> None:
        production.delenv("OPTIX_DATABASE_URL")
        production.delenv("OPTIX_REDIS_URL")
        sentence = refusal()
        assert "OPTIX_DATABASE_URL is missing" in sentence
        assert "OPTIX_REDIS_URL is missing" in sentence
        production.setenv("OPTIX_ALLOW_EMBEDDED_STORES", "true")
        assert load_settings().stores.allow_embedded_stores

    def test_development_accounts_are_refused(self, production: pytest.MonkeyPatch) -> None:
        production.setenv("OPTIX_DEVELOPMENT_ACCOUNTS", "true")
        assert "OPTIX_DEVELOPMENT_ACCOUNTS" in refusal()

    @pytest.mark.parametrize(
        "password", ["", "password", "changeme", "Postgres1!", "short-1a", "a" * 40]
    )
    def test_a_weak_store_password_is_refused(
        self, production: pytest.MonkeyPatch, password: str
    ) -> None:
        production.setenv("OPTIX_DATABASE_URL", f"postgresql://optix:{password}@db/optix")
        production.setenv("OPTIX_REDIS_URL", f"redis://:{password}@cache/0")
        sentence = refusal()
        assert "OPTIX_DATABASE_URL" in sentence
        assert "OPTIX_REDIS_URL" in sentence

    def test_an_escaped_password_is_judged_by_what_it_means(
        self, production: pytest.MonkeyPatch
    ) -> None:
        production.setenv("OPTIX_DATABASE_URL", "postgresql://optix:change%2Dme%2Dchange@db/optix")
        assert "placeholder" in refusal()

    def test_a_public_address_must_be_https(self, production: pytest.MonkeyPatch) -> None:
        production.setenv("OPTIX_PUBLIC_URL", "http://optix.example.org")
        assert "https://" in refusal()


class TestSecretWeakness:
    @pytest.mark.parametrize(
        "value",
        [
            "changeme",
            "Change-Me-123456789",
            "please-change-me-secret",
            "SECRET_KEY_2024_2024",
            "your-secret-key-12345",
            "<put a random value here>",
            "${OPTIX_METRICS_TOKEN}",
            "{{ metrics_token }} {{ x }}",
            "",
            "aB3$",
            "1212121212121212",
        ],
    )
    def test_placeholders_and_short_values_are_weak(self, value: str) -> None:
        assert secret_weakness(value)

    @pytest.mark.parametrize("value", [GOOD, "correct horse battery staple", "f3" * 2 + GOOD])
    def test_long_varied_values_are_not(self, value: str) -> None:
        assert secret_weakness(value) is None


class TestVariables:
    def test_a_misspelled_variable_is_pointed_out(self) -> None:
        said = list(misspelled({"OPTIX_FEDE": "sim", "OPTIX_FEED": "sim", "PATH": "/bin"}))
        assert len(said) == 1
        assert "OPTIX_FEED?" in said[0]

    def test_env_example_names_exactly_the_variables_there_are(self) -> None:
        root = module.checkout_root()
        assert root is not None
        text = (root / "deploy" / "env.example").read_text()
        listed = re.findall(r"^#? ?(OPTIX_[A-Z_]+)=", text, flags=re.MULTILINE)
        assert listed == list(variables())

    def test_no_secret_of_env_example_would_be_accepted(self) -> None:
        root = module.checkout_root()
        assert root is not None
        text = (root / "deploy" / "env.example").read_text()
        values = dict(re.findall(r"^#? ?(OPTIX_[A-Z_]+)=(.*)$", text, flags=re.MULTILINE))
        for name in ("OPTIX_SIGNING_KEY", "OPTIX_VAULT_KEY", "OPTIX_METRICS_TOKEN"):
            assert secret_weakness(values[name]), name
        for name in ("OPTIX_DATABASE_URL", "OPTIX_REDIS_URL"):
            assert re.search(r":changeme@", values[name]), name
