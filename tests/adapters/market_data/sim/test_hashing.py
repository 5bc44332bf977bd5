"""Hashed numbers look random, and are the same for whoever asks."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from optix.adapters.market_data.sim.hashing import hash_bits, normals, stream_key, uniforms

COUNTERS = np.arange(200_000)


def test_numbers_depend_on_key_and_counter_alone() -> None:
    key = stream_key("a", 1)
    assert (uniforms(key, COUNTERS[500:510]) == uniforms(key, COUNTERS)[500:510]).all()
    assert (normals(key, COUNTERS[::-1])[::-1] == normals(key, COUNTERS)).all()


def test_the_stream_is_pinned_so_that_a_new_release_keeps_the_same_world() -> None:
    assert int(stream_key("a", 1)) == 9_331_952_569_449_725_121
    bits = hash_bits(stream_key("a", 1), np.arange(2)).tolist()
    assert bits == [9_218_844_094_342_432_141, 8_033_248_101_600_117_395]


def test_parts_of_a_key_do_not_run_into_each_other() -> None:
    assert stream_key("ab", "c") != stream_key("a", "bc")


def test_uniforms_are_uniform_and_never_touch_the_ends() -> None:
    draws = uniforms(stream_key("u"), COUNTERS)
    assert 0 < draws.min() < draws.max() < 1
    assert stats.kstest(draws, "uniform").pvalue > 1e-4


def test_normals_are_normal() -> None:
    draws = normals(stream_key("n"), COUNTERS)
    assert stats.kstest(draws, "norm").pvalue > 1e-4
    assert draws.std() == pytest.approx(1.0, abs=0.01)


def test_streams_are_unrelated() -> None:
    one, two = (normals(stream_key("n", n), COUNTERS) for n in (1, 2))
    assert abs(np.corrcoef(one, two)[0, 1]) < 0.02
    assert abs(np.corrcoef(one[1:], one[:-1])[0, 1]) < 0.02
