"""Each house rule is proven twice: a planted breach is found on its line, and the right way to say
the same thing is not.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from tools.house import FILE_RULES
from tools.house.source import Source

# Written in pieces, so that the rules do not find this file.
UNFINISHED = "TO" + "DO"
NOQA = "# no" + "qa"
IGNORE = "# type: " + "ignore"
HOME = "/ho" + "me/somebody"
TS_IGNORE = "@ts-" + "ignore"


@dataclass(frozen=True)
class Case:
    rule: str
    path: str
    wrong: str  # breaks the rule on its last line, unless `line` says another
    right: str
    line: int | None = None


SERVICE = "src/optix/features/identity/service.py"
KERNEL = "src/optix/kernel/money.py"
ORDERS = "src/optix/features/orders/repository.py"

CASES = {
    "commit in a service": Case(
        "commit",
        SERVICE,
        "async def register(session):\n    await session.commit()",
        "async def register(session):\n    session.add(1)",
    ),
    "commit taken as a value": Case("commit", SERVICE, "close = session.commit", "close = None"),
    "flush without a reason": Case(
        "flush",
        SERVICE,
        "async def f(session):\n    await session.flush()",
        "async def f(session):\n    # The id is needed for the event below.\n"
        "    await session.flush()",
    ),
    "flush of a session outside features": Case(
        "flush", "src/optix/processes/seed.py", "session.flush()", "sys.stdout.flush()"
    ),
    "wall clock": Case("clock", SERVICE, "import time\nnow = time.time()", "now = clock.now_ns()"),
    "wall clock through datetime": Case(
        "clock",
        SERVICE,
        "import datetime\nnow = datetime.datetime.now(tz=datetime.UTC)",
        "import time\nstarted = time.perf_counter()",
    ),
    "today": Case("clock", SERVICE, "day = date.today()", "day = calendar.trading_day(now)"),
    "wall clock imported by name": Case(
        "clock", SERVICE, "from time import time_ns", "from time import perf_counter"
    ),
    "naive datetime": Case(
        "naive-datetime",
        SERVICE,
        "at = datetime(2026, 1, 2)",
        "at = datetime(2026, 1, 2, tzinfo=UTC)",
    ),
    "naive timestamp": Case(
        "naive-datetime",
        SERVICE,
        "at = datetime.fromtimestamp(seconds)",
        "at = datetime.fromtimestamp(seconds, tz=UTC)",
    ),
    "naive parse": Case(
        "naive-datetime",
        SERVICE,
        'at = datetime.strptime(text, "%Y")',
        'at = datetime.strptime(text, "%Y").replace(tzinfo=UTC)',
    ),
    "naive parse excused for another rule": Case(
        "naive-datetime",
        SERVICE,
        f"at = datetime.strptime(text)  {NOQA}: S105  # why not",
        f"at = datetime.strptime(text)  {NOQA}: DTZ007  # a date, no instant",
    ),
    "zone thrown away": Case(
        "naive-datetime", SERVICE, "at = at.replace(tzinfo=None)", "at = at.astimezone(UTC)"
    ),
    "float of money": Case(
        "money-float",
        "src/optix/features/orders/service.py",
        "from decimal import Decimal\nshown = float(Decimal('1.10'))",
        "from decimal import Decimal\nshown = price.to_float()",
    ),
    "money from a float literal": Case(
        "money-float",
        KERNEL,
        "from decimal import Decimal\nfee = Decimal(0.1)",
        "from decimal import Decimal\nfee = Decimal('0.1')",
    ),
    "money from a float call": Case(
        "money-float",
        "src/optix/adapters/brokers/x/translate.py",
        "import decimal\nfee = decimal.Decimal(price.to_float() + float(text))",
        "import decimal\nfee = decimal.Decimal(text)",
    ),
    "numpy float of money": Case(
        "money-float",
        KERNEL,
        "from decimal import Decimal\nx = np.float64(price)",
        "from decimal import Decimal\nclass Price:\n    def to_float(self):\n"
        "        return float(self.amount)",
    ),
    "sleep and hope": Case(
        "steadiness",
        "tests/platform/test_x.py",
        "await asyncio.sleep(0.05)",
        "await asyncio.sleep(0.05)  # nothing may come meanwhile\nawait asyncio.sleep(0.01)",
    ),
    "impatient wait": Case(
        "steadiness",
        "tests/platform/test_x.py",
        "await until(lambda: seen, seconds=5)",
        "await until(lambda: seen)\nawait world.until(lambda: seen, seconds=5)",
    ),
    "impatient bounds": Case(
        "steadiness",
        "tests/platform/test_x.py",
        "await asyncio.wait_for(task, 2.0)",
        "async with asyncio.timeout(0.1):\n    await asyncio.wait_for(task, WAIT_SECONDS)",
    ),
    "long file": Case("size", SERVICE, "x = 1\n" * 500 + "x = 1", "x = 1\n" * 500),
    "long function": Case(
        "size", SERVICE, "def f():\n" + "    x = 1\n" * 70, "def f():\n" + "    x = 1\n" * 69, 1
    ),
    "wide service": Case(
        "size",
        SERVICE,
        "class AlertService:\n" + "".join(f"    def act_{n}(self): ...\n" for n in range(16)),
        "class AlertService:\n" + "".join(f"    def act_{n}(self): ...\n" for n in range(15)),
        1,
    ),
    "module that says nothing": Case(
        "module-docstring", SERVICE, "x = 1", '"""Where users sign in."""\nx = 1'
    ),
    "public function that says nothing": Case(
        "docstring",
        KERNEL,
        "def round_price(x):\n    return x",
        'def round_price(x):\n    """Return x."""\n    return x\n\n\ndef _inner(x):\n    return x',
        1,
    ),
    "public class that says nothing": Case(
        "docstring",
        "src/optix/ports/broker.py",
        "class Snapshot:\n    x: int",
        'class Snapshot:\n    """What the broker holds."""\n\n    x: int\n\n\n'
        "class Side(StrEnum):\n    BUY = 'buy'",
        1,
    ),
    "long public method that says nothing": Case(
        "docstring",
        KERNEL,
        'class A:\n    """One A."""\n    def f(self):\n' + "        x = 1\n" * 12,
        'class A:\n    """One A."""\n    def f(self):\n' + "        x = 1\n" * 11,
        3,
    ),
    "manager": Case("class-name", SERVICE, "class SessionManager: ...", "class SessionStore: ..."),
    "HttpClient": Case("class-name", SERVICE, "class HttpClient: ...", "class HTTPClient: ..."),
    "unscoped read": Case(
        "unscoped-read",
        ORDERS,
        "class OrderRepository:\n    async def list_orders(self, status: str): ...",
        "class OrderRepository:\n    async def list_orders(self, owner: UserId): ...",
    ),
    "bus name in place": Case("bus-name", SERVICE, 'key = "md.status"', "key = bus.STATUS"),
    "unfinished mark": Case(
        "unfinished", SERVICE, f"x = 1  # {UNFINISHED}: later", "x = 1  # whole"
    ),
    "unfinished mark in TypeScript": Case(
        "unfinished", "app/src/lib/time.ts", f"const x = 1; // {UNFINISHED} later", "const x = 1;"
    ),
    "machine path": Case(
        "machine-path", "docs/tutorial.md", f"cd {HOME}/optix", "cd optix; ls ~/optix https://a/b"
    ),
    "host in a Python lock": Case(
        "lock", "requirements.lock", "a==1 @ https://x.example/a.whl", "a==1 --hash=sha256:0"
    ),
    "host in an npm lock": Case(
        "lock",
        "app/package-lock.json",
        '"resolved": "https://x.example/a.tgz"',
        '"funding": {"url": "https://x.example"}',
    ),
    "registry in npm settings": Case(
        "lock", "app/.npmrc", "registry=https://x.example", "omit-lockfile-registry-resolved=true"
    ),
    "index in the project file": Case("lock", "pyproject.toml", "[[tool.uv.index]]", "[tool.uv]"),
    "lock without a hash": Case(
        "lock-hash",
        "requirements.lock",
        "a==1 \\\n    --hash=sha256:00\nb==2",
        "a==1 \\\n    --hash=sha256:00\nb==2 --hash=sha256:11",
    ),
    "lock without a version": Case(
        "lock-hash", "tools.lock", "a>=1 --hash=sha256:00", "a==1 --hash=sha256:00"
    ),
    "type ignore without a reason": Case(
        "suppression",
        SERVICE,
        f"x = y  {IGNORE}[attr-defined]",
        f"x = y  {IGNORE}[attr-defined]  # the stub lacks it",
    ),
    "type ignore without a code": Case(
        "suppression", SERVICE, f"x = y  {IGNORE}  # the stub lacks it", "x = y"
    ),
    "noqa without a reason": Case(
        "suppression",
        SERVICE,
        f"x = y  {NOQA}: S105",
        f"x = y  {NOQA}: S105, S106  # a scheme, not a secret",
    ),
    "noqa of everything": Case("suppression", SERVICE, f"x = y  {NOQA}", "x = y"),
    "uncovered without a reason": Case(
        "suppression",
        SERVICE,
        "x = 1  # pragma: no cover",
        "x = 1  # pragma: no cover  # only on macOS",
    ),
    "eslint silenced without a reason": Case(
        "suppression",
        "app/src/a.ts",
        "// eslint-disable-next-line no-console",
        "// eslint-disable-next-line no-console -- the logger itself",
    ),
    "TypeScript silenced": Case(
        "suppression", "app/src/a.ts", f"// {TS_IGNORE} because", "// @ts-expect-error no types"
    ),
    "nameless file": Case("file-name", "src/optix/kernel/utils.py", "x = 1", ""),
    "nameless file in the app": Case("file-name", "app/src/lib/helpers.ts", "const x = 1;", ""),
}


def findings(rule: str, path: str, text: str) -> list[int]:
    source = Source(path, text)
    return [
        finding.line
        for candidate in FILE_RULES
        if candidate.name == rule
        for finding in candidate.findings(source)
    ]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_planted_breach_is_found_on_its_line(case: Case) -> None:
    expected = case.line or len(case.wrong.splitlines())
    assert findings(case.rule, case.path, case.wrong) == [expected]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_the_right_way_is_not_found(case: Case) -> None:
    path = "src/optix/kernel/money.py" if case.rule == "file-name" else case.path
    assert findings(case.rule, path, case.right) == []


def test_every_rule_has_a_planted_breach() -> None:
    assert {case.rule for case in CASES.values()} == {rule.name for rule in FILE_RULES}


def test_a_line_is_excused_only_with_a_reason() -> None:
    line = "now = time.time()"
    reason = "# house: allow(clock) because tokens carry the machine's time\n"
    assert findings("clock", SERVICE, reason + line) == []
    assert findings("clock", SERVICE, "# house: allow(clock)\n" + line) == [2]
    assert findings("clock", SERVICE, "# house: allow(clock) because\n" + line) == [2]
    assert findings("clock", SERVICE, reason.replace("clock", "size") + line) == [2]
    assert findings("clock", SERVICE, reason + "\n" + line) == [3]


def test_the_edge_may_commit_and_the_clock_may_ask() -> None:
    assert findings("commit", "src/optix/platform/db.py", "session.commit()") == []
    assert findings("clock", "src/optix/kernel/clock.py", "time.time_ns()") == []
    assert findings("bus-name", "src/optix/platform/bus.py", 'A = "md.status"') == []


def test_the_owner_of_a_session_is_found_without_an_owner() -> None:
    text = "class UserRepository:\n    async def find_by_email(self, email: str): ..."
    assert findings("unscoped-read", "src/optix/features/identity/repository.py", text) == []
