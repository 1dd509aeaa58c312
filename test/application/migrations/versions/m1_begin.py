"""The schema as the models have it."""
from alembic import op
import models

revision, down_revision = "m1", None


def upgrade():
    op.execute(models.BEFORE)
    models.Base.metadata.create_all(op.get_bind())
    op.execute(models.AFTER)
