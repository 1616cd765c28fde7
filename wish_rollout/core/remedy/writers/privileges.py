"""Owner, privileges, comment, and the extensions that an object goes with. Manual, GRANT, COMMENT."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.graph.parts import DEFINITION
from wish_rollout.core.remedy.role_names import UnknownRole
from wish_rollout.core.remedy.sql_syntax import granted, spelled, word
from wish_rollout.core.remedy.writers.comments import PUBLIC_SCHEMA, comment
from wish_rollout.core.schema.names import split_last
from wish_rollout.core.schema.scope import MIGRATOR

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wish_rollout.core.remedy.draft import Draft, Pairs
    from wish_rollout.core.schema.change import ValuePair

_FOR_ALL = {"function": "EXECUTE", "procedure": "EXECUTE", "aggregate": "EXECUTE", "language": "USAGE"}
_TYPES = {"enum", "domain", "composite type", "range type", "base type"}
_CLASSES = {
    "TABLES": {"table", "view", "materialized view", "foreign table"},
    "SEQUENCES": {"sequence"},
    "FUNCTIONS": {"function", "procedure", "aggregate"},
    "TYPES": _TYPES,
    "SCHEMAS": {"schema"},
}


def finish(draft: Draft, kind: str, name: str, pairs: Pairs, *, created: bool = False) -> list[str]:
    """Write the statements beside an object's definition, in an order in which they can run."""
    made: list[str] = []
    owners = pairs.get("owner", (None, None))
    for write in (_owner, _extensions, comment):
        try:
            made += write(draft, kind, name, pairs)
        except UnknownRole as error:
            draft.gap(kind, name, str(error))
    if "privileges" in pairs and None not in owners:
        pairs["privileges"] = (_after_owner_change(pairs["privileges"], *owners), pairs["privileges"][1])
    elif None not in owners and (kept := draft.target[kind, name].get("privileges")):
        pairs["privileges"] = (_after_owner_change((kept, kept), *owners), kept)
    return made + privileges(draft, kind, name, pairs, created=created)


def _after_owner_change(pair: ValuePair, before: str, after: str) -> dict[str, list[str]]:
    """Return the live privileges after ALTER … OWNER TO, which gives those of the old owner to the new one."""
    held, wanted = (each or {} for each in pair)
    left = {label: words for label, words in held.items() if label not in {before, after}}
    if {before, after} & held.keys() or after in wanted:
        left[after] = ["of the old owner"]
    return left


def _owner(draft: Draft, kind: str, name: str, pairs: Pairs) -> list[str]:
    before, after = pairs.pop("owner", (None, None))
    if after is None:
        return _public_owner(draft) if before is not None and (kind, name) == PUBLIC_SCHEMA else []
    if before is None and after == MIGRATOR and (kind, name) != PUBLIC_SCHEMA:
        return []  # made by that role, so it owns it
    if kind == "sequence" and _follows_its_table(draft, name, after):
        return []
    return [f"ALTER {word(kind)} {name} OWNER TO {draft.roles.sql(after)}"]


def _follows_its_table(draft: Draft, name: str, owner: str) -> bool:
    """Return whether a sequence is linked to a table that gets this owner: it cannot have another one (ALTER SEQUENCE)."""
    column = draft.live.get(("sequence", name), {}).get("owned by")
    table = draft.target.get(("table", split_last(column)[0]), {}) if column else {}
    return bool(table) and table.get("owner") == owner


def _public_owner(draft: Draft) -> list[str]:
    """Give the schema public back to its first owner (manual, release notes of 15)."""
    if draft.major < 15:
        draft.gap(*PUBLIC_SCHEMA, "its owner was the role that ran initdb, whose name is not recorded")
        return []
    return ["ALTER SCHEMA public OWNER TO pg_database_owner"]


def _extensions(_draft: Draft, kind: str, name: str, pairs: Pairs) -> list[str]:
    before, after = pairs.pop("depends on extensions", (None, None))
    object_name = spelled(kind, name)
    gone = [each for each in before or () if each not in (after or ())]
    come = [each for each in after or () if each not in (before or ())]
    return [
        *(f"ALTER {object_name} NO DEPENDS ON EXTENSION {each}" for each in gone),
        *(f"ALTER {object_name} DEPENDS ON EXTENSION {each}" for each in come),
    ]


def privileges(draft: Draft, kind: str, name: str, pairs: Pairs, *, created: bool = False) -> list[str]:
    """Write the REVOKEs and GRANTs that lead from what roles may do to what they have to be able to do.

    An object made now has what ALTER DEFAULT PRIVILEGES says, so that is taken back as well.
    """
    before, after = pairs.pop("privileges", (None, None))
    if kind == "base type" and (DEFINITION, name) not in draft.target:
        if before != after:
            draft.gap(kind, name, "nobody can be granted privileges on a shell type")
        return []
    if created:
        before = {**(before or {}), **given_by_default(draft, kind)}
    target = f"{granted(kind)} {name}"
    owner = draft.target.get((kind, name), {}).get("owner")
    usual = _usual(kind, name, draft.major)
    if after and owner in after and granted(kind) == "TABLE":
        after = {**after, owner: with_maintain(after[owner], draft.major)}
    return _change(draft, (kind, name), target, before or {}, after or {}, {owner: ["ALL"], "PUBLIC": usual})


def with_maintain(words: list[str], major: int) -> list[str]:
    """Write out MAINTAIN among an owner's rights: a snapshot tells only that it is lost (17 and later)."""
    lost = "without MAINTAIN"
    if lost in words or "ALL" in words or not words or major < 17:
        return [each for each in words if each != lost]
    return [*words, "MAINTAIN"]


def column_privileges(draft: Draft, name: str, pair: ValuePair) -> list[str]:
    """Return the REVOKEs and GRANTs on a column; those that it has may be lost by what its table went through."""
    before, after = (each or {} for each in pair)
    table, column = split_last(name)
    held = {label: ["of before"] for label in before} if before == after else before
    return _change(draft, ("column", name), f"TABLE {table}", held, after, {}, f" ({column})")


def _change(  # noqa: PLR0913, PLR0917 - one statement has that many parts
    draft: Draft,
    key: tuple[str, str],
    target: str,
    before: Mapping[str, list[str]],
    after: Mapping[str, list[str]],
    usual: Mapping[str | None, list[str]],
    part: str = "",
) -> list[str]:
    made: list[str] = []
    for label in sorted({*before, *after}):
        if before.get(label) == after.get(label):
            continue
        if " (granted by " in label:
            draft.gap(*key, f"{label}: only the role that granted it can revoke it or grant it again")
            continue
        try:
            role = draft.roles.sql(label)
        except UnknownRole as error:
            draft.gap(*key, str(error))
            continue
        if before.get(label) != [] or label in usual:
            made.append(f"REVOKE ALL{part} ON {target} FROM {role}")
        made += grants(after.get(label, usual.get(label, [])), f"ON {target} TO {role}", part)
    return made


def grants(words: Iterable[str], to: str, part: str = "") -> list[str]:
    """Write the GRANTs of one role: without and with the right to grant on."""
    ending = " WITH GRANT OPTION"
    may = [text for text in words if not text.endswith(ending)]
    on = [text.removesuffix(ending) for text in words if text.endswith(ending)]
    made = []
    for names, tail in ((may, ""), (on, ending)):
        if names:
            made.append(f"GRANT {', '.join(f'{each}{part}' for each in names)} {to}{tail}")
    return made


def _usual(kind: str, name: str, major: int) -> list[str]:
    """Return what PUBLIC may do by default (manual, "Privileges")."""
    if (kind, name) == PUBLIC_SCHEMA:
        return ["USAGE"] if major >= 15 else ["USAGE", "CREATE"]
    right = "USAGE" if kind in _TYPES else _FOR_ALL.get(kind)
    return [right] if right else []


def given_by_default(draft: Draft, kind: str) -> dict[str, list[str]]:
    """Return what ALTER DEFAULT PRIVILEGES may have granted to an object of this kind: whom, and anything."""
    found = {}
    for (of, name), properties in {**draft.live, **draft.target}.items():
        if of == "default privileges" and kind in _CLASSES.get(name.rpartition(" ON ")[2], ()):
            found.update({label: ["by default"] for label in properties["privileges"]})
    return found
