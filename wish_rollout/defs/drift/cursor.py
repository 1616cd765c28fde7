"""The cursor of a drift sensor: what a tick leaves to the next one."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from wish_rollout.defs.runs import json_parsing

TICKS_UNTIL_UNREACHABLE = 3
"""Number of successive ticks without an answer after which an environment is reported as unreachable."""


@dataclass(frozen=True)
class DriftCursor:
    """What a tick leaves to the next one.

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
    def from_text(cls, text: str | None) -> DriftCursor:
        """Return the cursor with a text that ``to_text`` wrote; unknown or missing fields are ignored."""
        values = json_parsing.parse_string_mapping(text)
        return cls(**{name: values[name] for name in cls.__dataclass_fields__ if name in values})

    def to_text(self) -> str:
        """Return the fields that are set, as JSON."""
        return json_parsing.to_json({name: value for name, value in asdict(self).items() if value})

    @property
    def silent_ticks(self) -> int:
        """The number of ticks without an answer."""
        return int(self.silent) if self.silent.isdecimal() and len(self.silent) < 10 else 0

    @property
    def is_reported_unreachable(self) -> bool:
        """Whether the environment was reported as unreachable, and has not answered since."""
        return self.silent_ticks >= TICKS_UNTIL_UNREACHABLE
