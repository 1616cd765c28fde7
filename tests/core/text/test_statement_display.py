from __future__ import annotations

from wish_rollout.core.text.statement_display import display_statements


def test_many_similar_rows_are_counted() -> None:
    rows = [
        f"INSERT INTO t (a, b, c) VALUES ({n}, 'it''s {n}', {'NULL' if n % 2 else 'TRUE'})"
        for n in range(2000)
    ]
    texts = ["CREATE TABLE t ()", *rows, "INSERT INTO other VALUES (1)", *(["UPDATE t SET a = 1"] * 20)]
    displayed = list(display_statements(texts))
    assert displayed[:11] == [f"{text};" for text in texts[:11]]
    assert displayed[11:13] == [
        "-- and 1,990 more such rows (wish-rollout plan --json has them)",
        "INSERT INTO other VALUES (1);",
    ]
    assert displayed[13:] == ["UPDATE t SET a = 1;"] * 20


def test_statements_other_than_insert_values_are_all_displayed() -> None:
    texts = [f"INSERT INTO t VALUES ({n}, f())" for n in range(12)]
    texts[11:] = ["INSERT INTO t VALUES (11, g())", "INSERT INTO t SELECT 1 -- VALUES"] * 12
    assert list(display_statements(texts)) == [f"{text};" for text in texts]


def test_unprintable_characters_are_escaped() -> None:
    assert list(display_statements(["SELECT 1\n-- \u202e\x1b[2K"])) == ["SELECT 1\n-- \\u202e\\x1b[2K;"]
