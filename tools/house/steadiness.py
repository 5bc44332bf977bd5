"""Rules on tests: none guesses how long something takes."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tools.house.source import Rule, Source, within

SLEEP_SECONDS_MAX = 0.05  # a longer one says what must not happen meanwhile
BOUND_SECONDS_MIN = 10.0  # of what only ends a test that would never pass
EXPIRES_SECONDS_MAX = 1.0  # a shorter bound is there to be reached

SAY_WHAT_FOR = (
    "wait for what should happen (tests/fixtures/waiting.py), or say in a comment what should not "
    "happen meanwhile"
)
LEAVE_IT_OUT = (
    "a slow machine takes longer: leave the bound out, or use WAIT_SECONDS of "
    "tests/fixtures/waiting.py"
)

Hits = Iterator[tuple[int, str]]

_SLEEPS = frozenset({"asyncio.sleep", "time.sleep"})
# Where the bound stands in a call: the position, or the name.
_BOUNDS = {"until": (None, "seconds"), "asyncio.timeout": (0, ""), "asyncio.wait_for": (1, "")}


def check_steadiness(source: Source) -> Hits:
    commented = {line for line, _ in source.comments}
    for node in source.nodes():
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        if called in _SLEEPS and not {node.lineno, node.lineno - 1} & commented:
            seconds = _number(node.args[0]) if node.args else None
            if seconds is not None and seconds >= SLEEP_SECONDS_MAX:
                yield node.lineno, SAY_WHAT_FOR
        bound = _bound(node, *_BOUNDS[called]) if called in _BOUNDS else None
        if bound is not None and EXPIRES_SECONDS_MAX <= bound < BOUND_SECONDS_MIN:
            yield node.lineno, LEAVE_IT_OUT


def _bound(call: ast.Call, position: int | None, name: str) -> float | None:
    if position is not None:
        return _number(call.args[position]) if len(call.args) > position else None
    return next((_number(word.value) for word in call.keywords if word.arg == name), None)


def _number(node: ast.expr) -> float | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return float(node.value)
    return None


RULES = (Rule("steadiness", within("tests/"), check_steadiness),)
