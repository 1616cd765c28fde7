"""From pending revisions to steps: renames are followed, so that a table is judged by the rows that it has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wish_rollout.core.delta import difference
from wish_rollout.core.hazards.hazard import Live, Step
from wish_rollout.core.hazards.script import Script
from wish_rollout.core.names import PARTS, split_last
from wish_rollout.core.snapshot import Snapshot
from wish_rollout.core.sql_words import bare, means, parts_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Renamed = dict[tuple[str, str], str]


@dataclass(frozen=True, slots=True)
class Pending:
    """A pending revision: the schema that it stands on, the one that it leads to, its statements."""

    revision: str
    before: Snapshot
    after: Snapshot
    statements: tuple[str, ...]


def steps(pending: Iterable[Pending], live: Live) -> Iterator[Step]:
    """Give each revision as a step that is judged on the tables as they are when its turn comes."""
    tables = dict(live.tables)
    for one in pending:
        script = Script(one.statements)
        renamed = find_renames(script, one.before, one.after)
        before = with_renames(one.before, renamed)
        for (kind, old), new in renamed.items():
            if kind == "table" and old in tables:
                tables[new] = tables[old]
        delta = difference(before, one.after)
        now = Live(dict(tables), live.scans, live.volatile)
        yield Step(one.revision, delta, before, one.after, script, now, renamed)
        gone = [
            name
            for (kind, name) in one.before.objects
            if kind == "table" and (kind, name) not in one.after.objects
        ]
        for name in gone:
            tables.pop(name, None)


def find_renames(script: Script, before: Snapshot, after: Snapshot) -> Renamed:
    """Find what the statements rename and the two schemas confirm: old → new, tables before their parts."""
    found: Renamed = {}
    names = {(kind, parts_of(name)): name for kind, name in after.objects}
    for act in script.of_verb("rename table", "set schema", "rename index"):
        kind = "index" if act.verb == "rename index" else "table"
        for old, _ in before.of_kind(kind):
            *schema, last = parts_of(old)
            new = tuple(map(bare, act.words[:1]))
            new = (*new, last) if act.verb == "set schema" else (*schema, *new)
            if means(act.name, old) and (kind, old) not in after.objects and (kind, new) in names:
                found[kind, old] = names[kind, new]
    for act in script.of_verb("rename column", "rename constraint"):
        kind = act.verb.removeprefix("rename ")
        for old, _ in before.of_kind(kind):
            table, last = split_last(old)
            now = found.get(("table", table), table)
            new = (*parts_of(now), *map(bare, act.words[:1]))
            fits = parts_of(last) == act.name and (means(act.of, table) or means(act.of, now))
            if fits and (kind, new) in names and (kind, f"{now}.{last}") not in after.objects:
                found[kind, old] = names[kind, new]
    return found


def with_renames(snapshot: Snapshot, renamed: Mapping[tuple[str, str], str]) -> Snapshot:
    """Give the snapshot as it would be if the renames alone had happened, as far as rules compare."""
    if not renamed:
        return snapshot
    tables = {old: new for (kind, old), new in renamed.items() if kind == "table"}
    objects: dict[tuple[str, str], Mapping[str, Any]] = {}
    for (kind, name), properties in snapshot.objects.items():
        changed = {
            key: tables.get(value, value)
            if key in ("table", "references") and isinstance(value, str)
            else value
            for key, value in properties.items()
        }
        objects[kind, _new_name(kind, name, tables, renamed)] = changed
    return Snapshot(objects, snapshot.sees)


def _new_name(kind: str, name: str, tables: Mapping[str, str], renamed: Mapping[tuple[str, str], str]) -> str:
    if (kind, name) in renamed:
        return renamed[kind, name]
    if kind in PARTS:
        table, last = split_last(name)
        return f"{tables.get(table, table)}.{last}"
    return name
