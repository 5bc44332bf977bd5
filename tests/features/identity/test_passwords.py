"""Password hashes: the method does what its description says, and work is bounded."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Iterator

import pytest

from optix.features.identity.passwords import (
    NICENESS,
    PasswordHasher,
    PasswordHashingBusy,
)
from optix.kernel import limits


@pytest.fixture
def hasher() -> Iterator[PasswordHasher]:
    hasher = PasswordHasher(cost=4, threads=2)
    yield hasher
    hasher.close()


async def test_only_the_same_password_verifies(hasher: PasswordHasher) -> None:
    stored = await hasher.hash("four unrelated green words")
    assert await hasher.verify("four unrelated green words", stored)
    assert not await hasher.verify("four unrelated green word", stored)
    assert not await hasher.verify("", stored)


async def test_the_same_password_has_another_hash_each_time(hasher: PasswordHasher) -> None:
    assert await hasher.hash("four unrelated") != await hasher.hash("four unrelated")


async def test_every_byte_counts_beyond_the_72_that_bcrypt_reads(hasher: PasswordHasher) -> None:
    stored = await hasher.hash("x" * 200 + "a")
    assert await hasher.verify("x" * 200 + "a", stored)
    assert not await hasher.verify("x" * 200 + "b", stored)
    assert not await hasher.verify("x" * 200, stored)


async def test_a_nul_does_not_end_a_password(hasher: PasswordHasher) -> None:
    stored = await hasher.hash("one\x00two")
    assert not await hasher.verify("one\x00three", stored)
    assert not await hasher.verify("one", stored)


async def test_two_ways_to_type_one_character_are_one_password(hasher: PasswordHasher) -> None:
    stored = await hasher.hash("Zo\u00eb und noch mehr")
    assert await hasher.verify("Zoe\u0308 und noch mehr", stored)


async def test_no_account_is_never_right(hasher: PasswordHasher) -> None:
    assert not await hasher.verify("four unrelated green words", None)
    assert not await hasher.verify("", None)


async def test_a_hash_of_lower_cost_or_other_method_is_outdated(hasher: PasswordHasher) -> None:
    stored = await hasher.hash("four unrelated green words")
    costlier = PasswordHasher(cost=5, threads=1)
    assert not hasher.is_outdated(stored)
    assert costlier.is_outdated(stored)
    assert not PasswordHasher(cost=4).is_outdated(await costlier.hash("four unrelated"))
    assert hasher.is_outdated(stored.replace("v1$", "v0$"))
    costlier.close()


async def test_more_waiting_hashes_than_the_limit_are_refused_at_once() -> None:
    hasher = PasswordHasher(cost=4, threads=1)
    release = threading.Event()
    hasher._threads.submit(release.wait)
    waiting = [
        asyncio.create_task(hasher.hash("four unrelated"))
        for _ in range(limits.PASSWORD_HASHES_WAITING_MAX)
    ]
    await asyncio.sleep(0)
    with pytest.raises(PasswordHashingBusy) as refused:
        await hasher.hash("four unrelated")
    assert refused.value.retry_after_seconds
    release.set()
    assert len(await asyncio.gather(*waiting)) == limits.PASSWORD_HASHES_WAITING_MAX
    assert await hasher.hash("four unrelated")
    hasher.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ranks single threads")
async def test_hashing_gives_way_to_the_rest_of_the_process(hasher: PasswordHasher) -> None:
    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    here = niceness()
    assert await hasher._run(niceness) == max(here, NICENESS)
    assert niceness() == here, "only the hashing threads"
