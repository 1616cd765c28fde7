"""The cursor of the drift sensor: what a tick leaves to the next one, for each environment."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from wish_rollout.defs.runs import json_parsing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TICKS_UNTIL_UNREACHABLE = 3
"""Number of successive ticks without an answer after which an environment is reported as unreachable."""


@dataclass(frozen=True)
class DriftCursor:
    """What a tick leaves to the next one for one environment.

    ``token``, ``release``, ``verdict``: of the last reading. ``next_key``: run key of the next run request. Each tick
    that requests a run makes a new one, so that no two requests have the same; a tick that is repeated with the same
    cursor uses the same key, so that Dagster starts one run. ``episode``: the run key of the first finding of the
    current episode, or "". ``silent``: number of ticks without an answer since the last reading, as a decimal number;
    ``since``: the time of the first of them.
    """

    token: str = ""
    release: str = ""
    verdict: str = ""
    next_key: str = ""
    episode: str = ""
    silent: str = ""
    since: str = ""

    @classmethod
    def from_values(cls, values: object) -> DriftCursor:
        """Return the cursor with the values of a JSON object; unknown, missing or invalid fields are ignored."""
        known = json_parsing.strings_of(values)
        return cls(**{name: known[name] for name in cls.__dataclass_fields__ if name in known})

    @property
    def silent_ticks(self) -> int:
        """The number of ticks without an answer."""
        return int(self.silent) if self.silent.isdecimal() and len(self.silent) < 10 else 0

    @property
    def is_reported_unreachable(self) -> bool:
        """Whether the environment was reported as unreachable, and has not answered since."""
        return self.silent_ticks >= TICKS_UNTIL_UNREACHABLE


def read_cursors(text: str | None, names: Iterable[str]) -> dict[str, DriftCursor]:
    """Return the cursor of each environment from a text that ``write_cursors`` wrote; what is invalid is ignored."""
    values = json_parsing.parse_json(text)
    known = values if isinstance(values, dict) else {}
    return {name: DriftCursor.from_values(known.get(name)) for name in names}


def write_cursors(cursors: Mapping[str, DriftCursor]) -> str:
    """Return the fields that are set of the cursor of each environment, as JSON."""
    return json_parsing.to_json(
        {
            name: {key: value for key, value in asdict(cursor).items() if value}
            for name, cursor in cursors.items()
        }
    )
