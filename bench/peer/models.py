"""The schema of the benchmark as SQLAlchemy models, for which ``alembic check`` finds no difference."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB


def declare(tables: int) -> sa.MetaData:
    """Return the metadata of ``tables`` tables, equal to the SQL of ``bench.engine.schema``."""
    metadata = sa.MetaData()
    kinds = [sa.Enum("a", "b", "c", name=f"e{n}", metadata=metadata) for n in range(20)]
    for n in range(tables):
        table = sa.Table(
            f"t{n}",
            metadata,
            sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
            sa.Column("parent", sa.BigInteger, sa.ForeignKey(f"t{n // 2}.id", name=f"parent{n}")),
            sa.Column("kind", kinds[n % 20], nullable=False, server_default="a"),
            sa.Column("c0", sa.Text),
            sa.Column("c1", sa.Text, nullable=False),
            sa.Column("c2", sa.Integer, nullable=False, server_default="0"),
            sa.Column("c3", sa.Numeric(10, 2)),
            sa.Column("c4", sa.TIMESTAMP(timezone=True), server_default=sa.func.now()),
            sa.Column("c5", sa.Boolean),
            sa.Column("c6", JSONB),
            sa.Column("c7", sa.String(40)),
            sa.Column("c8", sa.Date),
            sa.CheckConstraint("c2 >= 0", name=f"check{n}"),
        )
        sa.Index(f"i{n}a", table.c.c0)
        sa.Index(f"i{n}b", table.c.kind, table.c.c2.desc())
        sa.Index(f"i{n}c", table.c.parent, unique=True, postgresql_where=table.c.c5)
    return metadata
