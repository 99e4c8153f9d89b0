"""Databases for tests: a SQLite file, and a PostgreSQL server where one is named.

``CALLCUE_TEST_POSTGRES`` names the server, as ``postgresql://user@host:port/database``; the user has to be allowed to
make databases. Each test gets one of its own, which is removed after it. The driver comes with the extra ``postgres``.
"""

import importlib.util
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from callcue.infra.database import Database

VARIABLE = "CALLCUE_TEST_POSTGRES"


def why_no_postgres() -> str:
    """Why there is no PostgreSQL to test on; empty: there is one."""
    if not os.environ.get(VARIABLE):
        return f"{VARIABLE} names no PostgreSQL server"
    if importlib.util.find_spec("psycopg") is None:
        return f"{VARIABLE} is set, but psycopg is not installed (the extra 'postgres')"
    return ""


KINDS = ("sqlite",) if why_no_postgres() else ("sqlite", "postgresql")
"""What a test that runs on every database is run on."""


@asynccontextmanager
async def empty_database(kind: str, folder: Path) -> AsyncIterator[Database]:
    """A database without a schema."""
    if kind == "sqlite":
        database = Database(f"sqlite:///{folder / 'callcue.sqlite3'}")
        try:
            yield database
        finally:
            await database.close()
        return
    server = make_url(os.environ[VARIABLE]).set(drivername="postgresql+psycopg")
    name = f"callcue_{uuid.uuid4().hex}"
    admin = create_async_engine(server, isolation_level="AUTOCOMMIT")
    async with admin.connect() as connection:
        await connection.execute(text(f"CREATE DATABASE {name}"))
    database = Database(server.set(database=name).render_as_string(hide_password=False))
    try:
        yield database
    finally:
        await database.close()
        async with admin.connect() as connection:
            await connection.execute(text(f"DROP DATABASE {name}"))
        await admin.dispose()
