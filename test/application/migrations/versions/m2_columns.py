"""A column with a default, and one that is computed anew for each row."""
from alembic import op
import sqlalchemy as sa

revision, down_revision = "m2", "m1"


def upgrade():
    op.add_column("orders", sa.Column("note", sa.Text, nullable=False, server_default=""))
    op.add_column("customer", sa.Column("token", sa.Text, server_default=sa.text("md5(random()::text)")))
