"""A measurement that is written to ``meta/`` is read again as the same value."""

from __future__ import annotations

import json

from wish_rollout.core.release.measurements import StatementMeasurement, TableWrites
from wish_rollout.core.release.table_locks import LockMode, TableLock


def test_every_field_of_a_measurement_is_written_and_read() -> None:
    lock = TableLock("public", "items", LockMode.ACCESS_EXCLUSIVE, recursive=False)
    index = TableLock("public", "items_name", LockMode.SHARE)
    writes = (TableWrites("public.items", 3, inserted=1, updated=2, deleted=1),)
    measured = StatementMeasurement(
        "d", True, (lock,), ("public.items",), ("public.items_name",), (index,), writes, 7
    )
    unknown = StatementMeasurement("d", True, None)

    for each in (measured, unknown):
        assert StatementMeasurement.from_json(json.loads(json.dumps(each.as_json()))) == each
