"""What is reported of a replay of the scripts while it runs, and the error of a replay that went wrong."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wish_rollout.core.errors.base import VerificationFailed

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Report:
    """What is reported of a replay while it runs.

    ``progress`` is called with each revision. ``behaviour``: each revision's ``verify()`` is run, and what fails is
    added there; ``None``: they are not run.
    """

    progress: Callable[[str], None] = lambda _: None
    behaviour: list[str] | None = None


def at_most_each_second(progress: Callable[[str], None]) -> Callable[[str], None]:
    """Return a function that passes on a message if the last one is a second ago or more."""
    last = time.monotonic()

    def passed_on(message: str) -> None:
        nonlocal last
        if time.monotonic() - last >= 1:
            last = time.monotonic()
            progress(message)

    return passed_on


@dataclass(eq=False)
class ReplayMissed(VerificationFailed):
    """What was read step by step is not what a full read finds: a fault of this program."""

    revision: str
    found: str

    summary = "The schema at revision {revision} was not recorded as it is: {found}."
    explanation = (
        "Each revision's changes were read by themselves, and together they are not the schema that is there."
    )
    hint = "this is a fault of wish-rollout; report it with the script of the revision"
