"""Finds symbols by ticker and name among thousands, with the mistakes that people type.

Built once, never changed. A search touches sorted arrays and short lists of candidates, not all
symbols. Ranks, best first:

    0  the ticker itself            "brk.b", "brkb"
    1  a ticker that begins so      "goo"
    2  every word begins a word of the name, in any order      "berk hath"
    3  a ticker or a name that contains it                      "arista" in no word's beginning
    4  every word is within one or two mistakes of a word       "microsft", "nvdia"

Within a rank the order in which the symbols were given decides: the more active one comes first.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

FUZZY_LENGTH_MIN = 4  # of a word; in a shorter one a mistake makes another word
FUZZY_LONG = 8  # from here on two mistakes
FUZZY_WORDS_MAX = 64  # known words compared letter by letter for one word of the text
CONTAINED_LENGTH_MIN = 2


def fold(text: str) -> str:
    """Return `text` for comparison: one case, no accents, single spaces."""
    decomposed = unicodedata.normalize("NFKD", text)
    plain = "".join(char for char in decomposed if not unicodedata.combining(char))
    return " ".join(plain.casefold().split())


def words_of(name: str) -> list[str]:
    """Return the words of a folded name without the marks around them."""
    return [word for part in name.split() if (word := part.strip(".,()&'\"-"))]


class _Prefixes:
    """Sorted texts with the positions they stand for."""

    def __init__(self, pairs: Iterable[tuple[str, int]]) -> None:
        rows = sorted(pairs)
        self._texts = [text for text, _ in rows]
        self._positions = [position for _, position in rows]

    def find(self, prefix: str) -> set[int]:
        begin = bisect_left(self._texts, prefix)
        end = bisect_left(self._texts, prefix + "\U0010ffff", begin)
        return set(self._positions[begin:end])


class SymbolIndex:
    """Positions of (ticker, name) rows by what people type."""

    def __init__(self, rows: Sequence[tuple[str, str]]) -> None:
        names = [fold(name) for _, name in rows]
        tickers = [ticker.casefold() for ticker, _ in rows]
        self._exact: dict[str, list[int]] = defaultdict(list)
        for position, ticker in enumerate(tickers):
            for spelling in {ticker, ticker.replace(".", "")}:
                self._exact[spelling].append(position)
        self._tickers = _Prefixes((ticker, place) for place, ticker in enumerate(tickers))
        self._by_word: dict[str, list[int]] = defaultdict(list)
        for position, name in enumerate(names):
            for word in set(words_of(name)):
                self._by_word[word].append(position)
        self._words = _Prefixes(
            (word, place) for word, places in self._by_word.items() for place in places
        )
        # All texts in one string: what contains something is found by searches in C.
        self._lines = [f"{ticker} {name}" for ticker, name in zip(tickers, names, strict=True)]
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line) + 1)
        self._joined = "\n".join(self._lines)
        self._known_words = list(self._by_word)
        self._trigrams: dict[str, list[int]] = defaultdict(list)
        for number, word in enumerate(self._known_words):
            if len(word) >= FUZZY_LENGTH_MIN - 1:
                for trigram in _trigrams(word):
                    self._trigrams[trigram].append(number)

    def search(self, text: str, limit: int) -> list[int]:
        """Return the positions of the rows that match, best first, at most `limit`."""
        folded = fold(text)
        if not folded or limit < 1:
            return []
        ticker = folded.lstrip("$^").replace("/", ".").replace("-", ".").replace(" ", ".")
        words = words_of(folded)
        found: dict[int, None] = {}
        for rank in (
            lambda: self._exact.get(ticker, ()),
            lambda: self._tickers.find(ticker) if ticker else (),
            lambda: self._beginning(words),
            lambda: self._containing(folded, ticker),
            lambda: self._resembling(words),
        ):
            found.update(dict.fromkeys(sorted(set(rank()) - found.keys())))
            if len(found) >= limit:
                break
        return list(found)[:limit]

    def _beginning(self, words: Sequence[str]) -> set[int]:
        """Return the rows in whose names every word begins one, or all together do: "jp morgan"."""
        together = self._words.find("".join(words)) if words else set()
        return together | _all_of([self._words.find(word) for word in words])

    def _containing(self, *texts: str) -> set[int]:
        found: set[int] = set()
        for text in set(texts):
            if len(text) < CONTAINED_LENGTH_MIN:
                continue
            at = self._joined.find(text)
            while at >= 0:
                row = bisect_left(self._starts, at + 1) - 1
                if text in self._lines[row]:  # not across two lines
                    found.add(row)
                at = self._joined.find(text, self._starts[row + 1])
        return found

    def _resembling(self, words: Sequence[str]) -> set[int]:
        """Return the rows in whose names every word is begun, or written with few mistakes."""
        return _all_of([self._words.find(word) | self._near(word) for word in words])

    def _near(self, word: str) -> set[int]:
        if len(word) < FUZZY_LENGTH_MIN:
            return set()
        mistakes = 2 if len(word) >= FUZZY_LONG else 1
        shared = Counter(
            number for trigram in _trigrams(word) for number in self._trigrams.get(trigram, ())
        )
        found: set[int] = set()
        for number, _ in shared.most_common(FUZZY_WORDS_MAX):
            known = self._known_words[number]
            # Also the beginning of a longer word: "microsf" is on the way to "microsoft".
            begun = known[: len(word) + mistakes]
            if min(_distance(word, known), _distance(word, begun)) <= mistakes:
                found.update(self._by_word[known])
        return found


def _all_of(parts: Sequence[set[int]]) -> set[int]:
    return set.intersection(*parts) if parts else set()


def _trigrams(word: str) -> set[str]:
    padded = f"  {word} "
    return {padded[at : at + 3] for at in range(len(padded) - 2)}


def _distance(one: str, other: str) -> int:
    """Return how many letters are wrong, missing, too many, or swapped with their neighbour.

    Source: optimal string alignment distance (Damerau 1964, restricted to single edits of a place).
    """
    before: list[int] = []
    last = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        row = [i]
        for j, theirs in enumerate(other, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (letter != theirs))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == theirs:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, last = last, row
    return last[-1]
