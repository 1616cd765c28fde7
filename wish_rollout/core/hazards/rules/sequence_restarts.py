"""A sequence set back: numbers that were given once are given again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.hazards.hazard import HazardText
from wish_rollout.core.text.sql_tokens import is_name_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.core.hazards.hazard import Hazard, RevisionStep

KIND = "sequence-restart"
WHY = (
    "{name} has the last value {last}. After the restart it gives numbers that were given before: an INSERT with such a number "
    "violates the key, or two rows share it."
)
INSTEAD = """\
# start above the last value, or keep the sequence as it is; if numbers may repeat, allow it here, with the reason:
allow_hazards = {"sequence-restart": "no row has these numbers"}"""


def assess(step: RevisionStep) -> Iterator[Hazard]:
    """Yield sequences that ALTER SEQUENCE, ALTER COLUMN or TRUNCATE restart below their last value."""
    for statement in step.executed:
        for tokens in statement.tokens:
            for name, last in step.live.sequences.items():
                if _restarts(tokens, name, last):
                    text = HazardText(
                        "SHARE ROW EXCLUSIVE", WHY.format(name=name, last=last), INSTEAD, ("lost",)
                    )
                    yield step.hazard(KIND, f"sequence {name}", name, text)


def _restarts(tokens: tuple[str, ...], name: str, last: int) -> bool:
    if tokens[:2] != ("alter", "sequence") or "restart" not in tokens:
        return False
    place = 4 if tokens[2:4] == ("if", "exists") else 2
    written = tuple(token.strip('"') for token in tokens[place : tokens.index("restart")] if token != ".")
    value = next((int(token) for token in tokens[tokens.index("restart") + 1 :][:2] if token.isdigit()), None)
    return is_name_of(written, name) and (value is None or value <= last)
