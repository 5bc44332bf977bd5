"""Section of `make -s bench NAME=quant`: a fresh process until its first chain is solved."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from benchmarks.quant_chain import spx_like

STARTS = 9
# NumPy is loaded before the clock starts: the figure is what OPTIX adds.
CODE = """
import sys, time
import numpy as np
with np.load(sys.argv[1]) as file:
    c = dict(file)
started = time.perf_counter()
from optix.quant.implied_vol import implied_vol
found = implied_vol(price=c["price"], forward=c["forward"], strike=c["strike"],
                    expiry_years=c["years"], rate=0.043, is_call=c["is_call"])
print((time.perf_counter() - started) * 1e3, int((found.status == 0).sum()))
"""


def measure(seconds: float) -> dict[str, float]:
    del seconds
    chain = spx_like()
    taken = []
    with tempfile.TemporaryDirectory(prefix="optix-bench-") as folder:
        path = Path(folder) / "chain.npz"
        np.savez(path, **chain._asdict())
        for _ in range(STARTS):
            done = subprocess.run(
                [sys.executable, "-c", CODE, str(path)], capture_output=True, text=True, check=True
            )
            ms, solved = done.stdout.split()
            assert int(solved) > 0.9 * chain.rows, "the chain is solved"
            taken.append(float(ms))
    return {"import_first_chain_ms": statistics.median(taken)}
