"""The schema of a shop as an application would have it, for SQLAlchemy: orders, items, stock, payments, an audit by
triggers, soft deletes, documents, arrays, enums, keys of random UUIDs, partitions by month."""
import uuid

from sqlalchemy import (CheckConstraint, Column, Computed, DateTime, Enum, ForeignKey, Integer, Numeric, String, Text,
                        func)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID
from sqlalchemy.orm import declarative_base, deferred, relationship

Base = declarative_base()
STATUS = ("new", "paid", "shipped", "cancelled")


def key():
    return Column(UUID(as_uuid=True), primary_key=True, default=uuid.uuid4, server_default=func.gen_random_uuid())


class Customer(Base):
    __tablename__ = "customer"
    id = key()
    tenant = Column(Integer, nullable=False)
    name = Column(Text, nullable=False)
    email = Column(Text, unique=True)
    profile = Column(JSONB, nullable=False, server_default="{}")
    deleted_at = Column(DateTime(timezone=True))


class Product(Base):
    __tablename__ = "product"
    id = Column(Integer, primary_key=True)
    sku = Column(String(40), nullable=False, unique=True)
    tags = Column(ARRAY(Text), nullable=False, server_default="{}")
    price = Column(Integer, CheckConstraint("price > 0"), nullable=False)
    description = deferred(Column(Text))  # a migration renames it under the running clients


class Stock(Base):
    __tablename__ = "stock"
    product_id = Column(ForeignKey("product.id", ondelete="CASCADE"), primary_key=True)
    quantity = Column(Integer, CheckConstraint("quantity >= 0"), nullable=False)
    updated_at = Column(DateTime(timezone=True), server_default=func.clock_timestamp(), onupdate=func.clock_timestamp())


class Order(Base):
    __tablename__ = "orders"
    id = key()
    number = Column(Integer, nullable=False, unique=True, server_default=func.nextval("order_number"))
    tenant = Column(Integer, nullable=False)
    customer_id = Column(ForeignKey("customer.id"), nullable=False)
    status = Column(Enum(*STATUS, name="order_status"), nullable=False, server_default="new")
    placed_at = Column(DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp())
    extra = Column(JSONB)
    # Another client may have deleted it meanwhile.
    __mapper_args__ = {"confirm_deleted_rows": False}
    items = relationship("Item", cascade="all, delete-orphan")


class Item(Base):
    __tablename__ = "item"
    order_id = Column(ForeignKey("orders.id", ondelete="CASCADE"), primary_key=True)
    position = Column(Integer, primary_key=True)
    product_id = Column(ForeignKey("product.id"), nullable=False)
    quantity = Column(Integer, nullable=False)
    price = Column(Integer, nullable=False)
    total = Column(Integer, Computed("quantity * price", persisted=True))
    __mapper_args__ = {"confirm_deleted_rows": False}


class Payment(Base):
    __tablename__ = "payment"
    id = key()
    order_id = Column(ForeignKey("orders.id", ondelete="CASCADE"), nullable=False)
    amount = Column(Numeric(12, 2), nullable=False)
    reference = Column(Text)
    paid_at = Column(DateTime(timezone=True), server_default=func.now())


# What a model does not say: the sequence of numbers, the audit with its partitions, the totals, who sees what.
BEFORE = "CREATE SEQUENCE order_number START 1000 CACHE 5"
AFTER = """
CREATE TABLE audit (id bigint GENERATED ALWAYS AS IDENTITY, at timestamptz NOT NULL DEFAULT clock_timestamp(),
  who text NOT NULL DEFAULT current_user, relation regclass NOT NULL, action text NOT NULL, before jsonb, after jsonb,
  PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE audit_rest PARTITION OF audit DEFAULT;
CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  INSERT INTO audit (relation, action, before, after) VALUES (TG_RELID, TG_OP,
    CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(old) END, CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(new) END);
  RETURN NULL;
END $$;
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON orders FOR EACH ROW EXECUTE FUNCTION audit();
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON payment FOR EACH ROW EXECUTE FUNCTION audit();
CREATE FUNCTION make_partition(month date) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE TABLE IF NOT EXISTS %I PARTITION OF audit FOR VALUES FROM (%L) TO (%L)',
    to_char(month, '"audit_"YYYY_MM'), month, month + interval '1 month');
END $$;
CREATE MATERIALIZED VIEW sales AS
  SELECT product_id, count(*) AS orders, sum(total) AS turnover FROM item GROUP BY product_id;
CREATE UNIQUE INDEX ON sales (product_id);
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON orders USING (tenant = current_setting('shop.tenant')::int);
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO shop_app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO shop_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO shop_app;
"""
