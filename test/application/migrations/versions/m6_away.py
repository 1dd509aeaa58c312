"""What is no longer needed goes, and the audit is rewritten as a function of another body."""
from alembic import op

revision, down_revision = "m6", "m5"


def upgrade():
    op.drop_column("customer", "token")
    op.execute("""
CREATE OR REPLACE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND to_jsonb(old) = to_jsonb(new) THEN RETURN NULL; END IF;
  INSERT INTO audit (relation, action, before, after) VALUES (TG_RELID, lower(TG_OP),
    CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(old) END, CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(new) END);
  RETURN NULL;
END $$""")
    op.execute("COMMENT ON TABLE audit IS 'since m6: actions in lower case'")
