#!/usr/bin/python3
"""An application on a server that backs itself up: clients through an ORM, migrations and monthly jobs among them.

    run.py [--seconds N] [--clients N]

Asserts that no full but the first was needed, and that the database as it was after each phase comes back. Ends with
"N passed, N failed", and says how many bytes of backup came of each byte of WAL."""
import argparse
import datetime
import os
import random
import shutil
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "fidelity")]

from alembic import command  # noqa: E402
from alembic.config import Config  # noqa: E402
from sqlalchemy import create_engine, func, text  # noqa: E402
from sqlalchemy.exc import DBAPIError, OperationalError  # noqa: E402
from sqlalchemy.orm import Session  # noqa: E402

from models import Customer, Item, Order, Payment, Product, Stock  # noqa: E402
from server import Server  # noqa: E402

SETTINGS = """
lpbm.trigger_cron = '* * * * * *'
lpbm.full_backup_cron = 'never'
max_connections = 40
"""
PHASES = (("m2", "m3"), ("m4",), ("m5", "m6"))
results = {True: 0, False: 0}


def check(good, what):
    results[bool(good)] += 1
    print(("ok      " if good else "FAILED  ") + what, flush=True)


# ---- what clients do ------------------------------------------------------------------------------------------------


def new_customer(session, rng, tenant):
    session.add(Customer(tenant=tenant, name=rng.choice(["Ada", "Bö", "O'Neil", "名前"]), email=None,
                         profile={"city": rng.choice(["Ulm", "Kyōto", 'A "B"\\']), "n": rng.random()}))


def new_order(session, rng, tenant):
    customer = session.query(Customer).filter_by(tenant=tenant, deleted_at=None).order_by(func.random()).first()
    if customer is None:
        new_customer(session, rng, tenant)
        return
    order = Order(tenant=tenant, customer_id=customer.id, extra={"ip": rng.random()} if rng.random() < 0.5 else None)
    for position, product in enumerate(rng.sample(range(1, 41), rng.randint(1, 4))):
        stock = session.query(Stock).filter_by(product_id=product).with_for_update().one()
        stock.quantity -= rng.randint(1, 3)
        order.items.append(Item(position=position, product_id=product, quantity=rng.randint(1, 9),
                                price=session.get(Product, product).price))
    session.add(order)


def some_order(session, *status):
    return session.query(Order).filter(Order.status.in_(status)).order_by(func.random()).first()


def pay(session, rng, tenant):
    order = some_order(session, "new")
    if order is None:
        return
    session.add(Payment(order_id=order.id, amount=sum(item.total for item in order.items) / 100,
                        reference=rng.choice([None, "r-%d" % rng.randint(1, 99)])))
    order.status = "paid"


def change(session, rng, tenant):
    order = some_order(session, "paid", "shipped", "new")
    if order is not None:
        order.status = rng.choice(["shipped", "cancelled"])
        order.extra = {**(order.extra or {}), "at": time.time()}


def delete(session, rng, tenant):
    order = some_order(session, "cancelled")
    if order is not None:
        session.delete(order)
    customer = session.query(Customer).filter_by(tenant=tenant).order_by(func.random()).first()
    if customer is not None:
        customer.deleted_at = func.now()


def restock(session, rng, tenant):
    session.query(Stock).filter(Stock.quantity < 20).update({Stock.quantity: Stock.quantity + 100})
    product = session.get(Product, rng.randint(1, 40))
    product.tags = product.tags + [rng.choice(["new", "sale", "a,b", ""])] if len(product.tags) < 5 else []
    product.price += 1


def fail(session, rng, tenant):
    new_order(session, rng, tenant)
    session.flush()
    session.execute(text("SELECT 1 / 0"))


STEPS = ((new_customer, 1), (new_order, 5), (pay, 3), (change, 3), (delete, 1), (restock, 1), (fail, 1))
LEVELS = ("READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE")


class Client(threading.Thread):
    def __init__(self, engine, number, stop):
        super().__init__(daemon=True)
        self.engine, self.stop_, self.rng = engine, stop, random.Random(number)
        self.done = self.retried = 0
        self.error = None

    def run(self):
        try:
            while not self.stop_.is_set():
                self.step()
        except Exception as error:  # the main thread tells of it
            self.error = error

    def step(self):
        tenant = self.rng.randint(1, 3)
        engine = self.engine.execution_options(isolation_level=self.rng.choice(LEVELS))
        action = self.rng.choices([s for s, _ in STEPS], [w for _, w in STEPS])[0]
        with Session(engine) as session:
            try:
                session.execute(text("SELECT set_config('shop.tenant', :t, true)"), {"t": str(tenant)})
                action(session, self.rng, tenant)
                session.commit()
                self.done += 1
            except DBAPIError as error:
                session.rollback()
                # Serialization, deadlock, a constraint, a division by zero, a plan from before a migration.
                if (error.orig.pgcode or "")[:2] not in ("40", "23", "22", "0A"):
                    raise
                self.retried += 1


# ---- the scene ------------------------------------------------------------------------------------------------------


class Scene:
    def __init__(self, options):
        self.options = options
        self.root = tempfile.mkdtemp(prefix="lpbm-application-")
        self.server = Server(self.root, options.bindir, options.port)
        self.server.create(SETTINGS + options.settings)
        self.server.start()
        self.server.sql("CREATE EXTENSION lpbm")
        self.server.sql("CREATE ROLE shop_app LOGIN")
        self.config = Config()
        self.config.set_main_option("script_location", os.path.join(HERE, "migrations"))
        self.config.set_main_option("sqlalchemy.url", self.url("postgres"))
        self.moments = []

    def url(self, user):
        return "postgresql+psycopg2://%s@/postgres?host=%s&port=%d" % (user, self.root, self.server.port)

    def begin(self):
        command.upgrade(self.config, "m1")
        with Session(create_engine(self.url("postgres"))) as session:
            for number in range(1, 41):
                session.add(Product(sku="SKU-%d" % number, price=number * 7, tags=[], description="x" * number * 50))
            session.flush()
            session.add_all(Stock(product_id=number, quantity=500) for number in range(1, 41))
            session.commit()
        # What came before the first full may be in it or in a delta.
        self.server.sql("SELECT lpbm_full_backup()")
        self.fulls = self.full_count()
        self.lsn = self.server.sql("SELECT pg_current_wal_insert_lsn()")[0][0]

    def full_count(self):
        return self.server.sql("SELECT count(*) FROM lpbm_entries WHERE kind = 'full'")[0][0]

    def migrate(self, revision):
        """Again after a deadlock with the clients, as who deploys does."""
        for _ in range(20):
            try:
                return command.upgrade(self.config, revision)
            except OperationalError as error:
                if error.orig.pgcode != "40P01":
                    raise
        raise RuntimeError("migration %s meets a deadlock each time" % revision)

    def monthly_job(self, months):
        first = datetime.date.today().replace(day=1) + datetime.timedelta(days=70 + 31 * months)
        self.server.sql("SELECT make_partition(date_trunc('month', date '%s')::date)" % first)
        self.server.sql("REFRESH MATERIALIZED VIEW CONCURRENTLY sales")

    def phase(self, number, migrations):
        stop = threading.Event()
        engine = create_engine(self.url("shop_app"), pool_size=self.options.clients)
        clients = [Client(engine, number * 100 + i, stop) for i in range(self.options.clients)]
        for client in clients:
            client.start()
        self.wait_for_work(clients, 1)
        for migration in migrations:
            self.migrate(migration)
            self.monthly_job(number)
            self.wait_for_work(clients, self.options.seconds / len(migrations))
        stop.set()
        for client in clients:
            client.join()
        engine.dispose()
        errors = [str(client.error) for client in clients if client.error]
        check(not errors, "phase %d with %s: %d transactions, %d failed as they may %s" % (
            number, ", ".join(migrations), sum(c.done for c in clients), sum(c.retried for c in clients), errors or ""))
        self.server.sql("SELECT lpbm_delta()")
        self.moments.append((self.server.sql("SELECT max(entry) FROM lpbm_entries")[0][0], self.server.dump("postgres")))

    @staticmethod
    def wait_for_work(clients, seconds):
        """The load is what is asked for; that it was done is asserted by what clients count."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and all(client.is_alive() for client in clients):
            clients[0].join(0.1)

    def judge(self):
        reasons = self.server.sql("SELECT reason FROM lpbm_entries WHERE kind = 'full' ORDER BY entry OFFSET %d" % self.fulls)
        check(not reasons, "no full beyond the first %s" % (reasons or ""))
        stored, bytes_, rows = self.server.sql(
            "SELECT sum(stored_bytes), sum(bytes), sum(rows) FROM lpbm_entries WHERE kind = 'delta'")[0]
        wal = self.server.sql("SELECT pg_current_wal_insert_lsn() - '%s'::pg_lsn" % self.lsn)[0][0]
        check(rows > 0, "deltas hold %s rows: %s bytes, stored as %s, of %s bytes of WAL (%.3f)" % (
            rows, bytes_, stored, wal, float(stored) / float(wal)))
        for number, (entry, dump) in enumerate(self.moments, 1):
            database = "restored_%d" % number
            self.server.restore(database, "--entry", str(entry))
            check(self.server.dump(database) == dump, "phase %d comes back by entry %d" % (number, entry))

    def close(self, keep):
        self.server.stop("immediate")
        if keep:
            print("kept: " + self.root)
        else:
            shutil.rmtree(self.root)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=8, help="of each of the three phases")
    parser.add_argument("--clients", type=int, default=6)
    parser.add_argument("--bindir", default="/usr/lib/postgresql/15/bin")
    parser.add_argument("--port", type=int, default=54393)
    parser.add_argument("--settings", default="", help="lines for postgresql.conf")
    scene = Scene(parser.parse_args())
    try:
        scene.begin()
        for number, migrations in enumerate(PHASES, 1):
            scene.phase(number, migrations)
        scene.judge()
    except BaseException:
        results[False] += 1
        raise
    finally:
        scene.close(results[False] > 0)
    print("%d passed, %d failed" % (results[True], results[False]))
    return 1 if results[False] else 0


if __name__ == "__main__":
    sys.exit(main())
