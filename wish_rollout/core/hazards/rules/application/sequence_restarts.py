"""A sequence set back: numbers that were given once are given again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wish_rollout.core.hazards.hazard import HazardText
from wish_rollout.core.schema.names import split_last
from wish_rollout.core.text.sql_tokens import is_name_of, read_name, skip_phrases, split_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.core.hazards.hazard import Hazard, RevisionStep
    from wish_rollout.core.text.sql_tokens import Tokens

KIND = "sequence-restart"
WHY = (
    "{name} has the last value {last}. After the restart it gives numbers that were given before: an INSERT with such a number "
    "violates the key, or two rows share it."
)
INSTEAD = """\
# start above the last value, or keep the sequence as it is; if numbers may repeat, allow it here, with the reason:
allow_hazards = {"sequence-restart": "no row has these numbers"}"""
SETVAL = re.compile(r"\bsetval\s*\(\s*'((?:[^']|'')+)'(?:\s*::\s*regclass)?\s*,\s*(\d+)", re.IGNORECASE)


def assess(step: RevisionStep) -> Iterator[Hazard]:
    """Yield sequences that ALTER SEQUENCE, ALTER COLUMN or setval() sets to its last value or below."""
    for statement in step.executed:
        for name, last in step.live.sequences.items():
            values = [_restart(tokens, name) for tokens in statement.tokens] + _set_values(
                statement.text, name
            )
            if any(value is not None and value <= last for value in values):
                text = HazardText("SHARE ROW EXCLUSIVE", WHY.format(name=name, last=last), INSTEAD, ("lost",))
                is_identity = ("column", name) in step.before.objects
                relation = split_last(name)[0] if is_identity else name
                yield step.hazard(KIND, f"sequence {name}", relation, text)


def _restart(tokens: Tokens, name: str) -> int | None:
    """Return the value with which a sequence, or that of an identity column, restarts; None if it does not."""
    if "restart" not in tokens or tokens[0] != "alter":
        return None
    written, place = read_name(tokens, skip_phrases(tokens, 2, ("if", "exists"), ("only",)))
    if tokens[1] == "table":
        column, _ = read_name(tokens, skip_phrases(tokens, place, ("alter",), ("column",)))
        written = (*written, *column)
    value = next((int(each) for each in tokens[tokens.index("restart") + 1 :][:2] if each.isdigit()), 0)
    return value if is_name_of(written, name) else None


def _set_values(text: str, name: str) -> list[int]:
    """Return the values that setval() gives to a sequence, where they are written as numbers."""
    return [
        int(match[2])
        for match in SETVAL.finditer(text)
        if is_name_of(split_name(match[1].replace("''", "'")), name)
    ]
