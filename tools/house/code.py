"""Rules on the syntax tree of Python files."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from tools.house.source import Rule, Source, within

LINES_PER_FILE_MAX = 500
LINES_PER_FUNCTION_MAX = 70
PUBLIC_METHODS_PER_SERVICE_MAX = 15
OBVIOUS_METHOD_LINES_MAX = 12  # a longer public method says in a docstring what it does

Hits = Iterator[tuple[int, str]]
Function = ast.FunctionDef | ast.AsyncFunctionDef

PRODUCT = ("src/optix/",)
ALL_CODE = ("src/", "tests/", "tools/", "benchmarks/", "migrations/")
VALUES = ("src/optix/kernel/", "src/optix/quant/", "src/optix/ports/")


def _called(node: ast.AST) -> str:
    """Return the dotted name that a call calls, empty if it is not that simple."""
    return ast.unparse(node.func) if isinstance(node, ast.Call) else ""


def check_commit(source: Source) -> Hits:
    for node in source.nodes():
        if isinstance(node, ast.Attribute) and node.attr == "commit":
            yield (
                node.lineno,
                (
                    "the edge closes the transaction: write through the session you are given, "
                    "and let the request or the job commit (docs/adr/0002)"
                ),
            )


def check_flush(source: Source) -> Hits:
    commented = {line for line, _ in source.comments}
    for node in source.nodes():
        if (
            isinstance(node, ast.Call)
            and _called(node).endswith("session.flush")
            and not {node.lineno, node.lineno - 1} & commented
        ):
            yield (
                node.lineno,
                "say in a comment why the rows must reach the database before the transaction ends",
            )


_WALL_CLOCK = frozenset(
    {
        "time.time",
        "time.time_ns",
        "time.localtime",
        "time.gmtime",
        "datetime.now",
        "datetime.utcnow",
        "datetime.today",
        "date.today",
    }
)


def check_clock(source: Source) -> Hits:
    for node in source.nodes():
        called = _called(node)
        short = ".".join(called.split(".")[-2:])
        if short in _WALL_CLOCK or short == "Timestamp.now":
            yield (
                node.lineno,  # type: ignore[attr-defined]  # a Call has a line
                f"{short}() asks the machine: take a Clock as a parameter (kernel/clock.py)",
            )
        if isinstance(node, ast.ImportFrom) and node.module == "time":
            for alias in node.names:
                if f"time.{alias.name}" in _WALL_CLOCK:
                    yield node.lineno, "take a Clock as a parameter (kernel/clock.py)"


def check_naive_datetime(source: Source) -> Hits:
    """Ruff's DTZ rules see most of this; a `noqa` of theirs, with its reason, holds here too."""
    for line, message in _naive_datetimes(source):
        if "noqa: DTZ" not in source.lines[line - 1]:
            yield line, message


def _naive_datetimes(source: Source) -> Hits:
    remedy = "every datetime is aware: give tzinfo=UTC or the exchange's zone"
    for node in source.nodes():
        if not isinstance(node, ast.Call):
            continue
        keywords = {keyword.arg: keyword.value for keyword in node.keywords}
        short = ".".join(_called(node).split(".")[-2:])
        if short in {"datetime", "datetime.datetime", "dt.datetime"}:
            if "tzinfo" not in keywords and len(node.args) < 8 and None not in keywords:
                yield node.lineno, remedy
        elif short == "datetime.fromtimestamp":
            if len(node.args) < 2 and "tz" not in keywords:
                yield node.lineno, remedy
        elif short in {"datetime.utcfromtimestamp", "datetime.strptime"}:
            if not _is_made_aware(source, node):
                yield node.lineno, remedy
        elif short.endswith(".replace") and "tzinfo" in keywords:
            value = keywords["tzinfo"]
            if isinstance(value, ast.Constant) and value.value is None:
                yield node.lineno, remedy


def _is_made_aware(source: Source, call: ast.Call) -> bool:
    """Tell whether `.replace(tzinfo=…)`, `.date()` or `.astimezone(…)` follows the call."""
    for node in source.nodes():
        if isinstance(node, ast.Attribute) and node.value is call:
            return node.attr in {"replace", "date", "astimezone"}
    return False


_MONEY_MODULES = frozenset({"decimal", "optix.kernel.money"})


def _handles_money(source: Source) -> bool:
    for node in source.nodes():
        if isinstance(node, ast.ImportFrom) and node.module in _MONEY_MODULES:
            return True
        if isinstance(node, ast.Import) and any(a.name in _MONEY_MODULES for a in node.names):
            return True
    return False


def check_money_float(source: Source) -> Hits:
    """In a file that knows exact money, floats pass only through the two named doors."""
    if not _handles_money(source):
        return
    doors = [
        node
        for node in source.nodes()
        if isinstance(node, Function)
        and node.name in {"to_float", "from_float"}
        and source.path == "src/optix/kernel/money.py"
    ]
    for node in source.nodes():
        if not isinstance(node, ast.Call):
            continue
        if any(door.lineno <= node.lineno <= (door.end_lineno or 0) for door in doors):
            continue
        called = _called(node)
        if called in {"float", "np.float64", "numpy.float64"}:
            yield (
                node.lineno,
                "money leaves the exact world only by Price.to_float (docs/adr/0003)",
            )
        elif called.rpartition(".")[2] == "Decimal" and any(
            (isinstance(arg, ast.Constant) and isinstance(arg.value, float))
            or _called(arg) == "float"
            for arg in node.args
        ):
            yield (
                node.lineno,
                "a float is not exact: write Decimal('0.1'), or use Price.from_float(value, tick)",
            )


def check_size(source: Source) -> Hits:
    if len(source.lines) > LINES_PER_FILE_MAX:
        yield (
            LINES_PER_FILE_MAX + 1,
            f"{len(source.lines)} lines, at most {LINES_PER_FILE_MAX}: split the file by use case",
        )
    for node in source.nodes():
        if isinstance(node, Function):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > LINES_PER_FUNCTION_MAX:
                yield (
                    node.lineno,
                    (
                        f"{node.name} has {length} lines, at most {LINES_PER_FUNCTION_MAX}: keep "
                        "the branch in the parent, move the loop into a function of its own"
                    ),
                )
        elif isinstance(node, ast.ClassDef) and node.name.endswith("Service"):
            public = [m for m in _methods(node) if not m.name.startswith("_")]
            if len(public) > PUBLIC_METHODS_PER_SERVICE_MAX:
                yield (
                    node.lineno,
                    (
                        f"{node.name} has {len(public)} public methods, at most "
                        f"{PUBLIC_METHODS_PER_SERVICE_MAX}: split the service by use case"
                    ),
                )


def _methods(node: ast.ClassDef) -> list[Function]:
    return [item for item in node.body if isinstance(item, Function)]


def check_module_docstring(source: Source) -> Hits:
    if source.tree.body and not ast.get_docstring(source.tree):
        yield 1, "say what lives in this module, what does not, and the shape of its data"


def check_docstrings(source: Source) -> Hits:
    """Public functions and classes speak; enums and errors speak by their members."""
    for node in source.tree.body:
        if isinstance(node, Function) and not node.name.startswith("_"):
            if not ast.get_docstring(node):
                yield (
                    node.lineno,
                    f"{node.name} is public here: say what it returns, in which units",
                )
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            if not ast.get_docstring(node) and not _speaks_for_itself(node):
                yield node.lineno, f"{node.name} is public: say what one of it stands for"
            for method in _methods(node):
                length = (method.end_lineno or method.lineno) - method.lineno + 1
                if (
                    not method.name.startswith("_")
                    and length > OBVIOUS_METHOD_LINES_MAX
                    and not ast.get_docstring(method)
                ):
                    yield method.lineno, f"{node.name}.{method.name} is too long to be obvious"


def _speaks_for_itself(node: ast.ClassDef) -> bool:
    bases = {ast.unparse(base) for base in node.bases}
    has_next_step = any(
        isinstance(item, ast.Assign) and ast.unparse(item.targets[0]) in {"kind", "code"}
        for item in node.body
    )
    return bool(bases & {"StrEnum", "IntEnum", "Enum", "IntFlag", "Flag"}) or has_next_step


def check_class_names(source: Source) -> Hits:
    for node in source.nodes():
        if isinstance(node, ast.ClassDef):
            for vague in ("Manager", "Helper", "Utils", "Util"):
                if node.name.endswith(vague):
                    yield node.lineno, f"{node.name}: name what it does, not that it does something"
            if node.name.startswith("HttpClient"):
                yield node.lineno, f"{node.name}: write HTTPClient"


def check_unscoped_read(source: Source) -> Hits:
    """A read of user-owned rows takes the owner, so that nobody reads another's by forgetting."""
    for node in source.nodes():
        if not isinstance(node, ast.ClassDef) or not node.name.endswith("Repository"):
            continue
        for method in _methods(node):
            if not method.name.startswith(("get_", "find_", "list_", "iter_")):
                continue
            arguments = [*method.args.args, *method.args.kwonlyargs]
            owned = any(
                argument.annotation is not None and "UserId" in ast.unparse(argument.annotation)
                for argument in arguments
            )
            if not owned:
                yield method.lineno, f"{method.name} takes no `owner: UserId` to scope the query"


def check_bus_names(source: Source) -> Hits:
    for node in source.nodes():
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            value = node.value
            if value.startswith("md.") and len(value) > 3 and " " not in value:
                yield node.lineno, f"{value!r}: use the constant of platform/bus.py"


def _except(below: tuple[str, ...], *paths: str) -> Callable[[Source], bool]:
    inside = within(*below)
    return lambda source: inside(source) and not source.path.startswith(paths)


RULES = (
    Rule("commit", _except(PRODUCT, "src/optix/platform/"), check_commit),
    Rule("flush", within(*PRODUCT), check_flush),
    Rule("clock", _except(PRODUCT, "src/optix/kernel/clock.py"), check_clock),
    Rule("naive-datetime", within(*ALL_CODE), check_naive_datetime),
    Rule("money-float", within(*PRODUCT), check_money_float),
    Rule("size", within(*ALL_CODE), check_size),
    Rule("module-docstring", within(*PRODUCT), check_module_docstring),
    Rule("docstring", within(*VALUES), check_docstrings),
    Rule("class-name", within(*PRODUCT, "tools/"), check_class_names),
    # identity is the feature that finds out who the owner is; market rows belong to nobody.
    Rule(
        "unscoped-read",
        _except(
            ("src/optix/features/",),
            "src/optix/features/identity/",
            "src/optix/features/market/",
        ),
        check_unscoped_read,
    ),
    Rule("bus-name", _except(PRODUCT, "src/optix/platform/bus.py"), check_bus_names),
)
