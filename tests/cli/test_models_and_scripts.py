"""What scripts do to the project's models, and models that PostgreSQL refuses, do not stop `check`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.fix_project import Workspace

ARGUMENTS = """
    __table_args__ = (
        sa.Index("ix_placed", "placed"),
        sa.CheckConstraint("placed <> ''", name="is_placed"),
        sa.UniqueConstraint("placed", name="placed_once"),
    )
"""
USES_MODELS = """
from models import Order

RULES = [
    sa.CheckConstraint(Order.__table__.c.placed != "", name="is_placed"),
    sa.UniqueConstraint(Order.__table__.c.placed, name="placed_once"),
    sa.Index("ix_placed", Order.__table__.c.placed),
]
"""
CREATE = """
    from models import Order
    sa.CheckConstraint(Order.__table__.c.placed != "x", name="no_x")
    op.create_check_constraint("is_placed", "orders", "placed <> ''")
    op.create_unique_constraint("placed_once", "orders", ["placed"])
"""


def checks_of(workspace: Workspace, *options: str) -> dict[str, Any]:
    return {each["name"]: each for each in json.loads(workspace.cli("check", "--json", *options).out)}


def test_constraints_that_scripts_build_from_columns_of_models_are_no_part_of_them(
    other_project: Workspace,
) -> None:
    models = other_project.root / "models.py"
    models.write_text(models.read_text() + ARGUMENTS)
    (script,) = (other_project.root / "db/versions").glob("*_index.py")
    text = script.read_text().replace("\n\ndef upgrade():\n", f"\n{USES_MODELS}\n\ndef upgrade():{CREATE}")
    script.write_text(
        text.replace(
            "def downgrade():\n",
            'def downgrade():\n    op.drop_constraint("placed_once", "orders")\n'
            '    op.drop_constraint("is_placed", "orders")\n',
        )
    )
    found = checks_of(other_project)
    assert found["models"]["passed"], found["models"]
    assert [name for name, each in found.items() if not each["passed"]] == []
    drift = other_project.cli("drift", "--models")
    assert "the models" not in drift.err


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        ("kind: Mapped[str] = mapped_column(sa.Enum('a', 'b'))", "requires a name"),
        (
            "kind: Mapped[str] = mapped_column(sa.Text, server_default=sa.text('nobody()'))",
            "function nobody() does not exist",
        ),
    ],
)
def test_models_that_cannot_be_created_are_a_finding(
    other_project: Workspace, column: str, reason: str
) -> None:
    models = other_project.root / "models.py"
    models.write_text(f"{models.read_text()}    {column}\n")
    found = checks_of(other_project)["models"]
    assert not found["passed"]
    assert found["detail"].startswith("The models models:Base.metadata cannot be created on PostgreSQL: ")
    assert reason in found["detail"]
    assert "remove the line models from rollout.toml" in found["detail"]
    assert "round trip" in checks_of(other_project)
