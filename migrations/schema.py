"""The models: the schema that the revisions must lead to."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ENUM, JSONB, UUID

metadata = sa.MetaData()

wishlist_store = ENUM(
    "LEGO", "Barweer", "Cata", "BrickLink", "Other", name="wishlist_store", metadata=metadata
)
wishlist_currency = ENUM("USD", "EUR", "GBP", "CAD", "AUD", name="wishlist_currency", metadata=metadata)

wishlist_items = sa.Table(
    "wishlist_items",
    metadata,
    sa.Column("id", UUID(as_uuid=True), primary_key=True, server_default=sa.func.gen_random_uuid()),
    sa.Column("user_id", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("store", wishlist_store, nullable=False),
    sa.Column("set_number", sa.Text),
    sa.Column("source_url", sa.Text),
    sa.Column("image_url", sa.Text),
    sa.Column("price", sa.Text),  # text keeps the price as written, "199.99"
    sa.Column("currency", wishlist_currency, server_default="USD"),
    sa.Column("piece_count", sa.Integer),
    sa.Column("release_date", sa.DateTime),
    sa.Column("tags", JSONB, server_default=sa.text("'[]'")),
    sa.Column("priority", sa.Integer, server_default=sa.text("0")),
    sa.Column("notes", sa.Text),
    sa.Column("sort_order", sa.Integer, nullable=False, server_default=sa.text("0")),
    sa.Column("created_at", sa.DateTime, nullable=False, server_default=sa.func.now()),
    sa.Column("updated_at", sa.DateTime, nullable=False, server_default=sa.func.now()),
    sa.Column("created_by", sa.Text),
    sa.Column("updated_by", sa.Text),
    sa.PrimaryKeyConstraint("id", name="wishlist_items_pkey"),
    sa.CheckConstraint("priority BETWEEN 0 AND 5", name="priority_range_check"),
    sa.Index("idx_wishlist_user_id", "user_id"),
    sa.Index("idx_wishlist_user_sort", "user_id", "sort_order"),
    sa.Index("idx_wishlist_user_store", "user_id", "store"),
    sa.Index("idx_wishlist_user_priority", "user_id", "priority"),
    sa.Index("idx_wishlist_user_store_priority", "user_id", "store", "priority"),
)
