"""Who may connect, asked with times of our own."""

from __future__ import annotations

import pytest

from optix.features.streaming.admission import Admission
from optix.kernel import limits
from optix.kernel.ids import UserId, new_uuid


@pytest.fixture
def admission() -> Admission:
    return Admission(connects_per_minute=60, sockets_per_address=3)


class TestHowOften:
    def test_a_minute_has_so_many_connections_and_no_more(self, admission: Admission) -> None:
        assert [admission.seconds_to_wait("a", 5.0) for _ in range(60)] == [0] * 60
        assert admission.seconds_to_wait("a", 5.0) > 0
        assert admission.seconds_to_wait("b", 5.0) == 0  # others are not concerned

    def test_waiting_as_told_lets_one_in_again(self, admission: Admission) -> None:
        for _ in range(60):
            admission.seconds_to_wait("a", 0.0)
        wait = admission.seconds_to_wait("a", 0.0)
        assert admission.seconds_to_wait("a", 0.0 + wait) == 0

    def test_being_refused_costs_nothing(self, admission: Admission) -> None:
        for _ in range(60):
            admission.seconds_to_wait("a", 0.0)
        waits = [admission.seconds_to_wait("a", 0.0) for _ in range(100)]
        assert len(set(waits)) == 1

    def test_the_addresses_that_are_counted_are_bounded(
        self, admission: Admission, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "SOCKET_ADDRESSES_MAX", 10)
        for number in range(30):
            admission.seconds_to_wait(str(number), 0.0)
        assert len(admission._paced) == 10
        assert "29" in admission._paced


class TestHowMany:
    def test_an_address_has_so_many_sockets(self, admission: Admission) -> None:
        assert [admission.add_address("a") for _ in range(4)] == [True, True, True, False]
        admission.remove_address("a")
        assert admission.add_address("a")

    def test_a_user_has_so_many_sockets(self, admission: Admission) -> None:
        user = UserId(new_uuid())
        for _ in range(limits.SOCKETS_PER_USER_MAX):
            assert admission.add_user(user)
        assert not admission.add_user(user)
        assert admission.add_user(UserId(new_uuid()))

    def test_who_is_gone_takes_no_memory(self, admission: Admission) -> None:
        user = UserId(new_uuid())
        for _ in range(3):
            admission.add_address("a")
            admission.add_user(user)
        for _ in range(3):
            admission.remove_address("a")
            admission.remove_user(user)
        assert not admission._of_address
        assert not admission._of_user
