"""The terms of listed options: exercise style and settlement instant per root and expiration."""

from __future__ import annotations

from datetime import date

from optix.features.market import calendar
from optix.features.market.analytics import RootTerms
from optix.kernel.roots import settlement_of, style_of


class ListedTerms:
    """Looks terms up, each pair of root and expiration once."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, date], RootTerms] = {}

    def terms_of(self, root: str, expiration: date) -> RootTerms:
        """Return the terms of one root's expiration."""
        pair = (root, expiration)
        if pair not in self._known:
            self._known[pair] = RootTerms(
                root=root,
                expiration=expiration,
                style=style_of(root),
                settlement=settlement_of(root, expiration),
                settles_at_ns=calendar.settles_at(root, expiration),
            )
        return self._known[pair]
