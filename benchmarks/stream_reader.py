"""The readers of the stream's benchmark, a process of their own: the engine of `stream-load`.

    python -m benchmarks.stream_reader PLAN.json

PLAN has the fields of `LoadPlan` with `url` for its target. Each line of stdin is a command, and is
answered by one JSON object: `connect`, `measure SECONDS`, `rounds SECONDS`. It ends with stdin.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from optix.processes.stream_load import LoadPlan, LoadRun, parse_target


def main(path: Path) -> None:
    """Do what stdin says."""
    given: dict[str, Any] = json.loads(path.read_bytes())
    plan = LoadPlan(target=parse_target(given.pop("url")), **given)
    run = LoadRun(plan, lambda said: print(said, file=sys.stderr, flush=True))
    for line in sys.stdin:
        command, _, seconds = line.strip().partition(" ")
        if command == "connect":
            run.connect()
            result = run.measure(0.0)
        else:
            result = run.measure(float(seconds), rounds=command == "rounds")
        print(json.dumps(result.as_json()), flush=True)
    run.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
