"""Views and materialized views. Manual, CREATE VIEW."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.draft import Writer
from wish_rollout.core.remedy.sql_syntax import given, settings, with_toast
from wish_rollout.core.remedy.writers.columns.properties import beside
from wish_rollout.core.remedy.writers.relations.printed_queries import other_meaning, with_column_names
from wish_rollout.core.schema.names import split_last

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wish_rollout.core.remedy.draft import Draft, Pairs
    from wish_rollout.core.remedy.sql_syntax import Properties, Props

ALTERS = frozenset(
    {"definition", "storage parameters", "owner", "comment", "privileges", "depends on extensions"}
)
ALTERS_MATERIALIZED = (ALTERS - {"definition"}) | {
    *("access method", "tablespace", "replica identity", "toast storage parameters")
}
_SHAPE = ("type", "collation")


def _create(draft: Draft, kind: str, name: str, properties: Props) -> list[str]:
    columns = [split_last(column)[1] for column in draft.columns(draft.target, name)]
    text = f"CREATE {kind} {name}{_names(columns)}"
    if "access method" in properties:
        text += f" USING {properties.pop('access method')}"
    if stored := with_toast(properties):
        text += f" WITH ({given(stored)})"
    if "tablespace" in properties:
        text += f" TABLESPACE {properties.pop('tablespace')}"
    definition = properties.pop("definition")
    _note_other_text(draft, name, definition)
    made = [f"{text} AS {with_column_names(definition)}"]
    for column in draft.columns(draft.target, name):
        made += _of_column(draft, column)
    return made


def _note_other_text(draft: Draft, name: str, definition: str) -> None:
    """Report a query that PostgreSQL reads in another way than it has printed it."""
    kind = "view" if ("view", name) in draft.target else "materialized view"
    if reason := other_meaning(definition):
        draft.gap(kind, name, reason)


def _of_column(draft: Draft, column: str) -> list[str]:
    """Write what a view's column has beside what the query gives it."""
    given_by_query = {"position", "attribute number", "type", "collation", "not null"}
    pairs: Pairs = {
        key: (None, value)
        for key, value in draft.target["column", column].items()
        if key not in given_by_query
    }
    made = beside(draft, column, pairs)
    for key in pairs:
        draft.gap("column", column, f"its {key} cannot be set")
    return made


def create(draft: Draft, name: str, properties: Props) -> list[str]:
    """Create a view, with what its columns have."""
    return _create(draft, "VIEW", name, properties)


def create_materialized(draft: Draft, name: str, properties: Props) -> list[str]:
    """Create a materialized view, and fill it."""
    return _create(draft, "MATERIALIZED VIEW", name, properties)


def is_rebuilt(draft: Draft, name: str, pairs: Pairs) -> bool:
    """Return whether CREATE OR REPLACE VIEW does not do: it keeps all columns and adds new ones behind them."""
    if set(pairs) - ALTERS:
        return True
    live, target = draft.columns(draft.live, name), draft.columns(draft.target, name)
    return target[: len(live)] != live or any(
        draft.live["column", column].get(key) != draft.target["column", column].get(key)
        for column in live
        for key in _SHAPE
    )


def alter(draft: Draft, name: str, pairs: Pairs) -> list[str]:
    """Put another query in its place, or set its options."""
    if "definition" not in pairs:
        return settings(f"ALTER VIEW {name}", *pairs.pop("storage parameters", (None, None)))
    pairs.pop("definition")
    pairs.pop("storage parameters", None)
    new = draft.target["view", name]
    _note_other_text(draft, name, new["definition"])
    made = [_replace(new, draft.columns(draft.target, name), name, new["definition"])]
    for column in draft.columns(draft.target, name):
        if ("column", column) not in draft.live:
            made += _of_column(draft, column)
    return made


def alter_materialized(_draft: Draft, name: str, pairs: Pairs) -> list[str]:
    """Alter what a materialized view has beside its query."""
    target = f"ALTER MATERIALIZED VIEW {name}"
    made = settings(target, *pairs.pop("storage parameters", (None, None)))
    if "access method" in pairs:
        made.append(f"{target} SET ACCESS METHOD {pairs.pop('access method')[1] or 'heap'}")
    if "tablespace" in pairs:
        made.append(f"{target} SET TABLESPACE {pairs.pop('tablespace')[1] or 'pg_default'}")
    return made


def create_query(draft: Draft, name: str, properties: Props) -> list[str]:
    """Return the statement that gives a view its own query."""
    return [
        _replace(
            draft.target["view", name], draft.columns(draft.target, name), name, properties.pop("definition")
        )
    ]


def alter_query(draft: Draft, name: str, pairs: Pairs) -> list[str]:
    """Return the statement that gives a view another query."""
    return create_query(draft, name, {"definition": pairs.pop("definition")[1]})


def drop_query(draft: Draft, name: str) -> list[str]:
    """Return the statement that gives a view a query that needs nothing."""
    view = draft.live["view", name]
    return [_replace(view, draft.columns(draft.live, name), name, view["definition"])]


def _replace(view: Properties, columns: Sequence[str], name: str, definition: str) -> str:
    names = _names([split_last(column)[1] for column in columns])
    stored = f" WITH ({given(view['storage parameters'])})" if "storage parameters" in view else ""
    return f"CREATE OR REPLACE VIEW {name}{names}{stored} AS {with_column_names(definition)}"


def _names(columns: Sequence[str]) -> str:
    return f" ({', '.join(columns)})" if columns else ""  # a view can have none


OF_VIEW = Writer(15, create_query, alter_query, rebuilds=False, early=True)
VIEW = Writer(14, create, alter, ALTERS, early=True, is_rebuilt=is_rebuilt)
MATERIALIZED = Writer(14, create_materialized, alter_materialized, ALTERS_MATERIALIZED, early=True)
