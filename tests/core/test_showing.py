from __future__ import annotations

from wish_rollout.core.text.statement_display import shown


def test_rows_by_the_thousand_are_counted() -> None:
    rows = [
        f"INSERT INTO t (a, b, c) VALUES ({n}, 'it''s {n}', {'NULL' if n % 2 else 'TRUE'})"
        for n in range(2000)
    ]
    texts = ["CREATE TABLE t ()", *rows, "INSERT INTO other VALUES (1)", *(["UPDATE t SET a = 1"] * 20)]
    told = list(shown(texts))
    assert told[:11] == [f"{text};" for text in texts[:11]]
    assert told[11:13] == [
        "-- and 1,990 more such rows (wish-rollout plan --json has them)",
        "INSERT INTO other VALUES (1);",
    ]
    assert told[13:] == ["UPDATE t SET a = 1;"] * 20


def test_what_does_more_than_insert_values_is_shown() -> None:
    texts = [f"INSERT INTO t VALUES ({n}, f())" for n in range(12)]
    texts[11:] = ["INSERT INTO t VALUES (11, g())", "INSERT INTO t SELECT 1 -- VALUES"] * 12
    assert list(shown(texts)) == [f"{text};" for text in texts]


def test_nothing_of_it_is_invisible() -> None:
    assert list(shown(["SELECT 1\n-- \u202e\x1b[2K"])) == ["SELECT 1\n-- \\u202e\\x1b[2K;"]
