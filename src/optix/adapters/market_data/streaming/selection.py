"""Which topics are worth a provider's few places: fairly shared, nearest the money first. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isnan

from optix.adapters.market_data.streaming.protocol import Channel, Topic
from optix.kernel.instrument import OptionContract
from optix.ports.market_data import ChainKey


def nearest_the_money(contracts: Sequence[OptionContract], spot: float) -> list[OptionContract]:
    """Return `contracts` by the distance of their strike from `spot`, pairs together.

    Without a spot the middle strike stands for it.
    """
    if isnan(spot):
        strikes = sorted({contract.strike_milli for contract in contracts})
        spot = strikes[len(strikes) // 2] / 1000.0 if strikes else 0.0
    return sorted(
        contracts,
        key=lambda contract: (abs(contract.strike - spot), contract.strike_milli, contract.key),
    )


def fair_shares(sizes: Sequence[int], places: int) -> list[int]:
    """Return how many of `places` each gets: equal shares, what one does not need to the others.

    The first ones get the odd places.
    """
    shares = [0] * len(sizes)
    open_ones = [index for index, size in enumerate(sizes) if size > 0]
    while places > 0 and open_ones:
        each = max(places // len(open_ones), 1)
        for index in open_ones:
            given = min(each, sizes[index] - shares[index], places)
            shares[index] += given
            places -= given
        open_ones = [index for index in open_ones if shares[index] < sizes[index]]
    return shares


def select_symbols(
    securities: Sequence[str],
    chains: Mapping[ChainKey, Sequence[OptionContract]],
    spots: Mapping[str, float],
    *,
    places: int | None,
) -> list[str]:
    """Return what to follow, the most important first: securities, then contracts of each chain
    in turn, so that a cut at any length is fair.
    """
    ranked = {
        key: nearest_the_money(chains[key], spots.get(key.underlying, float("nan")))
        for key in sorted(chains)
    }
    chosen = list(securities) if places is None else list(securities)[:places]
    left = None if places is None else places - len(chosen)
    sizes = [len(contracts) for contracts in ranked.values()]
    shares = sizes if left is None else fair_shares(sizes, left)
    queues = [
        iter(contracts[:share]) for contracts, share in zip(ranked.values(), shares, strict=True)
    ]
    while queues:
        for queue in list(queues):
            contract = next(queue, None)
            if contract is None:
                queues.remove(queue)
            else:
                chosen.append(contract.key)
    return chosen


def topics_of(
    symbols: Sequence[str], channel: Channel, accepts: Callable[[Topic], bool]
) -> list[Topic]:
    topics = (Topic(symbol, channel) for symbol in dict.fromkeys(symbols))
    return [topic for topic in topics if accepts(topic)]
