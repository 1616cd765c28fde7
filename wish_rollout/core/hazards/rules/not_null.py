"""NOT NULL set on a column of a table with rows: the whole table is read while reads and writes block."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.hazards.hazard import HazardText
from wish_rollout.core.hazards.revision_code import names_of
from wish_rollout.core.schema.names import split_last
from wish_rollout.core.text.sql_tokens import tokenize_statements, unquote_identifier

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.core.hazards.hazard import Hazard, RevisionStep
    from wish_rollout.core.hazards.script_statements import StatementAction

KIND = "not-null-scan"
LOCK = "ACCESS EXCLUSIVE"
WHY = (
    "SET NOT NULL reads the whole table under a lock that blocks even reads, unless a valid CHECK constraint proves that "
    "there is no NULL (manual, ALTER TABLE, SET NOT NULL)."
)
INSTEAD = """\
from wish_rollout.safe import set_not_null
set_not_null({table}, {column}{schema})   # CHECK … NOT VALID, VALIDATE, SET NOT NULL, DROP of the CHECK"""


def assess(step: RevisionStep) -> Iterator[Hazard]:
    """Yield columns that become NOT NULL without a CHECK constraint that was validated under a weaker lock."""
    for table, change in step.changes("column", "changed"):
        if not change.properties.get("not null", (None, None))[1]:
            continue
        column = split_last(change.name)[1]
        if step.is_measured or not _proven(step, table, column):
            instead = INSTEAD.format(**names_of(table, column=change.name))
            yield step.hazard(KIND, f"column {change.name}", table, HazardText(LOCK, WHY, instead))


def _proven(step: RevisionStep, table: str, column: str) -> bool:
    """Return whether a valid CHECK exists before the revision, or is added and validated in it, in two transactions."""
    if step.script.find("set not null", column, table) is None:
        return False
    for name, properties in step.before.of_kind("constraint"):
        if split_last(name)[0] == table and properties["type"] == "check" and "not valid" not in properties:
            for words in tokenize_statements(str(properties["expression"])):
                if _is_proof(words, column):
                    return True
    return any(
        _validated(step, action) for action in step.script.of_verb("add constraint") if _adds(action, column)
    )


def _adds(action: StatementAction, column: str) -> bool:
    """Return whether the action adds ``CHECK (column IS NOT NULL) NOT VALID``."""
    if not action.says("check") or action.words[-2:] != ("not", "valid"):
        return False
    return _is_proof(action.words[action.words.index("check") + 1 : -2], column)


def _is_proof(words: tuple[str, ...], column: str) -> bool:
    plain = tuple(unquote_identifier(word) for word in words if word not in ("(", ")"))
    return plain == (unquote_identifier(column), "is", "not", "null")


def _validated(step: RevisionStep, added: StatementAction) -> bool:
    """Return whether it is validated in a later transaction, and NOT NULL is set in one after that."""
    setters = [action for action in step.script.of_verb("set not null") if action.of == added.of]
    return any(
        (action.name, action.of) == (added.name, added.of)
        and added.transaction < action.transaction < setter.transaction
        for action in step.script.of_verb("validate constraint")
        for setter in setters
    )
