"""What a migration does with rows that nothing else holds when their table goes: they wait in ``kept_<table>`` until
the table is there again.

The event log survives every step down but the last one, and what is read from it is read again on the way up. The rest
(configurations, orders, what other systems told, what people decided) would be lost, so it is copied, and copied back.
The copies have neither keys nor indexes, and an older CallCue does not look at them.
"""

from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from alembic import op

PREFIX = "kept_"


def set_aside(table: str, columns: Sequence[str] = ()) -> None:
    """Copy the table's rows, of ``columns`` alone where some are named, before it is dropped."""
    chosen = ", ".join(map(_quoted, columns)) or "*"
    op.execute(sa.text(f"DROP TABLE IF EXISTS {PREFIX}{table}"))
    op.execute(sa.text(f"CREATE TABLE {PREFIX}{table} AS SELECT {chosen} FROM {table}"))  # noqa: S608 - names of ours


def bring_back(table: str, belongs_to: Mapping[str, str] | None = None) -> None:
    """Copy the rows that were set aside into the new table. ``belongs_to``: column -> the table in which a row of that
    key has to be there still; the rows of what is gone meanwhile stay away."""
    columns = _columns(table)
    if not columns:
        return
    named = ", ".join(map(_quoted, columns))
    alive = " AND ".join(
        f"EXISTS (SELECT 1 FROM {parent} WHERE {parent}.{column} = {PREFIX}{table}.{column})"  # noqa: S608
        for column, parent in (belongs_to or {}).items()
    )
    where = f" WHERE {alive}" if alive else ""
    op.execute(sa.text(f"INSERT INTO {table} ({named}) SELECT {named} FROM {PREFIX}{table}{where}"))  # noqa: S608
    drop_kept(table)


def bring_columns_back(table: str, key: Sequence[str]) -> None:
    """Write the columns that were set aside into the rows of the same ``key``."""
    columns = _columns(table)
    if not columns:
        return
    same = " AND ".join(f"{PREFIX}{table}.{_quoted(name)} = {table}.{_quoted(name)}" for name in key)
    for name in columns:
        if name not in key:
            held = f"SELECT {_quoted(name)} FROM {PREFIX}{table} WHERE {same}"  # noqa: S608
            known = f"EXISTS (SELECT 1 FROM {PREFIX}{table} WHERE {same})"  # noqa: S608
            op.execute(sa.text(f"UPDATE {table} SET {_quoted(name)} = ({held}) WHERE {known}"))  # noqa: S608
    drop_kept(table)


def drop_kept(*tables: str) -> None:
    """Remove what was set aside of these tables."""
    for table in tables:
        op.execute(sa.text(f"DROP TABLE IF EXISTS {PREFIX}{table}"))


def _columns(table: str) -> list[str]:
    """Those that were set aside; none where nothing was."""
    inspector = sa.inspect(op.get_bind())
    if not inspector.has_table(PREFIX + table):
        return []
    return [column["name"] for column in inspector.get_columns(PREFIX + table)]


def _quoted(name: str) -> str:
    return op.get_bind().dialect.identifier_preparer.quote(name)
