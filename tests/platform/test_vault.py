"""Sealing is proven by opening: what is changed, moved or read with another key does not open."""

from __future__ import annotations

import base64
import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optix.kernel.clock import NANOSECONDS, ScaledClock
from optix.kernel.ids import new_uuid
from optix.platform import vault as module
from optix.platform.key_providers import GivenRing, RingKeys
from optix.platform.vault import DataKey, SealBroken, Vault, key_id_of

PLACE = {"table": "brokerage_token", "row": str(new_uuid()), "column": "secret"}


def ring(*keys: bytes) -> str:
    return "\n".join(base64.b64encode(key).decode() for key in keys)


KEY = secrets.token_bytes(32)


@pytest.fixture
def vault(clock: ScaledClock) -> Vault:
    return Vault(RingKeys(GivenRing(ring(KEY)), clock), clock)


class CountingKeys:
    """A provider that counts what it is asked."""

    def __init__(self, clock: ScaledClock) -> None:
        self.inner = RingKeys(GivenRing(ring(KEY)), clock)
        self.made = self.unwrapped = 0

    async def current_key_id(self) -> str:
        return await self.inner.current_key_id()

    async def new_data_key(self) -> DataKey:
        self.made += 1
        return await self.inner.new_data_key()

    async def unwrap(self, key_id: str, wrapped: bytes) -> bytes:
        self.unwrapped += 1
        return await self.inner.unwrap(key_id, wrapped)


class TestSealing:
    @pytest.mark.parametrize(
        "plain", [b"", b"x", b"a refresh token of a broker", bytes(module.PLAIN_BYTES_MAX)]
    )
    async def test_what_was_sealed_opens_in_its_place(self, vault: Vault, plain: bytes) -> None:
        assert await vault.open(await vault.seal(plain, **PLACE), **PLACE) == plain

    async def test_more_than_the_bound_is_our_own_mistake(self, vault: Vault) -> None:
        with pytest.raises(AssertionError):
            await vault.seal(bytes(module.PLAIN_BYTES_MAX + 1), **PLACE)

    async def test_the_envelope_shows_nothing_and_never_repeats(self, vault: Vault) -> None:
        plain = b"the very same secret"
        one, two = await vault.seal(plain, **PLACE), await vault.seal(plain, **PLACE)
        assert one != two
        assert plain not in one
        assert KEY not in one

    async def test_another_process_with_the_same_key_opens_it(
        self, vault: Vault, clock: ScaledClock
    ) -> None:
        sealed = await vault.seal(b"secret", **PLACE)
        other = Vault(RingKeys(GivenRing(ring(KEY)), clock), clock)
        assert await other.open(sealed, **PLACE) == b"secret"


class TestWhatDoesNotOpen:
    async def test_any_single_changed_bit(self, vault: Vault, clock: ScaledClock) -> None:
        sealed = await vault.seal(b"secret", **PLACE)
        for at in range(len(sealed)):
            changed = bytearray(sealed)
            changed[at] ^= 1
            with pytest.raises(SealBroken):
                await vault.open(bytes(changed), **PLACE)

    async def test_any_cut_off_end(self, vault: Vault) -> None:
        sealed = await vault.seal(b"secret", **PLACE)
        for length in range(len(sealed)):
            with pytest.raises(SealBroken):
                await vault.open(sealed[:length], **PLACE)

    @pytest.mark.parametrize(
        "elsewhere",
        [{"row": str(new_uuid())}, {"table": "user_account"}, {"column": "other"}],
    )
    async def test_a_value_moved_to_another_place(
        self, vault: Vault, elsewhere: dict[str, str]
    ) -> None:
        sealed = await vault.seal(b"secret", **PLACE)
        with pytest.raises(SealBroken):
            await vault.open(sealed, **{**PLACE, **elsewhere})

    async def test_a_place_whose_parts_only_look_alike_when_joined(self, vault: Vault) -> None:
        sealed = await vault.seal(b"secret", table="ab", row="c", column="d")
        with pytest.raises(SealBroken):
            await vault.open(sealed, table="a", row="bc", column="d")

    async def test_a_value_under_a_key_that_is_not_ours(
        self, vault: Vault, clock: ScaledClock
    ) -> None:
        other = Vault(RingKeys(GivenRing(ring(secrets.token_bytes(32))), clock), clock)
        with pytest.raises(SealBroken):
            await other.open(await vault.seal(b"secret", **PLACE), **PLACE)

    async def test_a_data_key_taken_from_another_envelope(
        self, vault: Vault, clock: ScaledClock
    ) -> None:
        other = Vault(RingKeys(GivenRing(ring(KEY)), clock), clock)
        one, two = await vault.seal(b"secret", **PLACE), await other.seal(b"secret", **PLACE)
        tail = module.NONCE_BYTES + len(b"secret") + 16
        with pytest.raises(SealBroken):
            await vault.open(one[:-tail] + two[-tail:], **PLACE)

    @given(garbage=st.binary(max_size=200))
    async def test_garbage(self, garbage: bytes) -> None:
        clock = ScaledClock(_Still(), origin_ns=0, speed=0)
        keys = RingKeys(GivenRing(ring(KEY)), clock)
        with pytest.raises(SealBroken):
            await Vault(keys, clock).open(garbage, **PLACE)


class _Still:
    def now_ns(self) -> int:
        return 0


class TestDataKeys:
    async def test_one_serves_a_bounded_number_of_seals(
        self, clock: ScaledClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "DATA_KEY_SEALS_MAX", 3)
        keys = CountingKeys(clock)
        vault = Vault(keys, clock)
        for _ in range(7):
            await vault.seal(b"x", **PLACE)
        assert keys.made == 3

    async def test_one_serves_a_bounded_time(self, clock: ScaledClock) -> None:
        keys = CountingKeys(clock)
        vault = Vault(keys, clock)
        await vault.seal(b"x", **PLACE)
        clock.advance_to(clock.now_ns() + module.DATA_KEY_SECONDS_MAX * NANOSECONDS)
        await vault.seal(b"x", **PLACE)
        assert keys.made == 2

    async def test_opened_ones_are_remembered_for_a_bounded_time(self, clock: ScaledClock) -> None:
        keys = CountingKeys(clock)
        vault = Vault(keys, clock)
        sealed = await vault.seal(b"x", **PLACE)
        await vault.open(sealed, **PLACE)
        await vault.open(sealed, **PLACE)
        assert keys.unwrapped == 1
        clock.advance_to(clock.now_ns() + module.DATA_KEY_SECONDS_MAX * NANOSECONDS)
        await vault.open(sealed, **PLACE)
        assert keys.unwrapped == 2

    async def test_no_more_than_the_bound_are_remembered(
        self, clock: ScaledClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "DATA_KEY_SEALS_MAX", 1)
        monkeypatch.setattr(module, "OPENED_KEYS_MAX", 2)
        keys = CountingKeys(clock)
        vault = Vault(keys, clock)
        sealed = [await vault.seal(b"x", **PLACE) for _ in range(3)]
        for envelope in (*sealed, sealed[0]):
            await vault.open(envelope, **PLACE)
        assert keys.unwrapped == 4

    async def test_a_data_key_in_a_log_line_shows_only_its_name(self, clock: ScaledClock) -> None:
        key = await RingKeys(GivenRing(ring(KEY)), clock).new_data_key()
        assert repr(key) == f"DataKey({key.key_id})"


async def test_an_envelope_tells_whether_it_is_current(vault: Vault, clock: ScaledClock) -> None:
    sealed = await vault.seal(b"x", **PLACE)
    assert await vault.is_current(sealed)
    newer = Vault(RingKeys(GivenRing(ring(secrets.token_bytes(32), KEY)), clock), clock)
    assert not await newer.is_current(sealed)
    assert await newer.open(sealed, **PLACE) == b"x"
    assert key_id_of(sealed) != key_id_of(await newer.seal(b"x", **PLACE))
