"""Breached passwords: the list that comes along, and a search on disk compared with a plain one."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tools.breached_passwords import compact

from optix.features.identity import breached
from optix.features.identity.breached import BreachedListUnreadable, is_breached

WORDS = st.lists(st.text("abcdef0123456789", min_size=1, max_size=12), unique=True, max_size=60)


def sha1(password: str) -> str:
    return hashlib.sha1(password.encode()).hexdigest().upper()


def write(path: Path, passwords: list[str], *, end: str = "\r\n") -> Path:
    lines = sorted(f"{sha1(p)}:{n}" for n, p in enumerate(passwords, 1))
    path.write_bytes("".join(line + end for line in lines).encode())
    return path


@pytest.mark.parametrize(
    "password", ["1234567890", "qwertyuiop", "Password123", "PASSWORD123", "１２３４５６７８９０"]
)
def test_what_leaked_often_is_on_the_list_that_comes_along(password: str) -> None:
    assert is_breached(password)


@pytest.mark.parametrize("password", ["four unrelated green words", "x9$Lq2!vTz", ""])
def test_what_nobody_uses_is_not(password: str) -> None:
    assert not is_breached(password)


def test_the_list_is_sorted_without_repetition_and_says_where_it_is_from() -> None:
    content = breached.LIST.read_bytes()
    step = breached.DIGEST_BYTES
    digests = [content[at : at + step] for at in range(0, len(content), step)]
    assert digests == sorted(set(digests))
    assert len(digests) > 10_000
    said = breached.LIST.with_suffix(".txt").read_text()
    assert "BSD-3-Clause" in said
    assert "MIT" in said


def test_the_tool_keeps_only_what_somebody_could_choose() -> None:
    made = compact(["short", "long enough to choose", "LONG enough to choose"])
    assert made == breached.local_digest("long enough to choose")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(listed=WORDS, others=WORDS, end=st.sampled_from(["\n", "\r\n"]))
def test_the_search_on_disk_finds_what_is_there_and_nothing_else(
    tmp_path: Path, listed: list[str], others: list[str], end: str
) -> None:
    """Compared with a set: the first, the last, the only line and an empty file included."""
    path = write(tmp_path / "list.txt", listed, end=end)
    for password in {*listed, *others}:
        with path.open("rb") as file:
            found = breached._has_line(file, path.stat().st_size, sha1(password).encode())
        assert found == (password in listed), password


def test_the_operators_list_is_looked_up_beside_ours(tmp_path: Path) -> None:
    path = write(tmp_path / "pwned.txt", ["four unrelated green words", "another one here"])
    assert is_breached("four unrelated green words", path)
    assert is_breached("1234567890", path)
    assert not is_breached("Four unrelated green words", path), "hashes tell case apart"


def test_a_list_that_is_gone_is_an_error_and_not_a_no(tmp_path: Path) -> None:
    with pytest.raises(BreachedListUnreadable):
        is_breached("four unrelated green words", tmp_path / "gone.txt")
