"""The order of a remedy's steps: each after those that it depends on, and otherwise by phase and rank."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

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
    number: dict[Step, int] = {}
    low: dict[Step, int] = {}
    stack: list[Step] = []
    on_stack: set[Step] = set()
    found: list[set[Step]] = []
    for root in sorted(steps):
        if root in number:
            continue
        work = [(root, iter(sorted(after.get(root, ()))))]
        number[root] = low[root] = len(number)
        stack.append(root)
        on_stack.add(root)
        while work:
            step, rest = work[-1]
            following = next(rest, None)
            if following is None:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[step])
                if low[step] == number[step]:
                    component = set()
                    while step not in component:
                        component.add(stack.pop())
                    on_stack -= component
                    found.append(component)
            elif following not in number:
                number[following] = low[following] = len(number)
                stack.append(following)
                on_stack.add(following)
                work.append((following, iter(sorted(after.get(following, ())))))
            elif following in on_stack:
                low[step] = min(low[step], number[following])
    return found
