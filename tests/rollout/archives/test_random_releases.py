"""Random releases with random rows: up, rows, down, up, restore leaves every row as it was."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.rollout.archives.conftest import ArchiveCase

TYPES = {
    "integer": "(random() * 1000)::int",
    "text": "'t''\"' || n",
    "numeric(10,3)": "n / 7.0",
    "timestamptz": "timestamptz '2026-01-01 00:00:00+00' + n * interval '1 hour'",
    "double precision": "n / 3.0",
    "bytea": "decode(to_hex(n + 4096), 'hex')",
    "jsonb": "jsonb_build_object('n', n, 'a', array[n])",
    "json": "json_build_array(n, null)",
    "int4range": "int4range(n, n + 5)",
    "uuid[]": "array[gen_random_uuid(), null]",
    "boolean": "n % 2 = 0",
    "colour": "(enum_range(null::colour))[1 + n % 3]",
    "colour[]": "array['red', 'blue']::colour[]",
    "pair": "row(n, 'x,y')::pair",
    "short": "n % 9",
    "xml": "xmlelement(name a, n)",
    "point": "point(n, n / 2.0)",
}
KEYS = ("integer", "text", "bigint GENERATED ALWAYS AS IDENTITY", "bigserial")
BASE = [
    "CREATE TYPE colour AS ENUM ('red', 'green', 'blue')",
    "CREATE TYPE pair AS (a int, b text)",
    "CREATE DOMAIN short AS smallint CHECK (value < 100)",
]
DROPS = ["DROP DOMAIN short", "DROP TYPE pair", "DROP TYPE colour"]
ROWS = 40


class RandomRelease:
    """The statements of a release up and down, and of its rows. Names need quotes in some of the tables."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.up, self.down, self.rows = list(BASE), list(DROPS), list[str]()
        self.tables: list[str] = []
        keys: dict[str, str] = {}
        for number in range(self.random.randint(2, 4)):
            self._table(f'"T {number}"' if self.random.random() < 0.3 else f"t{number}", keys)
        self._columns()

    def _table(self, name: str, keys: dict[str, str]) -> None:
        key = self.random.choice(KEYS)
        chosen = self.random.sample(sorted(TYPES), self.random.randint(1, 6))
        columns = [f"c{place} {kind}" for place, kind in enumerate(chosen)]
        values = [TYPES[kind] if self.random.random() < 0.8 else "null" for kind in chosen]
        names = [f"c{place}" for place in range(len(chosen))]
        if key in ("integer", "text"):
            names.append("id")
            values.append("n" if key == "integer" else "'k' || n")
        if keys and self.random.random() < 0.6:
            parent = self.random.choice(sorted(keys))
            columns.append(f"parent {keys[parent]} REFERENCES {parent}")
            names.append("parent")
            values.append("n" if keys[parent] != "text" else "'k' || n")
        self.up.append(f"CREATE TABLE {name} (id {key} PRIMARY KEY, {', '.join(columns)})")
        if self.random.random() < 0.3:
            self.up.append(f"CREATE VIEW v_{len(self.tables)} AS SELECT id FROM {name}")
            self.down.insert(0, f"DROP VIEW v_{len(self.tables)}")
        place = next(i for i, text in enumerate(self.down) if not text.startswith("DROP VIEW"))
        self.down.insert(place, f"DROP TABLE {name}")
        self.rows.append(
            f"insert into {name} ({', '.join(names)}) select {', '.join(values)} from generate_series(1, {ROWS}) as n"
        )
        self.tables.append(name)
        keys[name] = "bigint" if key.startswith("big") else key

    def _columns(self) -> None:
        """Add columns to the table that exists before the release."""
        for place, kind in enumerate(self.random.sample(sorted(set(TYPES) - {"short"}), 3)):
            self.up.append(f"ALTER TABLE wishlist_items ADD COLUMN extra{place} {kind}")
            self.down.insert(0, f"ALTER TABLE wishlist_items DROP COLUMN extra{place}")
            self.rows.append(
                f"update wishlist_items set extra{place} = {TYPES[kind]} from (select 5 as n) as one"
            )
        self.tables.append("wishlist_items")


@pytest.mark.parametrize("seed", [1, 2])
def test_random_release(case: ArchiveCase, seed: int) -> None:
    release = RandomRelease(seed)
    case.revise(release.up, release.down)
    case.sql(
        "insert into wishlist_items (user_id, title, store) select 'u', 't', 'LEGO' from generate_series(1, 5)"
    )
    for statement in release.rows:
        case.sql(statement)
    before = {name: case.sql(f"select t::text from {name} as t order by 1") for name in release.tables}
    case.rollback()
    case.again()
    (done,) = case.restore()
    assert (done.left, [each.why for each in done.objects if each.why]) == (0, [])
    after = {name: case.sql(f"select t::text from {name} as t order by 1") for name in release.tables}
    assert after == before
