"""Results of rehearsals, kept in the process: a plan is made several times in one run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

Result = TypeVar("Result")
MOST = 32
"""So many results are kept: a code server of Dagster runs for months."""


class RehearsalResults(Generic[Result]):
    """Results by everything that they depend on.

    ``is_final``: whether a result stays true. One that says that a scratch server could not be reached does not.
    """

    def __init__(self, is_final: Callable[[Result], bool]) -> None:
        self._is_final = is_final
        self._found: dict[Hashable, Result] = {}

    def get(self, key: Hashable, rehearse: Callable[[], Result]) -> Result:
        """Return the result of ``rehearse``, which is called if no final result is kept. Raises what it raises."""
        if key in self._found:
            return self._found[key]
        result = rehearse()
        if self._is_final(result):
            self._found[key] = result
            while len(self._found) > MOST:
                del self._found[next(iter(self._found))]
        return result
