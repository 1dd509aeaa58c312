"""A value of an enum, which may be used only after the commit, and an index that locks nobody out."""
from alembic import op

revision, down_revision = "m3", "m2"


def upgrade():
    with op.get_context().autocommit_block():
        op.execute("ALTER TYPE order_status ADD VALUE IF NOT EXISTS 'returned' AFTER 'shipped'")
        op.execute("CREATE INDEX CONCURRENTLY IF NOT EXISTS item_product ON item (product_id)")
    op.execute("UPDATE orders SET status = 'returned' WHERE status = 'cancelled' AND number % 2 = 0")
