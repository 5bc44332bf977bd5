"""The kernels are compiled here with each compiler, and what it made is looked at and run.

The disassembly shows for every kernel that nearly all its arithmetic exists in the widest registers
of its instruction set; a loop that was not vectorised leaves its arithmetic in scalar form only.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
COMPILERS = ("g++", "clang++")
HOT = {
    "european": ("price", "greeks", "implied_vol"),
    "grids": ("exposure", "cube"),
    "american": ("boundary", "family_values", "family_implied_vol"),
}
WIDEST = {"avx512": "z", "avx2": "y"}
# Rows that do not fill a register are done one by one, so a packed instruction has a scalar twin;
# what is done once per contract has no packed one.
SCALAR_PER_PACKED_MAX = 1.7
ARITHMETIC = re.compile(r"v?(f(?:n?m)(?:add|sub)\d*|mul|add|sub)(pd|sd)")

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="reads x86-64 code"),
]


def compiled_with(compiler: str, folder: Path) -> Path:
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    environment = os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    made = ROOT / "build" / "kernels"
    if shutil.which(compiler) and compiler_of(made) == os.path.realpath(
        shutil.which(compiler) or ""
    ):
        folder = made  # the set-up used this one: only what changed since is compiled
    commands = (
        [
            *("cmake", "-S", str(ROOT), "-B", str(folder), "-G", "Ninja"),
            *("-DCMAKE_BUILD_TYPE=Release", f"-DPython_EXECUTABLE={sys.executable}"),
            *([] if folder == made else [f"-DCMAKE_CXX_COMPILER={compiler}"]),
        ],
        ["cmake", "--build", str(folder)],
    )
    for command in commands:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return folder


def compiler_of(build: Path) -> str | None:
    """Return the program that a build folder compiles with."""
    cache = build / "CMakeCache.txt"
    if not cache.is_file():
        return None
    found = re.search(r"^CMAKE_CXX_COMPILER:\w+=(.*)$", cache.read_text(), re.MULTILINE)
    return os.path.realpath(found[1]) if found else None


@pytest.fixture(scope="module", params=COMPILERS)
def build(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled_with(request.param, tmp_path_factory.mktemp("kernels"))


def arithmetic(object_file: Path) -> Mapping[str, Counter[tuple[str, str]]]:
    """Return how often each function has each kind of arithmetic in registers of each width."""
    listing = subprocess.run(
        ["objdump", "-d", "--no-show-raw-insn", "-C", str(object_file)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found: defaultdict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    function = ""
    for line in listing.splitlines():
        if heading := re.match(r"[0-9a-f]+ <(.*)>:$", line):
            name = re.search(r"namespace\)::(\w+)\(", heading[1])
            function = name[1] if name else heading[1]
        elif instruction := re.match(r"\s+[0-9a-f]+:\s+(\w+)\s+(.*)", line):
            kind = ARITHMETIC.fullmatch(instruction[1])
            if kind:
                family = "fma" if kind[1].startswith("f") else kind[1]
                register = re.search(r"([xyz])mm", instruction[2])
                width = "scalar" if kind[2] == "sd" else register[1] if register else ""
                found[function][family, width] += 1
    return found


@pytest.mark.skipif(shutil.which("objdump") is None, reason="objdump is not installed")
@pytest.mark.parametrize("isa", WIDEST)
@pytest.mark.parametrize("part", HOT)
def test_the_hot_loops_are_in_the_widest_registers(build: Path, part: str, isa: str) -> None:
    (object_file,) = build.rglob(f"{part}_{isa}.cpp.o")
    functions = arithmetic(object_file)
    total: Counter[tuple[str, str]] = Counter()
    for name, counts in functions.items():
        total += counts
        if name in HOT[part] and part == "european":
            for family in ("fma", "mul", "add"):
                packed, scalar = counts[family, WIDEST[isa]], counts[family, "scalar"]
                assert packed > 20, (name, family)
                assert scalar <= SCALAR_PER_PACKED_MAX * packed, (name, family)
    # A compiler may split the grids' kernels; together they pass the same test.
    for family in ("fma", "mul", "add"):
        assert total[family, "scalar"] <= SCALAR_PER_PACKED_MAX * total[family, WIDEST[isa]], family


@pytest.mark.skipif(shutil.which("objdump") is None, reason="objdump is not installed")
@pytest.mark.parametrize("isa", WIDEST)
def test_the_recurrences_of_dividends_have_no_scalar_arithmetic(build: Path, isa: str) -> None:
    (object_file,) = build.rglob(f"dividends_{isa}.cpp.o")
    functions = arithmetic(object_file)
    for name in ("eliminate", "substitute"):
        widths = Counter[str]()
        for (_family, width), count in functions[name].items():
            widths[width] += count
        assert widths[WIDEST[isa]] >= 4, name
        assert widths["scalar"] == 0, name


def test_nothing_of_an_instruction_set_can_be_taken_by_another(build: Path) -> None:
    # A weak function compiled for AVX-512 might be the one that the linker keeps for everybody.
    for object_file in build.rglob("*_avx512.cpp.o"):
        listing = subprocess.run(
            ["nm", "-C", str(object_file)], capture_output=True, text=True, check=True
        ).stdout
        assert not re.findall(r"^\S* [WVu] .*$", listing, re.MULTILINE), object_file.name


CHECK = """
import sys
import numpy as np
from optix.quant import black_scholes, kernels
from optix.quant.implied_vol import implied_vol
assert kernels.native() is not None and {origin!r} in kernels.native().__file__, kernels.active()
strike = np.linspace(50.0, 200.0, 1001)
terms = dict(forward=100.0, strike=strike, expiry_years=0.5, rate=0.03, is_call=strike > 100.0)
for name in kernels.available():
    kernels.use(name)
    price = black_scholes.price(vol=0.25, **terms)
    found = implied_vol(price=price, **terms)
    assert np.abs(found.vol / 0.25 - 1.0).max() < 1e-13, name
    greeks = black_scholes.greeks(spot=99.0, vol=0.25, **terms)
    assert np.isfinite(np.stack(greeks)).all(), name
print("ok", *kernels.available())
"""


def run_from(folder: Path, origin: str) -> str:
    """Run CHECK on a tree that has nothing but `folder` and NumPy."""
    numpy_only = folder / "numpy_only"
    numpy_only.mkdir()
    packages = Path(np.__file__).parents[1]
    for name in ("numpy", "numpy.libs"):
        if (packages / name).exists():
            (numpy_only / name).symlink_to(packages / name)
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{folder}{os.pathsep}{numpy_only}"}
    done = subprocess.run(
        [sys.executable, "-S", "-c", CHECK.format(origin=origin)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_each_compiler_made_computes_the_same(build: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "src" / "optix", tmp_path / "optix", ignore=built_or_cached)
    (module,) = build.glob("_native*.so")
    shutil.copy(module, tmp_path / "optix" / "quant")
    assert run_from(tmp_path, str(tmp_path)).startswith("ok")


def built_or_cached(_: str, names: list[str]) -> set[str]:
    return {name for name in names if name.endswith(".so") or name == "__pycache__"}


def wheel_built(folder: Path, **environment: str) -> Path:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"),
            *("--no-deps", "--no-build-isolation", "--no-index", "-w", str(folder), str(ROOT)),
            *("-C", f"build-dir={folder / 'build'}"),
        ],
        env=os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("*.whl")
    return wheel


def test_a_wheel_works_in_a_clean_environment(tmp_path: Path) -> None:
    wheel = wheel_built(tmp_path)
    with zipfile.ZipFile(wheel) as archive:
        modules = [e for e in archive.infolist() if e.filename.endswith((".so", ".pyd"))]
        places = {module.filename.partition(".")[0] for module in modules}
        assert places == {
            "optix/quant/_native",
            "optix/platform/fanout/_fan",
            "optix/platform/fanout/_load",
            "optix/features/alerts/crossings/_crossings",
        }
        assert sum(module.compress_size for module in modules) < 2_000_000
        assert not [name for name in archive.namelist() if name.endswith((".inl", ".hpp", ".cpp"))]
    home = tmp_path / "clean"
    venv.create(home, with_pip=False, symlinks=True)
    (packages,) = home.glob("lib/python*/site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    assert run_from(packages, str(packages)).startswith("ok")


def test_without_a_compiler_the_wheel_is_built_all_the_same(tmp_path: Path) -> None:
    nothing = tmp_path / "no-compiler"
    wheel = wheel_built(tmp_path, CXX=str(nothing), CC=str(nothing))
    assert wheel.name.endswith("-py3-none-any.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert not [
            name for name in archive.namelist() if "/_native." in name and ".pyi" not in name
        ]
        assert "optix/quant/black_scholes_numpy.py" in archive.namelist()
