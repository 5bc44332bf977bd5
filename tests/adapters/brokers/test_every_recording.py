"""Each recorded payload of each broker there is an adapter of is read by a test."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from tests.adapters.brokers.adapters import ADAPTERS
from tests.adapters.brokers.recordings import LeftAlone, Parsed, ReadBy, Refused, Use
from tests.fixtures.recorded import recorded

from optix.adapters.brokers.exact import load_exact
from optix.ports.broker import BrokerUnreadable

ABOUT = "PROVENANCE.md"  # of the recordings, none itself


def declared_of(broker: str) -> Mapping[str, Use]:
    name = f"tests.adapters.brokers.{broker}.recordings"
    if find_spec(f"tests.adapters.brokers.{broker}") is None or find_spec(name) is None:
        return {}
    found: Mapping[str, Use] = importlib.import_module(name).RECORDINGS
    return found


DECLARED = {broker: declared_of(broker) for broker in ADAPTERS}


def unread(root: Path, declared: Mapping[str, Collection[str]]) -> list[str]:
    """Return the files below a folder for each broker of which nothing is declared."""
    return [
        f"{folder.name}/{file.name}"
        for folder in sorted(root.iterdir())
        if folder.name in declared
        for file in sorted(folder.iterdir())
        if file.name != ABOUT and file.name not in declared[folder.name]
    ]


def names(test: Callable[..., Any], file: str) -> bool:
    """Return whether a test, or what it is parametrised with, has the name of a file in it."""
    stem = file.removesuffix(".json")
    pattern = rf'["/]({re.escape(file)}|{re.escape(stem)})"'
    return re.search(pattern, inspect.getsource(test)) is not None


def uses(*kinds: type[Use]) -> Iterator[Any]:
    for broker, files in DECLARED.items():
        for file, use in files.items():
            if isinstance(use, kinds):
                yield pytest.param(broker, file, use, id=f"{broker}/{file}")


def load(broker: str, file: str) -> Any:
    return load_exact(recorded(f"brokers/{broker}/{file}").read_bytes())


@pytest.mark.recorded
def test_no_file_is_left_unread() -> None:
    assert unread(recorded("brokers"), DECLARED) == []


@pytest.mark.recorded
def test_no_file_is_declared_that_is_not_there() -> None:
    root = recorded("brokers")
    files = (root / broker / file for broker, files in DECLARED.items() for file in files)
    assert [str(file) for file in files if not file.exists()] == []


@pytest.mark.recorded
@pytest.mark.parametrize(("broker", "file", "use"), list(uses(Parsed)))
def test_an_answer_is_read_by_the_parser_of_its_kind(broker: str, file: str, use: Parsed) -> None:
    ADAPTERS[broker][use.kind](load(broker, file))


@pytest.mark.recorded
@pytest.mark.parametrize(("broker", "file", "use"), list(uses(Refused)))
def test_what_is_no_answer_is_refused_by_every_parser(broker: str, file: str, use: Refused) -> None:
    assert use == Refused()
    for parse in ADAPTERS[broker].values():
        with pytest.raises(BrokerUnreadable):
            parse(load(broker, file))


@pytest.mark.parametrize(("broker", "file", "use"), list(uses(ReadBy)))
def test_what_has_a_test_of_its_own_is_named_there(broker: str, file: str, use: ReadBy) -> None:
    assert use.test.__name__.startswith("test_")
    assert f".{broker}." in use.test.__module__
    assert names(use.test, file)


@pytest.mark.parametrize(("broker", "file", "use"), list(uses(LeftAlone)))
def test_what_is_left_alone_has_a_reason(broker: str, file: str, use: LeftAlone) -> None:
    assert broker in ADAPTERS
    assert use.reason.strip(), file


def test_a_file_of_which_nothing_is_said_is_listed(tmp_path: Path) -> None:
    for folder in ("known", "without_an_adapter"):
        (tmp_path / folder).mkdir()
        for file in ("declared.json", "new.json", ABOUT):
            (tmp_path / folder / file).touch()
    assert unread(tmp_path, {"known": {"declared.json"}}) == ["known/new.json"]
    assert unread(tmp_path, {"known": {}}) == ["known/declared.json", "known/new.json"]


def test_a_test_that_does_not_name_a_file_does_not_read_it() -> None:
    def reads() -> str:
        return "a_file.json"

    assert names(reads, "a_file.json")
    assert not names(reads, "file.json")
    assert not names(reads, "another.json")
