"""wishlist items

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    sa.Enum("USD", "EUR", "GBP", "CAD", "AUD", name="wishlist_currency").create(op.get_bind())
    sa.Enum("LEGO", "Barweer", "Cata", "BrickLink", "Other", name="wishlist_store").create(op.get_bind())
    op.create_table(
        "wishlist_items",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column(
            "store",
            postgresql.ENUM(
                "LEGO", "Barweer", "Cata", "BrickLink", "Other", name="wishlist_store", create_type=False
            ),
            nullable=False,
        ),
        sa.Column("set_number", sa.Text(), nullable=True),
        sa.Column("source_url", sa.Text(), nullable=True),
        sa.Column("image_url", sa.Text(), nullable=True),
        sa.Column("price", sa.Text(), nullable=True),
        sa.Column(
            "currency",
            postgresql.ENUM("USD", "EUR", "GBP", "CAD", "AUD", name="wishlist_currency", create_type=False),
            server_default="USD",
            nullable=True,
        ),
        sa.Column("piece_count", sa.Integer(), nullable=True),
        sa.Column("release_date", sa.DateTime(), nullable=True),
        sa.Column(
            "tags", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=True
        ),
        sa.Column("priority", sa.Integer(), server_default=sa.text("0"), nullable=True),
        sa.Column("notes", sa.Text(), nullable=True),
        sa.Column("sort_order", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", sa.DateTime(), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=True),
        sa.Column("updated_by", sa.Text(), nullable=True),
        sa.CheckConstraint("priority BETWEEN 0 AND 5", name="priority_range_check"),
        sa.PrimaryKeyConstraint("id", name="wishlist_items_pkey"),
    )
    op.create_index("idx_wishlist_user_id", "wishlist_items", ["user_id"], unique=False)
    op.create_index("idx_wishlist_user_priority", "wishlist_items", ["user_id", "priority"], unique=False)
    op.create_index("idx_wishlist_user_sort", "wishlist_items", ["user_id", "sort_order"], unique=False)
    op.create_index("idx_wishlist_user_store", "wishlist_items", ["user_id", "store"], unique=False)
    op.create_index(
        "idx_wishlist_user_store_priority", "wishlist_items", ["user_id", "store", "priority"], unique=False
    )


def downgrade() -> None:
    op.drop_index("idx_wishlist_user_store_priority", table_name="wishlist_items")
    op.drop_index("idx_wishlist_user_store", table_name="wishlist_items")
    op.drop_index("idx_wishlist_user_sort", table_name="wishlist_items")
    op.drop_index("idx_wishlist_user_priority", table_name="wishlist_items")
    op.drop_index("idx_wishlist_user_id", table_name="wishlist_items")
    op.drop_table("wishlist_items")
    sa.Enum("LEGO", "Barweer", "Cata", "BrickLink", "Other", name="wishlist_store").drop(op.get_bind())
    sa.Enum("USD", "EUR", "GBP", "CAD", "AUD", name="wishlist_currency").drop(op.get_bind())


def verify(connection: sa.Connection) -> None:
    """What the new table must accept and must refuse; whatever is written here is rolled back."""
    from wish_rollout.revisions.behaviour import refused

    insert = sa.text(
        "INSERT INTO wishlist_items (user_id, title, store) VALUES ('u', 't', 'LEGO') RETURNING *"
    )
    row = connection.execute(insert).mappings().one()
    found = {name: row[name] for name in ("currency", "tags", "priority", "sort_order")}
    assert found == {"currency": "USD", "tags": [], "priority": 0, "sort_order": 0}, f"defaults are {found}"
    assert row["id"] is not None
    assert row["created_at"] is not None
    with refused(connection, "23514"):  # check_violation
        connection.execute(sa.text("UPDATE wishlist_items SET priority = 10"))
    with refused(connection, "22P02"):  # invalid_text_representation: no label of the enum
        connection.execute(sa.text("UPDATE wishlist_items SET store = 'Amazon'"))
    with refused(connection, "23502"):  # not_null_violation
        connection.execute(sa.text("UPDATE wishlist_items SET title = NULL"))
