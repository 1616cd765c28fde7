"""The order of a remedy's steps: each after those that it depends on, and otherwise by phase and rank."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from wish_rollout.core.schema.snapshot import Key

Verb = Literal["detach", "drop", "set aside", "create", "alter", "move", "attach"]


class Step(NamedTuple):
    """One thing that is done to one object: ``set aside`` renames a type that is replaced, ``move`` is of a column."""

    verb: Verb
    key: Key


class StepGraph:
    """Steps, and which of them comes before which."""

    def __init__(self) -> None:
        self.steps: set[Step] = set()
        self.before: dict[Step, set[Step]] = {}
        self.after: dict[Step, set[Step]] = {}

    def add(self, step: Step) -> None:
        """Add a step."""
        self.steps.add(step)

    def order(self, first: Step | None, second: Step | None) -> None:
        """Put one step before another, where both exist."""
        if first is None or second is None or first == second or not {first, second} <= self.steps:
            return
        self.before.setdefault(second, set()).add(first)
        self.after.setdefault(first, set()).add(second)

    def sorted(self, rank: Callable[[Step], tuple[Any, ...]]) -> list[Step]:
        """Return the steps in order; a circle is broken at the step of the lowest rank."""
        waiting = {step: set(self.before.get(step, ())) for step in self.steps}
        ready = [(rank(step), step) for step, earlier in waiting.items() if not earlier]
        heapify(ready)
        done: list[Step] = []
        while waiting:
            step = heappop(ready)[1] if ready else min(waiting, key=lambda each: (rank(each), each))
            if waiting.pop(step, None) is None:
                continue
            done.append(step)
            for later in self.after.get(step, ()):
                if later in waiting:
                    waiting[later].discard(step)
                    if not waiting[later]:
                        heappush(ready, (rank(later), later))
        return done

    def circles(self) -> list[set[Step]]:
        """Return the sets of steps that each come before all the others of their set (Tarjan's algorithm)."""
        return [each for each in strongly_connected(self.steps, self.after) if len(each) > 1]


def strongly_connected(steps: Iterable[Step], after: Mapping[Step, Iterable[Step]]) -> list[set[Step]]:
    """Return the strongly connected components of a graph, without recursion."""
    search = _ComponentSearch(after)
    for root in sorted(steps):
        if root not in search.number:
            search.visit(root)
    return search.found


class _ComponentSearch:
    """Tarjan's algorithm. ``low``: the lowest number of a step that a step leads to."""

    def __init__(self, after: Mapping[Step, Iterable[Step]]) -> None:
        self.after = after
        self.number: dict[Step, int] = {}
        self.low: dict[Step, int] = {}
        self.stack: dict[Step, None] = {}
        self.work: list[tuple[Step, Iterator[Step]]] = []
        self.found: list[set[Step]] = []

    def visit(self, root: Step) -> None:
        """Find the components of all steps that a step leads to."""
        self._enter(root)
        while self.work:
            step, rest = self.work[-1]
            following = next(rest, None)
            if following is None:
                self.work.pop()
                self._leave(step)
            elif following not in self.number:
                self._enter(following)
            elif following in self.stack:
                self.low[step] = min(self.low[step], self.number[following])

    def _enter(self, step: Step) -> None:
        self.number[step] = self.low[step] = len(self.number)
        self.stack[step] = None
        self.work.append((step, iter(sorted(self.after.get(step, ())))))

    def _leave(self, step: Step) -> None:
        if self.work:
            above = self.work[-1][0]
            self.low[above] = min(self.low[above], self.low[step])
        if self.low[step] == self.number[step]:
            component: set[Step] = set()
            while step not in component:
                component.add(self.stack.popitem()[0])
            self.found.append(component)
