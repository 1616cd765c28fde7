"""Constraints that read a whole table while they are added: CHECK, foreign key, UNIQUE, EXCLUDE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wish_rollout.core.hazards.hazard import HazardText
from wish_rollout.core.hazards.revision_code import literal, names_of
from wish_rollout.core.schema.domains import domain_columns
from wish_rollout.core.schema.names import split_last

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.core.hazards.hazard import Hazard, RevisionStep
    from wish_rollout.core.hazards.script_statements import StatementAction
    from wish_rollout.core.schema.change import Change


@dataclass(frozen=True, slots=True)
class Rule:
    """The hazard of one type of constraint. ``safe_phrase``: a statement with it does not read the table."""

    kind: str
    lock: str
    why: str
    instead: str
    safe_phrase: tuple[str, ...]


SAME_TRANSACTION = " NOT VALID and VALIDATE in one transaction: the lock of the former is held during the scan of the latter."
_VALIDATED = """\
from wish_rollout.safe import {helper}
{helper}({{name}}, {{table}}, ...{{schema}})   # NOT VALID, then VALIDATE in a transaction of its own"""

CHECK = Rule(
    "check-scan",
    "ACCESS EXCLUSIVE",
    "ADD CONSTRAINT … CHECK reads the whole table under a lock that blocks even reads. VALIDATE CONSTRAINT reads it under a "
    "lock that blocks neither reads nor writes (manual, ALTER TABLE, VALIDATE CONSTRAINT).",
    _VALIDATED.format(helper="add_check"),
    ("not", "valid"),
)
FOREIGN_KEY = Rule(
    "foreign-key-scan",
    "SHARE ROW EXCLUSIVE",
    "ADD FOREIGN KEY checks every row while writes to both tables block. VALIDATE CONSTRAINT checks them under a lock that "
    "blocks neither reads nor writes (manual, ALTER TABLE, VALIDATE CONSTRAINT).",
    _VALIDATED.format(helper="add_foreign_key"),
    ("not", "valid"),
)
UNIQUE = Rule(
    "unique-builds-index",
    "ACCESS EXCLUSIVE",
    "The constraint builds its index under a lock that blocks even reads. With USING INDEX it uses an index that was built "
    "concurrently before (manual, ALTER TABLE, ADD table_constraint_using_index).",
    """\
from wish_rollout.safe import create_index_concurrently
create_index_concurrently({name}, {table}, [...], unique=True{schema})
op.execute({using})""",
    ("using", "index"),
)
EXCLUSION = Rule(
    "exclusion-builds-index",
    "ACCESS EXCLUSIVE",
    "EXCLUDE builds its index and compares all rows under a lock that blocks even reads. PostgreSQL cannot do it "
    "concurrently (manual, CREATE TABLE, EXCLUDE).",
    """\
# do it in a maintenance window, and allow it here, with the reason:
allow_hazards = {{"exclusion-builds-index": "in the window of …"}}""",
    ("no", "such", "way"),
)
RULES = {
    "check": CHECK,
    "foreign key": FOREIGN_KEY,
    "unique": UNIQUE,
    "primary key": UNIQUE,
    "exclusion": EXCLUSION,
}
WORDS = {
    "check": ("check",),
    "foreign key": ("foreign", "key"),
    "unique": ("unique",),
    "primary key": ("primary", "key"),
    "exclusion": ("exclude",),
}
"""The words of ADD for a constraint without a name."""
WHY_DOMAIN = (
    "A constraint of a domain is checked in every table that has a column of the domain, while writes to these tables block "
    "(manual, ALTER DOMAIN)."
)
INSTEAD_DOMAIN = """\
op.execute("ALTER DOMAIN … ADD CONSTRAINT … CHECK (…) NOT VALID")   # for new values; no row is read
# VALIDATE CONSTRAINT blocks writes as well: do it in a maintenance window, or not at all"""
KINDS = tuple(dict.fromkeys(rule.kind for rule in RULES.values()))


def assess(step: RevisionStep) -> Iterator[Hazard]:
    """Yield constraints that are added to tables with rows and read them under their lock."""
    for table, change in step.changes("constraint", "added", "changed"):
        name = split_last(change.name)[1]
        kind = _type(step, change)
        rule = RULES[kind]
        action = step.script.find("add constraint", name, table)
        if change.change == "added":
            action = action or step.script.find_nameless("add constraint", table, *WORDS[kind])
        if "not enforced" in change.properties or (action is None and change.change == "changed"):
            continue
        why = rule.why
        if action is not None and action.says(*rule.safe_phrase):
            if not _validated_at_once(step, action):
                continue
            why += SAME_TRANSACTION
        using = f"ALTER TABLE {table} ADD CONSTRAINT {name} {kind.upper()} USING INDEX {name}"
        instead = rule.instead.format(**names_of(table, name=change.name), using=literal(using))
        yield step.hazard(rule.kind, f"constraint {change.name}", table, HazardText(rule.lock, why, instead))
    yield from _of_domains(step)


def _of_domains(step: RevisionStep) -> Iterator[Hazard]:
    """Yield CHECK and NOT NULL constraints of domains, which read every table that has a column of the domain."""
    for change in step.delta.changes:
        domain = split_last(change.name)[0] if change.kind == "constraint" else change.name
        checks = change.kind == "constraint" and change.change == "added"
        nulls = change.kind == "domain" and change.properties.get("not null", (None, None))[1]
        if ("domain", domain) not in step.before.objects or not (checks or nulls):
            continue
        action = step.script.find("alter domain", domain)
        if checks and action is not None and action.says("not", "valid"):
            continue
        what = f"{change.kind} {change.name}"
        for table in sorted({table for table, _ in domain_columns(step.before, domain)}):
            if step.holds_rows(table) and ("table", table) in step.after.objects:
                yield step.hazard(CHECK.kind, what, table, HazardText("SHARE", WHY_DOMAIN, INSTEAD_DOMAIN))


def _type(step: RevisionStep, change: Change) -> str:
    return str(step.after.objects["constraint", change.name]["type"])


def _validated_at_once(step: RevisionStep, action: StatementAction) -> bool:
    return any(
        (other.name, other.of, other.transaction) == (action.name, action.of, action.transaction)
        for other in step.script.of_verb("validate constraint")
    )
