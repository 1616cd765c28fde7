"""Triggers and rules that refuse or replace what the running application writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.hazards.hazard import HazardText
from wish_rollout.core.text.sql_tokens import contains_phrase, tokenize_statements, unquote_identifier

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.core.hazards.hazard import Hazard, RevisionStep

KIND = "refusing-trigger"
WHY = (
    "{what} can refuse or replace what the running application writes to {table}: its body contains {reason}. Such statements "
    "fail, or have no effect, from then on."
)
INSTEAD = """\
# first release an application that writes nothing that it refuses; then allow it here, with the reason:
allow_hazards = {"refusing-trigger": "nothing of the kind is written since release …"}"""


def assess(step: RevisionStep) -> Iterator[Hazard]:
    """Yield new or changed triggers whose function can raise an error or skip a row, and rules that do something else."""
    changed = {change.name for change in step.delta.changes if change.kind == "function"}
    for change in step.delta.changes:
        table = step.table_of(change)
        if change.kind == "rule" and change.change != "removed" and step.holds_rows(table):
            definition = str(step.after.objects[change.kind, change.name].get("definition", "")).lower()
            if "instead" in definition and "nothing" in definition:
                yield _hazard(step, f"rule {change.name}", table, "INSTEAD NOTHING")
    for name, properties in step.after.of_kind("trigger"):
        before = step.before.objects.get(("trigger", name))
        function = _function_of(step, str(properties.get("definition", "")))
        is_new = before is None or before.get("enabled") != properties.get("enabled")
        if properties.get("enabled") == "disabled" or not (is_new or function in changed):
            continue
        table = name[: -len(name.rpartition(".")[2]) - 1]
        reason = _refusal(step, function, is_before="BEFORE" in str(properties.get("definition", "")))
        if reason and step.holds_rows(table):
            yield _hazard(step, f"trigger {name}", table, reason)


def _function_of(step: RevisionStep, definition: str) -> str:
    """Return the name of a trigger's function, as a snapshot has it."""
    words = definition.split()
    written = next(
        (
            words[i + 2]
            for i in range(len(words) - 2)
            if words[i] == "EXECUTE" and words[i + 1] in ("FUNCTION", "PROCEDURE")
        ),
        "",
    ).partition("(")[0]
    names = [name for name, _ in step.after.of_kind("function")]
    return next((name for name in names if name.partition("(")[0] in (written, f"public.{written}")), "")


def _refusal(step: RevisionStep, function: str, *, is_before: bool) -> str:
    """Return the phrase with which a function refuses or skips a row, or ""."""
    body = str(step.after.objects.get(("function", function), {}).get("body", ""))
    for tokens in tokenize_statements(body):
        words = tuple(unquote_identifier(token) for token in tokens)
        if contains_phrase(words, "raise", "exception") or any(
            words[i] == "raise" and words[i + 1] == "'…'" for i in range(len(words) - 1)
        ):
            return "RAISE EXCEPTION"
        if is_before and contains_phrase(words, "return", "null"):
            return "RETURN NULL"
    return ""


def _hazard(step: RevisionStep, what: str, table: str, reason: str) -> Hazard:
    why = WHY.format(what=what, table=table, reason=reason)
    return step.hazard(KIND, what, table, HazardText("SHARE ROW EXCLUSIVE", why, INSTEAD, ("breaks",)))
