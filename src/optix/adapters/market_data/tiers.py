"""How good a provider's adapter is, by its own word in `quality.toml`, held against rules.

    tier = "silver"            # what it claims
    recorded = "2024-04-25"    # the latest payload its translation was tried on; "" for none

    [capabilities]             # agree with what the adapter says of itself
    name, label, quality, delay_seconds, streaming, kinds, intervals

    [limits]
    requests_per_minute, symbols_max       # left out where the provider has no such limit

    [rules]
    pacing = "done"            # or "todo", or { exempt = "A sentence that says why." }

A claimed tier needs its rules and those below it done or exempt; every rule is named in every file,
so that what is missing can be seen.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from optix.ports.market_data import Capabilities, DataKind

EXEMPTION_LENGTH_MIN = 20


class Tier(StrEnum):
    BRONZE = "bronze"
    SILVER = "silver"
    GOLD = "gold"


@dataclass(frozen=True, slots=True)
class TierRule:
    tier: Tier
    says: str


_B, _S, _G = Tier

RULES: Mapping[str, TierRule] = {
    "capabilities": TierRule(_B, "says what it can do, and that is what it does"),
    "symbols": TierRule(_B, "reads and writes the vendor's symbols, indices and roots included"),
    "translation": TierRule(_B, "translates documented and recorded payloads, one test per quirk"),
    "contract": TierRule(_B, "passes the cards of every provider on a server of its protocol"),
    "provenance": TierRule(_B, "says of every number where it is from, when, and how late"),
    "secrets": TierRule(_B, "shows no secret in errors, logs, addresses or representations"),
    "bounds": TierRule(_B, "bounds bodies, pages, queues and waits"),
    "readme": TierRule(_B, "explains sign-in, limits, quirks and what is missing"),
    "pacing": TierRule(_S, "keeps to the provider's limits and learns from its headers"),
    "retries": TierRule(_S, "retries what is safe, with jitter, and honours Retry-After"),
    "sign_in": TierRule(_S, "renews tokens, and does not repeat a refused sign-in"),
    "log_once": TierRule(_S, "says once that something fails, once that it is back"),
    "health": TierRule(_S, "reports its health"),
    "reconnect": TierRule(_S, "makes a lost stream anew, at a bounded pace"),
    "heartbeat": TierRule(_S, "keeps the heartbeat both ways and sees a dead line"),
    "mute": TierRule(_S, "finds out that a connected stream is mute"),
    "resubscribe": TierRule(_S, "subscribes again after a reconnect, nearest the money first"),
    "gaps": TierRule(_S, "marks every gap and lays a fresh snapshot after it"),
    "chaos": TierRule(_S, "passes the chaos suite"),
    "corrections": TierRule(_G, "hands on cancels and corrections of prints"),
    "history": TierRule(_G, "serves bars and, where the vendor has it, chains of the past"),
    "live": TierRule(_G, "was checked against the live service"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityFile:
    """A checked quality.toml."""

    tier: Tier
    recorded: str
    capabilities: Mapping[str, Any]
    limits: Mapping[str, Any]
    rules: Mapping[str, str]  # "done", "todo" or the sentence of an exemption

    def missing(self) -> list[str]:
        """Return the rules that are still to be done, in their order."""
        return [name for name in RULES if self.rules[name] == "todo"]


class BadQualityFile(ValueError):
    """A quality.toml that breaks its rules. `problems` has one sentence for each breach."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = list(problems)
        super().__init__(" ".join(self.problems))


def load_quality(path: Path) -> QualityFile:
    """Return the checked file. Raises BadQualityFile with everything that is wrong."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise BadQualityFile([f"{path.parent.name}: not TOML: {error}."]) from error
    problems = list(_problems(document))
    if problems:
        raise BadQualityFile(f"{path.parent.name}: {problem}" for problem in problems)
    return QualityFile(
        tier=Tier(document["tier"]),
        recorded=document["recorded"],
        capabilities=document["capabilities"],
        limits=document["limits"],
        rules={
            name: value if isinstance(value, str) else value["exempt"]
            for name, value in document["rules"].items()
        },
    )


def disagreements(quality: QualityFile, capabilities: Capabilities) -> list[str]:
    """Return where a file says otherwise than the adapter itself."""
    told = {
        "name": capabilities.name,
        "label": capabilities.label,
        "quality": str(capabilities.quality),
        "delay_seconds": capabilities.delay_seconds,
        "streaming": capabilities.streaming,
        "kinds": sorted(capabilities.kinds),
        "intervals": sorted(capabilities.intervals),
    }
    found = [
        f"capabilities.{name} is {quality.capabilities.get(name)!r} in the file, {value!r} in code."
        for name, value in told.items()
        if _sorted(quality.capabilities.get(name)) != value
    ]
    bounds = {
        "requests_per_minute": capabilities.requests_per_minute,
        "symbols_max": capabilities.symbols_max,
    }
    found += [
        f"limits.{name} is {quality.limits.get(name)!r} in the file, {value!r} in code."
        for name, value in bounds.items()
        if quality.limits.get(name) != value
    ]
    return found


def _sorted(value: object) -> object:
    return sorted(value) if isinstance(value, list) else value


def _problems(document: Mapping[str, Any]) -> Iterable[str]:
    sections = {"tier": str, "recorded": str, "capabilities": dict, "limits": dict, "rules": dict}
    for name, kind in sections.items():
        if not isinstance(document.get(name), kind):
            yield f"{name} is missing or of the wrong type."
    for name in sorted(document.keys() - sections.keys()):
        yield f"{name} is not a section of this file."
    rules = document.get("rules")
    tier = document.get("tier")
    if tier not in list(Tier):
        yield f"tier is one of {', '.join(Tier)}."
        return
    yield from _rule_problems(rules if isinstance(rules, dict) else {}, Tier(tier))
    capabilities = document.get("capabilities")
    kinds = capabilities.get("kinds") if isinstance(capabilities, dict) else None
    if not isinstance(kinds, list) or not kinds or not set(kinds) <= set(DataKind):
        yield f"capabilities.kinds is a list of {', '.join(DataKind)}."


def _rule_problems(rules: Mapping[str, Any], tier: Tier) -> Iterable[str]:
    for name in sorted(rules.keys() - RULES.keys()):
        yield f"{name} is not a rule."
    order = list(Tier)
    for name, rule in RULES.items():
        value = rules.get(name)
        exempt = value.get("exempt") if isinstance(value, dict) and len(value) == 1 else None
        if value is None:
            yield f"the rule {name} is not mentioned."
        elif isinstance(exempt, str):
            if len(exempt) < EXEMPTION_LENGTH_MIN or not exempt.endswith("."):
                yield f"the exemption of {name} is a sentence that says why."
        elif value not in ("done", "todo"):  # a value may be unhashable
            yield f'the rule {name} is "done", "todo" or has an exemption.'
        elif value == "todo" and order.index(rule.tier) <= order.index(tier):
            yield f"{tier} needs the rule {name}: it {rule.says}."
