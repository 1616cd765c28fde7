"""Privileges that a role loses, and row level security that hides rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.hazards.hazard import HazardText

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wish_rollout.core.hazards.hazard import Hazard, RevisionStep
    from wish_rollout.core.schema.snapshot import Json

REVOKE, ROW_SECURITY = "revoke", "row-security"
GRANTED_KINDS = (
    "table",
    "view",
    "materialized view",
    "sequence",
    "foreign table",
    "schema",
    "column",
    "function",
    "procedure",
)
WHY_REVOKE = "Statements of {role} that need {privileges} on {name} fail from then on."
INSTEAD_REVOKE = """\
op.execute('GRANT {privileges} ON {name} TO {role}')   # in the same transaction, if the object was created again
# if it is meant: first release an application that does not need it; then allow it here, with the reason:
allow_hazards = {{"revoke": "not used since release …"}}"""
WHY_SECURITY = (
    "{what} hides the rows of {table} that no policy allows: statements of the running application return and write fewer "
    "rows, or fail (manual, 5.9 Row Security Policies)."
)
INSTEAD_SECURITY = """\
# create the policies first, and test the application with them; then allow it here, with the reason:
allow_hazards = {"row-security": "the policies are tested with release …"}"""


def assess(step: RevisionStep) -> Iterator[Hazard]:
    """Yield privileges that a role loses on objects that still exist under their name, and stricter row security."""
    for kind in GRANTED_KINDS:
        for name, properties in step.before.of_kind(kind):
            if step.after.objects.get((kind, name)) is properties:  # the revision has not changed it
                continue
            after = next(
                (
                    found
                    for each in _same_kinds(kind)
                    if (found := step.after.objects.get((each, name))) is not None
                ),
                None,
            )
            if after is not None:
                yield from _lost(step, name, properties, after)
    for change in step.delta.changes:
        if change.kind == "table" and change.change == "changed" and step.holds_rows(change.name):
            for each in ("row security", "force row security"):
                if change.properties.get(each, (None, None))[1]:
                    yield _security(step, f"{each.capitalize()}", change.name)
        elif change.kind == "policy":
            yield from _policy(step, change.name, change.change)


def _same_kinds(kind: str) -> tuple[str, ...]:
    """Return the kinds of objects that a statement uses in the same way: a view can replace a table."""
    relations = ("table", "view", "materialized view", "foreign table")
    return (kind, *relations) if kind in relations else (kind,)


def _lost(
    step: RevisionStep, name: str, before: Mapping[str, Json], after: Mapping[str, Json]
) -> Iterator[Hazard]:
    old, new = before.get("privileges", {}), after.get("privileges", {})
    for role, privileges in old.items():
        gone = sorted(set(privileges) - set(new.get(role, ())))
        if gone and role != before.get("owner"):
            names = {"role": role, "privileges": ", ".join(gone), "name": name}
            text = HazardText("none", WHY_REVOKE.format(**names), INSTEAD_REVOKE.format(**names), ("breaks",))
            yield step.hazard(REVOKE, f"{', '.join(gone)} on {name} from {role}", name, text)


def _policy(step: RevisionStep, name: str, change: str) -> Iterator[Hazard]:
    """Yield a policy that is dropped, changed, or that restricts others, on a table with row level security."""
    table = step.table_of(
        next(each for each in step.delta.changes if (each.kind, each.name) == ("policy", name))
    )
    properties = step.after.objects.get(("policy", name), {})
    is_secured = step.before.objects.get(("table", table), {}).get("row security")
    if is_secured and step.holds_rows(table) and (change != "added" or properties.get("restrictive")):
        yield _security(step, f"The change of policy {name}", table)


def _security(step: RevisionStep, what: str, table: str) -> Hazard:
    text = HazardText(
        "ACCESS EXCLUSIVE", WHY_SECURITY.format(what=what, table=table), INSTEAD_SECURITY, ("breaks",)
    )
    return step.hazard(ROW_SECURITY, f"{what.lower()} of {table}", table, text)
