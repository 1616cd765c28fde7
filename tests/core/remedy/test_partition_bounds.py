"""Which bounds of partitions may have values in common."""

from __future__ import annotations

import pytest

from wish_rollout.core.remedy.partition_bounds import may_overlap

RANGE = "FOR VALUES FROM ({}) TO ({})"


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("DEFAULT", "DEFAULT", True),
        ("DEFAULT", "FOR VALUES IN (1)", True),
        ("FOR VALUES IN (1.0)", "FOR VALUES IN (1.00)", True),
        ("FOR VALUES IN ('1.0')", "FOR VALUES IN ('1.00')", True),
        ("FOR VALUES IN (1, 2)", "FOR VALUES IN (3, NULL)", False),
        ("FOR VALUES IN ('a, b', 'it''s')", "FOR VALUES IN ('it''s')", True),
        ("FOR VALUES IN ('a, b')", "FOR VALUES IN ('b')", False),
        ("FOR VALUES WITH (modulus 4, remainder 0)", "FOR VALUES WITH (modulus 4, remainder 1)", False),
        ("FOR VALUES WITH (modulus 4, remainder 0)", "FOR VALUES WITH (modulus 2, remainder 0)", True),
        (RANGE.format("0", "10"), RANGE.format("10", "20"), False),
        (RANGE.format("9", "11"), RANGE.format("10", "20"), True),
        (RANGE.format("'9'", "'10'"), RANGE.format("'10'", "'100'"), False),
        (RANGE.format("MINVALUE", "0"), RANGE.format("0", "MAXVALUE"), False),
        (RANGE.format("MINVALUE", "MAXVALUE"), RANGE.format("0", "1"), True),
        (RANGE.format("0", "MAXVALUE"), RANGE.format("5", "MAXVALUE"), True),
        (
            RANGE.format("'2020-01-01'", "'2021-01-01'"),
            RANGE.format("'2021-06-01'", "'2022-01-01'"),
            False,
        ),
        (RANGE.format("'2020-01-01'", "'2022-01-01'"), RANGE.format("'2021-06-01'", "'2023-01-01'"), True),
        (RANGE.format("'b'", "'c'"), RANGE.format("'d'", "'e'"), True),
        (RANGE.format("1, 5", "2, 0"), RANGE.format("2, 0", "3, 0"), False),
        (RANGE.format("1, 5", "2, 9"), RANGE.format("2, 0", "3, 0"), True),
        (RANGE.format("'1'", "'2'"), RANGE.format("'10'", "'3'"), True),
        (RANGE.format("5", "9"), RANGE.format("10", "20"), False),
        ("FOR VALUES IN (1)", RANGE.format("0", "10"), True),
    ],
)
def test_bounds_overlap_unless_that_is_known_not_to_be(one: str, other: str, *, expected: bool) -> None:
    assert (may_overlap(one, other), may_overlap(other, one)) == (expected, expected)
