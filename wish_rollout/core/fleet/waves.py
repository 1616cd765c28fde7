"""Waves: the order in which a fleet's targets are migrated, and how many may fail."""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import TYPE_CHECKING

from wish_rollout.core.errors.fleets.target_lists import TargetsWithoutWave, WaveEmpty, WavesOverlap

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from wish_rollout.core.fleet.conditions import Condition
    from wish_rollout.core.fleet.target_list import ListedTarget

LIMIT = re.compile(r"(\d+)(%?)")
NOTHING_SIGNED: Mapping[str, Collection[str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class FailureLimit:
    """How many targets of a wave may fail: a number, or with ``is_percent`` a percentage of the wave."""

    number: int = 0
    is_percent: bool = False

    @classmethod
    def from_text(cls, text: str) -> FailureLimit:
        """Return the limit that ``5`` or ``2%`` means; raise ValueError."""
        found = LIMIT.fullmatch(text)
        if not found or (found[2] and int(found[1]) > 100):
            raise ValueError(f"'{text}' is neither a number nor a percentage such as 2%")
        return cls(int(found[1]), bool(found[2]))

    def allows(self, failures: int, targets: int) -> bool:
        """Return whether so many failures of a wave with so many targets are within the limit."""
        return failures <= self.most(targets)

    def most(self, targets: int) -> int:
        """Return how many of so many targets of a wave may fail."""
        return targets * self.number // 100 if self.is_percent else self.number


@dataclass(frozen=True, slots=True)
class Wave:
    """A wave. Its targets are those whose names match and that fulfil a condition; or a percentage; or the rest.

    ``match``: a shell pattern of names. ``parallel``: how many targets are migrated at the same time. ``soak``: seconds
    between the end of the wave and the next one. ``stops``: if too many targets fail, no later wave begins. ``gate``: in a
    gated fleet, its targets are changed only with an approval.
    """

    name: str
    match: str = ""
    where: Condition | None = None
    percent: float = 0
    rest: bool = False
    parallel: int = 2
    max_failures: FailureLimit = FailureLimit()
    soak: float = 0
    stops: bool = True
    gate: bool = True

    @property
    def is_selective(self) -> bool:
        """Whether match or where chooses the targets."""
        return bool(self.match) or self.where is not None

    def chooses(self, target: ListedTarget) -> bool:
        """Return whether match and where choose a target."""
        matches = not self.match or fnmatchcase(target.name, self.match)
        return self.is_selective and matches and (self.where is None or self.where.holds(target.value))


@dataclass(frozen=True, slots=True)
class WaveTargets:
    """A wave with its targets, in the order of the list."""

    wave: Wave
    targets: tuple[ListedTarget, ...]


def assign_waves(
    environment: str,
    waves: Sequence[Wave],
    targets: Sequence[ListedTarget],
    signed: Mapping[str, Collection[str]] = NOTHING_SIGNED,
) -> tuple[WaveTargets, ...]:
    """Return each wave with its targets; every target belongs to exactly one.

    Targets are first given to the waves that choose them by match or where. A percentage is taken of all targets, from
    those that no other wave has, in the order of a hash of their names, so that the same ones are chosen each time.
    ``signed``: names of targets of a wave in an approval; of these, a percentage is taken whatever the list has become.
    Raises WavesOverlap, WaveEmpty and TargetsWithoutWave.
    """
    chosen = _chosen_by_rule(environment, waves, targets)
    for wave in waves:
        free = sorted((each for each in targets if each.name not in chosen), key=_hash)
        if wave.percent:
            count = math.ceil(len(targets) * wave.percent / 100)
            kept = [each for each in free if each.name in signed.get(wave.name, ())]
            chosen |= dict.fromkeys((each.name for each in kept or free[:count]), wave.name)
        elif wave.rest:
            chosen |= dict.fromkeys((each.name for each in free), wave.name)
    left = [each.name for each in targets if each.name not in chosen]
    if left:
        raise TargetsWithoutWave(environment, len(left), left[0])
    found = tuple(
        WaveTargets(wave, tuple(each for each in targets if chosen[each.name] == wave.name)) for wave in waves
    )
    for each in found:
        if not each.targets:
            raise WaveEmpty(environment, each.wave.name)
    return found


def _chosen_by_rule(
    environment: str, waves: Sequence[Wave], targets: Sequence[ListedTarget]
) -> dict[str, str]:
    """Return the wave of each target that match or where of a wave chooses."""
    chosen: dict[str, str] = {}
    for target in targets:
        for wave in waves:
            if wave.chooses(target) and (other := chosen.setdefault(target.name, wave.name)) != wave.name:
                raise WavesOverlap(environment, target.name, other, wave.name)
    return chosen


def _hash(target: ListedTarget) -> bytes:
    return hashlib.sha256(target.name.encode()).digest()
