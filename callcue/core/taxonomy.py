"""What calls are about: a tree of types and sub-types, read from a TOML file.

The record takes ids of this tree and no free text. Roots are the types (``issue_type``), everything below them the
sub-types (``issue_subtype``).
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from callcue.core.errors import BadInput

ISSUE_TYPE = "issue_type"
ISSUE_SUBTYPE = "issue_subtype"

MAX_NODES = 2000
MAX_DEPTH = 5
"""Levels, roots included."""
MAX_NAME = 64
"""Characters of an id or a name."""
_MAX_BYTES = 1_000_000
_KEYS = frozenset({"id", "parent", "zh", "en"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A type or a sub-type."""

    id: str
    """What the record and the training rows hold."""
    parent: str | None
    """None: a type."""
    zh: str
    en: str
    """Names for people."""


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """A checked tree. Order is that of the file."""

    nodes: tuple[Node, ...]
    other: str
    """The type of everything that no other type takes."""

    @property
    def types(self) -> tuple[str, ...]:
        """Ids of the roots."""
        return tuple(node.id for node in self.nodes if node.parent is None)

    @property
    def subtypes(self) -> tuple[str, ...]:
        """Ids of everything below a root."""
        return tuple(node.id for node in self.nodes if node.parent is not None)

    def path(self, name: str) -> tuple[Node, ...]:
        """From the root down to ``name``. Raises BadInput for an unknown one."""
        known = {node.id: node for node in self.nodes}
        found: list[Node] = []
        at: str | None = name
        while at is not None:
            node = known.get(at)
            if node is None:
                raise BadInput(f"the taxonomy has no {at!r}; it has {_few(tuple(known))}")
            found.append(node)
            at = node.parent
        return tuple(reversed(found))

    def type_of(self, name: str) -> str:
        """The root above ``name``, or itself. Raises BadInput for an unknown one."""
        return self.path(name)[0].id

    def under(self, type_: str) -> tuple[str, ...]:
        """The sub-types of a type, at every depth."""
        return tuple(name for name in self.subtypes if self.type_of(name) == type_)

    def choices(self) -> Mapping[str, tuple[str, ...]]:
        """What the record's two fields take."""
        return {ISSUE_TYPE: self.types, ISSUE_SUBTYPE: self.subtypes}


@cache
def default_taxonomy() -> Taxonomy:
    """The one that comes with CallCue."""
    return read_taxonomy(Path(__file__).with_name("taxonomy.toml"))


def read_taxonomy(path: Path) -> Taxonomy:
    """The tree in a file. Raises BadInput that says what is wrong with it."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise BadInput(f"{path} is larger than a taxonomy may be ({_MAX_BYTES} bytes)")
        held = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInput(f"the taxonomy {path} cannot be read: {error}") from error
    try:
        return parse_taxonomy(held)
    except BadInput as error:
        raise BadInput(f"{path}: {error.message}") from error


def parse_taxonomy(held: Mapping[str, Any]) -> Taxonomy:
    """The tree of ``{"other": id, "node": [{"id", "parent", "zh", "en"}]}``. Raises BadInput."""
    unknown = sorted(set(held) - {"other", "node"})
    rows = held.get("node")
    if unknown or not isinstance(rows, list) or not 2 <= len(rows) <= MAX_NODES:
        raise BadInput(
            f"a taxonomy has no {unknown[0]!r}; it takes `other` and [[node]]"
            if unknown
            else f"a taxonomy needs 2 to {MAX_NODES} [[node]]"
        )
    nodes = tuple(_node(row, number) for number, row in enumerate(rows, 1))
    _check_tree(nodes)
    types = [node.id for node in nodes if node.parent is None]
    if len(types) < 2:
        raise BadInput("a taxonomy needs at least two nodes without a parent: they are the types")
    other = held.get("other")
    if other not in types:
        raise BadInput(f"`other` must be one of the types: {_few(tuple(types))}")
    return Taxonomy(nodes, str(other))


def _node(row: object, number: int) -> Node:
    if not isinstance(row, Mapping):
        raise BadInput(f"node {number} is not a table")
    unknown = sorted(set(row) - _KEYS)
    if unknown:
        raise BadInput(f"node {number} has an unknown {unknown[0]!r}; it takes {', '.join(sorted(_KEYS))}")
    for key in ("id", "parent", "zh", "en"):
        value = row.get(key)
        if value is None and key != "id":
            continue
        if not isinstance(value, str) or not value.strip() or len(value) > MAX_NAME or not value.isprintable():
            raise BadInput(f"node {number}: {key!r} must be a text of 1 to {MAX_NAME} printable characters")
    name = str(row["id"])
    return Node(id=name, parent=row.get("parent"), zh=row.get("zh") or name, en=row.get("en") or name)


def _check_tree(nodes: tuple[Node, ...]) -> None:
    parents = {node.id: node.parent for node in nodes}
    if len(parents) < len(nodes):
        twice = next(node.id for node in nodes if sum(other.id == node.id for other in nodes) > 1)
        raise BadInput(f"the id {twice!r} is there twice")
    for node in nodes:
        at, depth = node.parent, 1
        while at is not None:
            if at not in parents:
                raise BadInput(f"{node.id!r} is under {at!r}, which is no node")
            at, depth = parents[at], depth + 1
            if depth > MAX_DEPTH:
                raise BadInput(f"{node.id!r} lies deeper than {MAX_DEPTH} levels, or under itself")


def _few(names: tuple[str, ...]) -> str:
    return ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
