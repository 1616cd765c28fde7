"""Hazards for the running application: its statements fail, or values are lost."""

from __future__ import annotations

from tests.cases.hazard_case import Case

ODD = 'app."Odd; one"'

APPLICATION = (
    Case(
        "required-column",
        "items",
        (
            "ALTER TABLE items ADD COLUMN kind text NOT NULL DEFAULT 'x'",
            "ALTER TABLE items ALTER kind DROP DEFAULT",
        ),
        ("ALTER TABLE items ADD COLUMN kind text NOT NULL DEFAULT 'x'",),
    ),
    Case(
        "detach-partition",
        "part1",
        ("ALTER TABLE parted DETACH PARTITION part1",),
        ("CREATE TABLE part2 PARTITION OF parted FOR VALUES FROM (1000) TO (2000)",),
    ),
    Case(
        "drop-object",
        "numbers",
        ("DROP SEQUENCE numbers",),
        (
            "CREATE OR REPLACE FUNCTION add_one(int) RETURNS int LANGUAGE sql AS 'SELECT 1 + $1'",
            "DROP FUNCTION accept()",
        ),
        rows=0,
    ),
    Case(
        "drop-unique",
        "shops",
        ("ALTER TABLE shops DROP CONSTRAINT shops_pkey",),
        ("ALTER TABLE shops ADD CONSTRAINT positive CHECK (id > 0) NOT VALID",),
    ),
    Case(
        "revoke",
        "tags",
        ("REVOKE SELECT ON tags FROM public",),
        ("GRANT INSERT ON tags TO public",),
        "AccessShareLock",
    ),
    Case(
        "row-security",
        "tags",
        ("ALTER TABLE tags ENABLE ROW LEVEL SECURITY",),
        ("CREATE POLICY all_rows ON tags USING (true)",),
    ),
    Case(
        "refusing-trigger",
        "tags",
        ("CREATE TRIGGER t BEFORE INSERT ON tags FOR EACH ROW EXECUTE FUNCTION refuse()",),
        ("CREATE TRIGGER t BEFORE INSERT ON tags FOR EACH ROW EXECUTE FUNCTION accept()",),
        "ShareRowExclusiveLock",
    ),
    Case(
        "sequence-restart",
        "numbers",
        ("ALTER SEQUENCE numbers RESTART",),
        ("SELECT setval('numbers', 101)",),
        "ShareRowExclusiveLock",
        rewrites=True,
        rows=0,
    ),
)
