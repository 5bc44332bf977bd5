"""What every group of settings is made of. The groups are in `settings` and `security_settings`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, SecretStr
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "OPTIX_"


class Group(BaseSettings):
    """One concern's variables: frozen, and silent about what was given where it is wrong."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="ignore", hide_input_in_errors=True
    )


def blank_is_absent(value: object) -> object:
    """Return None for an empty variable: an env file cannot leave one out otherwise."""
    return None if isinstance(value, str) and not value.strip() else value


def problem(sentence: str) -> PydanticCustomError:
    """Return a validation error that says exactly `sentence`."""
    # The sentence goes in as context, because braces in a template would be taken for fields.
    return PydanticCustomError("optix", "{sentence}", {"sentence": sentence})


def words(value: object) -> object:
    """Return the parts of a variable that holds a list with commas."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()


AbsolutePath = Annotated[Path, AfterValidator(_absolute)]
OptionalPath = Annotated[AbsolutePath | None, BeforeValidator(blank_is_absent)]
OptionalSecret = Annotated[SecretStr | None, BeforeValidator(blank_is_absent)]
OptionalText = Annotated[str | None, BeforeValidator(blank_is_absent)]
