"""Indexes and extended statistics. Manual, CREATE INDEX, CREATE STATISTICS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.draft import Writer
from wish_rollout.core.remedy.sql_syntax import given, settings
from wish_rollout.core.remedy.writers.relations.constraints import NO_CLASS_NAME
from wish_rollout.core.remedy.writers.relations.index_states import clustering, is_half_made
from wish_rollout.core.schema.names import split_last

if TYPE_CHECKING:
    from wish_rollout.core.remedy.draft import Draft, Pairs
    from wish_rollout.core.remedy.sql_syntax import Props

ALTERS = frozenset(
    {
        "storage parameters",
        "tablespace",
        "clustered",
        "statistics targets",
        "comment",
        "depends on extensions",
    }
)
_DEFAULT_CLASSES = {
    "tsvector": "tsvector_ops",
    "ltree": "gist_ltree_ops",
    "ltree[]": "gist__ltree_ops",
    "hstore": "gist_hstore_ops",
}
"""Type → its default operator class for GiST. The default classes of other types have no parameters."""
_OWN = ("storage parameters", "clustered", "statistics targets")


def create(draft: Draft, name: str, properties: Props) -> list[str]:
    """Create an index; the table can be read meanwhile, not written."""
    if "copy of" in properties:
        return _from_definition(draft, name, properties)
    table = properties.pop("table")
    keys = [key_with_class(draft, table, key) for key in properties.pop("keys")]
    only = "ONLY " if properties.pop("invalid", None) else ""
    if is_half_made(draft, table, properties, invalid=bool(only)):
        draft.gap("index", name, "it is promised half-made")
    text = f"CREATE {'UNIQUE ' if properties.pop('unique', None) else ''}INDEX {split_last(name)[1]}"
    text += f" ON {only}{table}"
    if "method" in properties:
        text += f" USING {properties.pop('method')}"
    text += f" ({', '.join(keys)})"
    if "include" in properties:
        text += f" INCLUDE ({', '.join(properties.pop('include'))})"
    if properties.pop("nulls not distinct", None):
        text += " NULLS NOT DISTINCT"
    if "storage parameters" in properties:
        text += f" WITH ({given(properties.pop('storage parameters'))})"
    if "tablespace" in properties:
        text += f" TABLESPACE {properties.pop('tablespace')}"
    if "predicate" in properties:
        text += f" WHERE {properties.pop('predicate')}"
    pairs: Pairs = {
        key: (None, properties.pop(key)) for key in ("clustered", "statistics targets") if key in properties
    }
    return [text, *alter(draft, name, pairs)]


def alter(draft: Draft, name: str, pairs: Pairs) -> list[str]:
    """Alter an index where a statement can."""
    target = f"ALTER INDEX {name}"
    made = []
    if "storage parameters" in pairs:
        made += settings(target, *pairs.pop("storage parameters"))
    if "tablespace" in pairs:
        made.append(f"{target} SET TABLESPACE {pairs.pop('tablespace')[1] or 'pg_default'}")
    if "statistics targets" in pairs:
        before, after = (pair or {} for pair in pairs.pop("statistics targets"))
        for place in sorted({*before, *after}):
            if before.get(place) != after.get(place):
                made.append(f"{target} ALTER COLUMN {place} SET STATISTICS {after.get(place, -1)}")
    if "clustered" in pairs:
        known = draft.target.get(("index", name)) or draft.live["index", name]
        table, after = known["table"], pairs.pop("clustered")[1]
        made += clustering(draft, table, split_last(name)[1] if after else None)
    return made


def _from_definition(draft: Draft, name: str, properties: Props) -> list[str]:
    """Give a partition's copy what it has by itself; the copy comes with its parent's index."""
    pairs: Pairs = {key: (None, properties[key]) for key in _OWN if key in properties}
    properties.clear()
    return alter(draft, name, pairs)


def drop_copy(draft: Draft, name: str) -> list[str]:
    """Make a partition's index its parent's mere copy again."""
    live = draft.live["index", name]
    made = alter(draft, name, {key: (live[key], None) for key in _OWN if key in live})
    return made + ([f"COMMENT ON INDEX {name} IS NULL"] if "comment" in live else [])


def create_statistics(draft: Draft, name: str, properties: Props) -> list[str]:
    """Create extended statistics; ANALYZE fills them."""
    made = [f"CREATE STATISTICS {name} {properties.pop('definition')}"]
    if "statistics target" in properties:
        made += alter_statistics(
            draft, name, {"statistics target": (None, properties.pop("statistics target"))}
        )
    return made


def alter_statistics(_draft: Draft, name: str, pairs: Pairs) -> list[str]:
    """Set how much is sampled."""
    if "statistics target" not in pairs:
        return []
    after = pairs.pop("statistics target")[1]
    return [f"ALTER STATISTICS {name} SET STATISTICS {after if after is not None else -1}"]


def reason(draft: Draft, name: str) -> str:
    """Return why an index cannot be created."""
    properties = draft.target["index", name]
    keys = [key_with_class(draft, properties["table"], key) for key in properties["keys"]]
    return NO_CLASS_NAME if any(" default operator class " in key for key in keys) else ""


def key_with_class(draft: Draft, table: str, key: str) -> str:
    """Return an index key with the name of the default operator class of its column, where that is known."""
    own, separator, parameters = key.partition(" default operator class ")
    column = draft.target.get(("column", f"{table}.{own}"))
    if not separator or column is None:
        return key
    name = column["type"].rpartition(".")
    found = _DEFAULT_CLASSES.get(name[2])
    return key if found is None else f"{own} {name[0] or 'pg_catalog'}.{found} {parameters}"


WRITER = Writer(11, create, alter, ALTERS, early=True, reason=reason)
STATISTICS = Writer(
    13, create_statistics, alter_statistics, frozenset({"statistics target", "comment", "owner"}), early=True
)
