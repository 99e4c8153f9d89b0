"""The database: connections, transactions, migrations. SQLite for one machine, PostgreSQL where it grows.

SQLite runs in WAL with ``synchronous=FULL``: what was committed survives the process and the power cut. WAL is a
property of the file. ``migrate`` turns it on, and tries again where another process is doing the same: the busy timeout
does not cover that change (https://sqlite.org/wal.html). Writing transactions begin with the lock
(``BEGIN IMMEDIATE``), since one that starts by reading and then writes can fail at once, whatever the busy timeout
(https://sqlite.org/lang_transaction.html), and they queue in this process for fairness.
"""

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import nullcontext
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, event, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from callcue.core.errors import BadInput, MissingExtra, StorageFailed
from callcue.infra.codec import dump_json

BUSY_TIMEOUT_MS = 10_000
_WAL_RETRY_S = 0.05
_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+psycopg"}
_BEGIN = "callcue_begin"
_MIGRATION_LOCK = 0x63616C6C637565  # "callcue", for PostgreSQL's advisory lock

T = TypeVar("T")
Work = Callable[[AsyncSession], Awaitable[T]]


class Database:
    """One database, by its SQLAlchemy URL. Nothing is opened before it is used; work once begun is finished."""

    def __init__(self, url: str) -> None:
        self._url = _checked(url)
        self._sqlite = self._url.get_backend_name() == "sqlite"
        self._engine = self._make_engine()
        self._running: set[asyncio.Task[Any]] = set()
        self._writing: asyncio.Lock | None = asyncio.Lock() if self._sqlite else None
        self.sessions: async_sessionmaker[AsyncSession] = async_sessionmaker(self._engine, expire_on_commit=False)

    async def read(self, what: str, work: Work[T]) -> T:
        """The result of ``work``, which sees one state of the database. ``what`` completes "could not" in errors."""
        return await self._finish(self._read(what, work))

    async def write(self, what: str, work: Work[T]) -> T:
        """The result of ``work``, done in one transaction: committed at its end, undone when it raises.

        An IntegrityError comes through as it is: a conflict with another writer, for the caller to judge.
        """
        return await self._finish(self._write(what, work))

    async def migrate(self, revision: str = "head") -> None:
        """Bring the schema to ``revision``, up or down; several processes may do it at once. Makes SQLite's folder.

        On the way down rows that the event log does not hold are set aside (``set_aside``), but for ``base``, which
        empties the database. Raises BadInput for a revision that there is not.
        """
        if self._sqlite and self._url.database:
            path = Path(self._url.database)
            _make_folder(path.parent)
            with _translated("turn on its write-ahead log"):
                await asyncio.to_thread(_turn_on_wal, path)
        await self._finish(self._migrate(revision))

    async def revision(self) -> str | None:
        """The revision of the schema; None where there is none yet."""
        with _translated("read the revision of its schema"):
            async with self._engine.connect() as connection:
                return await connection.run_sync(_revision)

    async def close(self) -> None:
        """Let what was begun end, then close every connection."""
        while self._running:
            await asyncio.wait(tuple(self._running))
        await self._engine.dispose()

    async def _finish(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Await it in a task of its own, which goes on when the caller is cancelled.

        A statement that is cancelled half-way leaves its connection behind with whatever it had locked, and every
        request whose client hangs up is cancelled somewhere.
        """
        task = asyncio.create_task(coroutine)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def _read(self, what: str, work: Work[T]) -> T:
        with _translated(what):
            async with self.sessions() as session:
                return await work(session)

    async def _write(self, what: str, work: Work[T]) -> T:
        with _translated(what):
            async with self._writing or nullcontext(), self.sessions() as session:
                await session.connection(execution_options={_BEGIN: "IMMEDIATE"})
                result = await work(session)
                await session.commit()
                return result

    async def _migrate(self, revision: str) -> None:
        with _translated("bring the database's schema up to date"):
            async with self._engine.connect() as connection:
                await connection.execution_options(**{_BEGIN: "IMMEDIATE"})
                async with connection.begin():
                    await connection.run_sync(_migrate, revision)

    @property
    def engine(self) -> AsyncEngine:
        """The engine, for tests and tools."""
        return self._engine

    def _make_engine(self) -> AsyncEngine:
        arguments: dict[str, Any] = {} if self._sqlite else {"pool_pre_ping": True}
        try:
            # parameters are hidden: they hold what people said, and errors end up in logs
            engine = create_async_engine(self._url, hide_parameters=True, json_serializer=dump_json, **arguments)
        except ModuleNotFoundError as error:
            raise MissingExtra(f"The database driver {self._url.drivername}", "postgres") from error
        if self._sqlite:
            event.listen(engine.sync_engine, "connect", _on_sqlite_connect)
            event.listen(engine.sync_engine, "begin", _on_sqlite_begin)
        return engine


def _checked(text_url: str) -> URL:
    try:
        url = make_url(text_url)
    except ArgumentError as error:
        raise BadInput(
            "database.url is not an SQLAlchemy URL such as sqlite+aiosqlite:///folder/file.sqlite3"
        ) from error
    url = url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))
    if url.drivername not in _DRIVERS.values():
        known = ", ".join(_DRIVERS.values())
        raise BadInput(f"database.url names the driver {url.drivername!r}; CallCue runs on {known}")
    if url.get_backend_name() == "sqlite" and url.database in {None, "", ":memory:"}:
        raise BadInput("database.url names no file: a database in memory would lose every call at a restart")
    return url


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # calls are personal data
    except OSError as error:
        raise StorageFailed(
            f"The folder {folder} for the database cannot be made ({error.strerror}). Nothing was changed; "
            "make it, or name another one in data_dir"
        ) from error


def _turn_on_wal(path: Path) -> None:
    """Nothing happens where it is on already. Raises sqlite3.Error."""
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        while True:
            try:
                connection.execute("PRAGMA journal_mode=WAL")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                    raise
                if time.monotonic() > deadline:
                    raise
            time.sleep(_WAL_RETRY_S)
    finally:
        connection.close()


class _translated:  # noqa: N801 - reads as a phrase: with _translated("read the call")
    """Turns what a driver raises into StorageFailed."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, SQLAlchemyError | sqlite3.Error | OSError) and not isinstance(error, IntegrityError):
            raise StorageFailed(
                f"The database could not {self._what} ({_reason(error)}). Nothing was changed and nothing was "
                "announced; check that it can be reached, that the disk has room and that CallCue may write there"
            ) from error


def _reason(error: BaseException) -> str:
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    lines = str(cause).splitlines()  # PostgreSQL's further lines quote the row
    return f"{type(cause).__name__}: {lines[0][:200]}" if lines else type(cause).__name__


def _on_sqlite_connect(connection: Any, record: object) -> None:
    connection.isolation_level = None  # the driver would begin only before the first write, and not before DDL
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _on_sqlite_begin(connection: Connection) -> None:
    mode = connection.get_execution_options().get(_BEGIN, "DEFERRED")
    connection.exec_driver_sql(f"BEGIN {mode}")


def _migrate(connection: Connection, revision: str) -> None:
    from alembic import command
    from alembic.config import Config

    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
    config = Config()
    folder = Path(__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.attributes["connection"] = connection
    if _lies_below(connection, config, revision):
        command.downgrade(config, revision)
    else:
        command.upgrade(config, revision)


def _lies_below(connection: Connection, config: Any, revision: str) -> bool:
    """Whether the schema is beyond ``revision``. Raises BadInput for one that there is not."""
    from alembic.script import ScriptDirectory

    order = [step.revision for step in ScriptDirectory.from_config(config).walk_revisions()]  # newest first
    if revision == "base" or revision.startswith("-"):
        return True
    if revision != "head" and revision not in order:
        raise BadInput(f"there is no revision {revision[:40]!r} of the schema; there are {', '.join(reversed(order))}")
    present = _revision(connection)
    if present is not None and present not in order:
        raise BadInput(
            f"the database's schema is at revision {present[:40]!r}, which this CallCue does not know: a newer one "
            f"made it. Nothing was changed; start that one, or have it say `callcue schema --to {order[0]}` first"
        )
    return revision in order and present in order and order.index(revision) > order.index(present)


def _revision(connection: Connection) -> str | None:
    from alembic.migration import MigrationContext

    return MigrationContext.configure(connection).get_current_revision()
