"""Make the list of breached passwords that the product brings along.

`python -m tools.breached_passwords OUT FILE…` reads lists of leaked passwords (one a line; .json:
an array; .gz of lines) and writes the first bytes of the SHA-256 of each, sorted: enough to know a
password again, and no list of passwords in the product. Shorter ones than anybody may choose are
left out. Where the lists of the file in the repository come from is said beside it, in
src/optix/features/identity/breached_passwords.txt.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from optix.features.identity.breached import local_digest
from optix.kernel import limits


def read(path: Path) -> Iterator[str]:
    if path.suffix == ".json":
        yield from map(str, json.loads(path.read_text()))
        return
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    yield from content.decode(errors="replace").splitlines()


def compact(passwords: Iterable[str]) -> bytes:
    long_enough = (p for p in passwords if len(p) >= limits.PASSWORD_LENGTH_MIN)
    return b"".join(sorted({local_digest(password) for password in long_enough}))


def main(out: Path, sources: list[Path]) -> int:
    content = compact(password.strip() for source in sources for password in read(source))
    out.write_bytes(content)
    print(f"{len(content)} bytes in {out}")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]]))
