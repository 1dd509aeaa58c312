"""A column of another type, which writes the table anew; views on views."""
from alembic import op
import sqlalchemy as sa

revision, down_revision = "m5", "m4"


def upgrade():
    op.alter_column("payment", "amount", type_=sa.Numeric(14, 4), postgresql_using="amount * 1.0000")
    op.alter_column("product", "description", new_column_name="details")
    op.execute("CREATE VIEW open_orders AS SELECT id, number, tenant FROM orders WHERE status = 'new'")
    op.execute("CREATE VIEW open_per_tenant AS SELECT tenant, count(*) FROM open_orders GROUP BY tenant")
