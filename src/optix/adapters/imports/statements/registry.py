"""Which reader a file is for: one format, one reader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from optix.adapters.imports.statements.fidelity import FidelityHistory
from optix.adapters.imports.statements.ibkr_flex import IbkrFlex
from optix.adapters.imports.statements.ofx import Ofx
from optix.adapters.imports.statements.robinhood import RobinhoodActivity
from optix.adapters.imports.statements.schwab import SchwabHistory
from optix.adapters.imports.statements.webull import WebullOrders
from optix.kernel import limits
from optix.ports.statements import Statement, StatementReader, StatementUnreadable


class Readers:
    """All formats, by name."""

    def __init__(self, readers: Sequence[StatementReader]) -> None:
        self._readers: Mapping[str, StatementReader] = {each.name: each for each in readers}

    @property
    def formats(self) -> Sequence[str]:
        return tuple(self._readers)

    def read(self, body: bytes, name: str = "auto") -> Statement:
        """Read a file. Errors: StatementUnreadable."""
        if len(body) > limits.STATEMENT_BYTES_MAX:
            raise StatementUnreadable(f"The file has more than {limits.STATEMENT_BYTES_MAX} bytes.")
        if not body.strip():
            raise StatementUnreadable("The file is empty.")
        reader = self._find(body) if name == "auto" else self._readers.get(name)
        if reader is None:
            known = ", ".join(("auto", *self._readers))
            raise StatementUnreadable(f"There is no format {name[:40]!r}. There are: {known}.")
        return reader.read(body)

    def _find(self, body: bytes) -> StatementReader:
        found = [each for each in self._readers.values() if each.recognises(body)]
        if len(found) == 1:
            return found[0]
        labels = "; ".join(each.label for each in found or self._readers.values())
        if found:
            raise StatementUnreadable(f"The file could be of several formats: {labels}.")
        raise StatementUnreadable(f"The file is of no format that OPTIX reads: {labels}.")


def build_readers() -> Readers:
    return Readers(
        (
            FidelityHistory(),
            IbkrFlex(),
            Ofx(),
            RobinhoodActivity(),
            SchwabHistory(),
            WebullOrders(),
        )
    )
