"""Which objects another one speaks of, read off its texts; and orders that follow from it."""

from __future__ import annotations

import re
from functools import cached_property
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Any

from wish_rollout.core.schema.names import parent_object
from wish_rollout.core.schema.names_in_text import PART, WORD, find_qualified_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from wish_rollout.core.remedy.sql_syntax import Properties
    from wish_rollout.core.schema.snapshot import Key


class Mentions:
    """Who speaks of whom among the objects of one snapshot."""

    def __init__(self, objects: Mapping[Key, Properties]) -> None:
        self.objects = objects

    @cached_property
    def named(self) -> Mapping[str, list[Key]]:
        """Objects by name; routines without their arguments."""
        found: dict[str, list[Key]] = {}
        for kind, name in self.objects:
            found.setdefault(plain_name(kind, name), []).append((kind, name))
        return found

    def needs(self, key: Key) -> set[Key]:
        """Give what an object speaks of, the whole that it is part of, and the schema that it is in."""
        kind, name = key
        properties = self.objects[key]
        texts = find_qualified_names(properties)
        if kind == "cast":
            texts |= find_qualified_names({"name": name})
        if whole := parent_object(kind, name, properties):
            texts.add(whole)
        if match := WORD.match(name):
            texts.add(match[0])
        return {other for text in texts for other in self.named.get(text, ()) if other != key}

    @cached_property
    def dependents(self) -> Mapping[Key, set[Key]]:
        """Give who speaks of an object, columns and tables left out: those are altered, never made anew."""
        found: dict[Key, set[Key]] = {}
        for key in self.objects:
            if key[0] not in {"column", "table", "schema"}:
                for other in self.needs(key):
                    found.setdefault(other, set()).add(key)
        return found


def plain_name(kind: str, name: str) -> str:
    """Give a name as texts write it: a routine's is followed by arguments of its own."""
    if kind in {"function", "procedure", "aggregate"}:
        return name[: re.match(rf"{PART}(?:\.{PART})*", name).end()]  # type: ignore[union-attr]
    return name


def in_order(
    keys: Iterable[Key], needs: Callable[[Key], Iterable[Key]], rank: Callable[[Key], tuple[Any, ...]]
) -> list[Key]:
    """Sort so that each comes after what it needs, and otherwise by rank; a circle is broken by rank."""
    names = set(keys)
    left = {key: (set(needs(key)) & names) - {key} for key in names}
    behind: dict[Key, list[Key]] = {}
    for key, needed in left.items():
        for other in needed:
            behind.setdefault(other, []).append(key)
    ready = [(rank(key), key) for key, needed in left.items() if not needed]
    heapify(ready)
    done: list[Key] = []
    while left:
        key = heappop(ready)[1] if ready else min(left, key=lambda each: (rank(each), each))
        if left.pop(key, None) is None:
            continue
        done.append(key)
        for other in left.keys() & set(behind.get(key, ())):
            left[other].discard(key)
            if not left[other]:
                heappush(ready, (rank(other), other))
    return done
