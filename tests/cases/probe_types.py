"""Row probes for changes of column types and domains."""

from __future__ import annotations

from tests.cases.probe_case import Case

TYPES = (
    *(
        Case(
            f"text-to-{kind.partition(' ')[0]}",
            (f"ALTER TABLE items ALTER store TYPE {kind} USING store::{kind}",),
            f"update items set store = '{bad}'",
            f"update items set store = '{good}'",
            f"1 row in prod has store = '{bad}', which is not a valid {kind}",
        )
        for kind, bad, good in (
            ("date", "2026-02-30", " 2026-02-28"),
            ("integer", "1.5", " -15 "),
            ("uuid", "a0eebc99", "{a0eebc999c0b4ef8bb6d6bb9bd380a11}"),
            ("jsonb", "{a: 1}", '{"a": 1}'),
            ("timestamp with time zone", "soon", "2026-02-28 12:00+02"),
            ("boolean", "maybe", "off"),
            ("integer[]", "{1,x}", "{1,2}"),
        )
    ),
    Case(
        "text-to-a-new-domain",
        (
            "CREATE DOMAIN size AS int CHECK (value BETWEEN 1 AND 9) NOT NULL",
            "ALTER TABLE parts ALTER raw TYPE size USING raw::size",
        ),
        "insert into parts values (2, 1, 1, '10')",
        "update parts set raw = '9'",
        "1 row in prod of public.parts violates size_check: ",
    ),
    Case(
        "domain-check",
        ("ALTER DOMAIN percent ADD CONSTRAINT whole CHECK (value <= 100 AND value::text <> 'VALUE')",),
        "insert into parts values (2, 1, 101)",
        "insert into parts values (2, null, 100)",
        "1 row in prod of public.parts violates whole: ((grown <= (100)::numeric)",
    ),
    Case(
        "domain-check-validated",
        (
            "ALTER DOMAIN share ADD CONSTRAINT whole CHECK (value <= 100) NOT VALID",
            "ALTER DOMAIN share VALIDATE CONSTRAINT whole",
        ),
        "insert into parts values (2, 101, 1)",
        "insert into parts values (2, 100, 101)",
        "1 row in prod of public.parts violates whole",
    ),
    Case(
        "domain-not-null",
        ("ALTER DOMAIN share SET NOT NULL",),
        "insert into parts values (2, null, 1)",
        "insert into parts values (2, 1, 1)",
        "1 row in prod of public.parts has no part, which becomes NOT NULL",
    ),
)
