"""Events of large schemas: their size is limited, and what is left out is counted."""

from __future__ import annotations

from typing import Any

import dagster as dg
from dagster._serdes import serialize_value

from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.delta_rendering import render_markdown
from wish_rollout.core.schema.snapshot import Snapshot
from wish_rollout.defs.events.limits import (
    MAX_EVENT_BYTES,
    limited_mapping,
    limited_names,
    limited_text,
    markdown,
    size_of,
)
from wish_rollout.defs.events.schema import snapshot_metadata
from wish_rollout.defs.gate.approval_events import as_code, from_code

TABLES, COLUMNS = 3000, 12


def schema(tables: int) -> Snapshot:
    """Return a schema of many tables with columns, a constraint, an index and an enum each."""
    objects: dict[tuple[str, str], dict[str, Any]] = {}
    for number in range(tables):
        table = f"public.a_table_with_a_long_name_{number:05}"
        objects["table", table] = {"comment": f'table "{number}" of many\u2026'}
        objects["constraint", f"{table}.primary_key"] = {"definition": "PRIMARY KEY (column_00)"}
        objects["index", f"{table}_idx"] = {"table": table, "definition": "btree (column_01)"}
        objects["enum", f"{table}_kind"] = {"labels": ["one", "two"]}
        for position in range(COLUMNS):
            properties = {"type": "character varying(200)", "position": position + 1, "default": "'x'::text"}
            objects["column", f"{table}.column_{position:02}"] = properties
    return Snapshot(objects)


def event_size(metadata: dict[str, Any]) -> int:
    """Return the size of an event with this metadata as Dagster stores it."""
    return len(serialize_value(dg.AssetMaterialization("schema", metadata=metadata)))


def test_event_of_a_large_schema_is_limited() -> None:
    large = schema(TABLES)
    changed = frozenset({"public.a_table_with_a_long_name_02999"})
    names = [name for name, _ in large.of_kind("table")]
    metadata: dict[str, Any] = {
        **snapshot_metadata(large, changed, "wish-rollout snapshot prod"),
        "delta": markdown(render_markdown(difference(Snapshot({}), large)), "wish-rollout plan"),
        "rows": limited_mapping(dict.fromkeys(names, 1_000_000)),
        "unmanaged": limited_names(names),
    }
    assert event_size(metadata) <= MAX_EVENT_BYTES
    columns = metadata["dagster/column_schema"].columns
    assert {each.name.rpartition(".")[0] for each in columns[:COLUMNS]} == changed
    assert f"{TABLES * COLUMNS - len(columns):,} of 36,000" in metadata["columns not shown"]
    assert metadata["objects"]["column"] == TABLES * COLUMNS
    assert metadata["tables"][-1].endswith(" more")
    assert "more lines; the whole text: `wish-rollout plan`" in metadata["delta"].value


def test_small_schema_is_shown_in_full() -> None:
    metadata = snapshot_metadata(schema(5))
    assert (len(metadata["dagster/column_schema"].columns), len(metadata["tables"])) == (60, 5)
    assert "columns not shown" not in metadata
    assert metadata["columns by table"].value.count("| column | type |") == 5


def test_cut_text_closes_its_code_block() -> None:
    text = "intro\n```sql\n" + "select 1;\n" * 1000 + "```\n"
    cut = limited_text(text, 500, "the command")
    assert size_of(cut) < 700
    assert cut.count("```") == 2
    assert limited_text(text) == text


def test_document_in_a_code_block_is_read_back_unchanged() -> None:
    for text in ("", "a\nb\n", "```\nx\n```", "a ```` b\n", "\n", "x`"):
        block = str(as_code(text).value)
        assert from_code(block) == text
    assert from_code("a document\nof an earlier event\n") == "a document\nof an earlier event\n"
