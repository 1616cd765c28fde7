"""The text of a script that decides whether an interrupted release is still the same release."""

from __future__ import annotations

import pytest

from wish_rollout.core.release.script_texts import executed_text

SCRIPT = b'revision = "1"\n\n\ndef upgrade():\n    op.execute("SELECT 1")\n'


@pytest.mark.parametrize(
    "allowance",
    [
        b'allow_hazards = {"rename": "a reason"}\n',
        b'allow_hazards: dict[str, str] = {\n    "rename": "a reason",\n\n    "drop-view": "another",\n}\n\n',
    ],
)
def test_allowances_do_not_count(allowance: bytes) -> None:
    assert executed_text(SCRIPT.replace(b"\n\n\n", b"\n" + allowance + b"\n\n")) == executed_text(SCRIPT)


@pytest.mark.parametrize(
    "other",
    [
        SCRIPT.replace(b"SELECT 1", b"SELECT 2"),
        SCRIPT.replace(b"def upgrade", b"allow_rows = {}\ndef upgrade"),
        SCRIPT.replace(b'    op.execute("SELECT 1")', b'    allow_hazards = op.execute("SELECT 1")'),
        b"allow_hazards = (",
    ],
)
def test_everything_else_counts(other: bytes) -> None:
    assert executed_text(other) != executed_text(SCRIPT)
