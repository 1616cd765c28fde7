"""Hazards of types, views and partitions."""

from __future__ import annotations

from tests.cases.hazard_case import Case

ODD = 'app."Odd; one"'

TYPES = (
    Case(
        "column-type-change",
        ODD,
        (
            "ALTER TYPE mood RENAME TO old_mood",
            "CREATE TYPE mood AS ENUM ('sad', 'glad', 'calm')",
            f"ALTER TABLE {ODD} ALTER mood TYPE mood USING mood::text::mood",
            "DROP TYPE old_mood",
        ),
        ("ALTER TYPE mood ADD VALUE 'calm'", "ALTER TYPE mood RENAME TO feeling"),
        rewrites=True,
    ),
    Case(
        "column-type-change",
        "items",
        ("ALTER TABLE items ALTER name SET DATA TYPE text USING upper(name)",),
        ("ALTER TABLE items ALTER name SET DATA TYPE text USING name::text",),
        rewrites=True,
    ),
    Case(
        "column-type-change",
        "items",
        ("SET LOCAL TIME ZONE 'Asia/Tokyo'", "ALTER TABLE items ALTER due TYPE timestamptz"),
        ("ALTER TABLE items ALTER due TYPE timestamptz",),  # the session is in UTC
        rewrites=True,
    ),
    Case(
        "table-rewrite",
        "items",
        (
            "CREATE DOMAIN size AS int CHECK (value > 0)",
            "ALTER TABLE items ADD COLUMN size size DEFAULT 1",
        ),
        ("ALTER TABLE items ADD COLUMN size percent DEFAULT 1",),
        rewrites=True,
    ),
    Case(
        "check-scan",
        ODD,
        ("ALTER DOMAIN percent ADD CONSTRAINT whole CHECK (value <= 100)",),
        ("ALTER DOMAIN percent ADD CONSTRAINT whole CHECK (value <= 100) NOT VALID",),
        "ShareLock",
    ),
    Case(
        "rename",
        ODD,
        ("ALTER TYPE mood RENAME VALUE 'glad' TO 'happy'",),
        ("ALTER TYPE mood ADD VALUE 'happy' AFTER 'glad'",),
        "",
    ),
    Case(
        "drop-view",
        "codes",
        ("DROP VIEW codes",),
        ("CREATE OR REPLACE VIEW codes AS SELECT id, 1 AS one FROM shops",),
        rows=0,
    ),
    Case(
        "attach-scan",
        "loose",
        ("ALTER TABLE parted ATTACH PARTITION loose FOR VALUES FROM (100) TO (200)",),
        ("ALTER TABLE parted ATTACH PARTITION proven FOR VALUES FROM (200) TO (300)",),
    ),
)
