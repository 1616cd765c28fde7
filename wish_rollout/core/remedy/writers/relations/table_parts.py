"""Triggers, rules and policies: parts of a table or view. Manual, CREATE TRIGGER, CREATE RULE, CREATE POLICY."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.draft import Writer
from wish_rollout.core.remedy.role_names import UnknownRole
from wish_rollout.core.remedy.sql_syntax import literal
from wish_rollout.core.schema.names import split_last

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wish_rollout.core.remedy.draft import Alter, Draft, Pairs
    from wish_rollout.core.remedy.sql_syntax import Properties, Props
    from wish_rollout.core.schema.snapshot import Key

_FIRES = {None: "ENABLE", "disabled": "DISABLE", "replica": "ENABLE REPLICA", "always": "ENABLE ALWAYS"}


def original_trigger(objects: Mapping[Key, Properties], name: str) -> str | None:
    """Return the trigger of a partitioned table of which a partition's trigger is a copy; None for an own trigger."""
    return next(reversed([*_triggers_above(objects, name)]), None)


def _triggers_above(objects: Mapping[Key, Properties], name: str) -> Iterator[str]:
    """Yield the triggers above a partition's, the nearest first.

    A partition's copy is in a snapshot only if it differs, so the tables in between may have none.
    """
    table, own = split_last(name)
    while parent := objects.get(("table", table), {}).get("partition of"):
        table = str(parent)
        if _is_copied(objects.get(("trigger", f"{table}.{own}"))) and _is_copied(
            objects.get(("trigger", name))
        ):
            yield f"{table}.{own}"


def _is_copied(trigger: Properties | None) -> bool:
    """Return whether a trigger is for each row: no other is copied to partitions (manual, CREATE TRIGGER)."""
    return trigger is not None and "FOR EACH ROW" in trigger["definition"]


def is_copy(objects: Mapping[Key, Properties], key: Key) -> bool:
    """Return whether an index, a constraint or a trigger is a partition's copy of its parent's."""
    if key[0] == "trigger":
        return original_trigger(objects, key[1]) is not None
    return bool({"copy", "copy of"} & objects[key].keys())


def create_trigger(draft: Draft, name: str, properties: Props) -> list[str]:
    """Create a trigger."""
    own = split_last(name)[1]
    kind = "CONSTRAINT TRIGGER" if properties.pop("constraint", None) else "TRIGGER"
    text = f"CREATE {kind} {own} {properties.pop('definition')}"
    is_copied = original_trigger(draft.target, name) is not None
    made = [] if is_copied else [text]
    if "constraint comment" in properties:
        made.append(_constraint_comment(name, properties.pop("constraint comment")))
    return made + fires(name, "TRIGGER", properties.pop("enabled", None), always=is_copied)


def drop_copy(live: Mapping[Key, Properties], name: str) -> list[str]:
    """Make a partition's trigger its parent's mere copy again."""
    table, own = split_last(name)
    above = live["trigger", next(_triggers_above(live, name))]
    copy = live["trigger", name]
    differs = copy.get("enabled") != above.get("enabled")
    made = fires(name, "TRIGGER", above.get("enabled"), always=True) if differs else []
    return made + ([f"COMMENT ON TRIGGER {own} ON {table} IS NULL"] if "comment" in copy else [])


def _constraint_comment(name: str, text: str | None) -> str:
    table, own = split_last(name)
    return f"COMMENT ON CONSTRAINT {own} ON {table} IS {literal(text) if text else 'NULL'}"


def fires(name: str, kind: str, value: str | None, *, always: bool = False) -> list[str]:
    """Say when a trigger or rule fires, where that is not as usual."""
    if value is None and not always:
        return []
    table, own = split_last(name)
    return [f"ALTER TABLE {table} {_FIRES[value]} {kind} {own}"]


def _alter(kind: str) -> Alter:
    def alter(_draft: Draft, name: str, pairs: Pairs) -> list[str]:
        """Set when it fires, and what is said of its constraint."""
        made = []
        if "constraint comment" in pairs:
            made.append(_constraint_comment(name, pairs.pop("constraint comment")[1]))
        if "enabled" in pairs:
            made += fires(name, kind, pairs.pop("enabled")[1], always=True)
        return made

    return alter


def create_rule(_draft: Draft, name: str, properties: Props) -> list[str]:
    """Create a rule."""
    text = f"CREATE RULE {split_last(name)[1]} AS {properties.pop('definition')}"
    return [text, *fires(name, "RULE", properties.pop("enabled", None))]


def reason_no_rule(draft: Draft, name: str) -> str:
    """Return why a rule cannot be created: one that returns rows needs a table of which no column was dropped."""
    table = split_last(name)[0]
    dropped = [each for each in draft.columns(draft.live, table) if ("column", each) not in draft.target]
    is_returning = " RETURNING " in draft.target["rule", name]["definition"]
    return (
        f"its RETURNING needs a table without dropped columns: {dropped[0]}"
        if is_returning and dropped
        else ""
    )


def create_policy(draft: Draft, name: str, properties: Props) -> list[str]:
    """Create a policy of row security."""
    table, own = split_last(name)
    text = f"CREATE POLICY {own} ON {table}"
    if properties.pop("restrictive", None):
        text += " AS RESTRICTIVE"
    if "command" in properties:
        text += f" FOR {properties.pop('command')}"
    if "roles" in properties:
        try:
            text += f" TO {', '.join(draft.roles.sql(role) for role in properties.pop('roles'))}"
        except UnknownRole as error:
            draft.gap("policy", name, str(error))
            return []
    if "using" in properties:
        text += f" USING ({properties.pop('using')})"
    if "with check" in properties:
        text += f" WITH CHECK ({properties.pop('with check')})"
    return [text]


TRIGGER = Writer(
    16,
    create_trigger,
    _alter("TRIGGER"),
    frozenset({"enabled", "comment", "constraint comment", "depends on extensions"}),
    early=True,
)
RULE = Writer(
    16, create_rule, _alter("RULE"), frozenset({"enabled", "comment"}), early=True, reason=reason_no_rule
)
POLICY = Writer(16, create_policy, None, frozenset({"comment"}), early=True)
