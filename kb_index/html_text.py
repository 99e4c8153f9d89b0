"""HTML pages as exported from help centres -> a title and plain blocks of text, without navigation and debris.

What is read is hostile until checked: bytes, elements and depth are bounded, and nothing is ever fetched or run. The
parser is libxml2's (by way of lxml), with its limits on. A browser's way to mend markup (HTML5, adoption agency) was
tried and is no good here: 100,000 unclosed elements took Lexbor a minute, and unclosed formatting multiplies.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from callcue.core.errors import BadInput
from kb_index.html_debris import clean_line, is_around, is_debris
from kb_index.html_decode import decode_page

MAX_PAGE_BYTES = 5_000_000
MAX_ELEMENTS = 200_000
MAX_DEPTH = 256
_ELEMENT = re.compile(
    r"<(?:!doctype\s+html|html|head|body|title|main|article|section|div|p|h[1-6]|ul|ol|li|dl|dt|dd|table|tr|td|th|span"
    r"|br|b|strong|em|i|a|img|pre|blockquote|details|summary|font|center|form|script"
    r"|style|meta|link|nav|header|footer|aside|button|svg|iframe|frameset)\b[^<>]*>",
    re.IGNORECASE,
)
"""What every page has at least one of; a text, a PDF or JSON under the name of a page has none."""
"""Elements inside each other; real pages stay far below 100."""

BlockKind = Literal["heading", "text", "item", "question", "answer"]

_BLOCKS = frozenset(
    [
        "address",
        "article",
        "blockquote",
        "body",
        "center",
        "dd",
        "details",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "html",
        "li",
        "main",
        "ol",
        "p",
        "pre",
        "section",
        "summary",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
        "ul",
    ]
)
_KINDS: dict[str, BlockKind] = {"li": "item", "dt": "question", "summary": "question", "dd": "answer"}
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BOLD = frozenset(("b", "strong"))
_TAG = re.compile(r"<[A-Za-z]")
_MOSTLY_LINKS = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One paragraph, heading or entry of a list."""

    kind: BlockKind
    text: str
    level: int = 0
    """Of a heading, 1 to 6; of a list's entry, how many lists it lies in, from 1."""
    number: int = 0
    """Of an entry in a numbered list, from 1; 0 for others."""
    bold: bool = False
    """All of it is bold: a heading that somebody made by hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What a page says."""

    title: str
    blocks: tuple[Block, ...]


def read_page(data: bytes) -> Page:
    """The text of a page, in simplified characters. Raises BadInput: no page, too large or deep, no known encoding."""
    if len(data) > MAX_PAGE_BYTES:
        raise BadInput(f"has {len(data)} bytes; a page may have {MAX_PAGE_BYTES}")
    text = decode_page(data)
    if text.strip() and not _ELEMENT.search(text):
        raise BadInput("holds no HTML element, so it is no page; cards are read from pages, .jsonl and .csv")
    root = _parse(text)
    if root is None:
        return Page(title="", blocks=())
    title = root.find(".//title")
    heading = _first(_blocks(root), "heading", level=1)
    content = _content_root(root)
    blocks = (tuple(_blocks(content)) if content is not None else ()) or tuple(_blocks(root))
    written = clean_line("".join(title.itertext()) if title is not None else "")
    return Page(title=heading or _without_site(written), blocks=blocks)


def _parse(text: str) -> Any:
    """The root element; None where there is no element at all."""
    from lxml import etree

    parser = etree.HTMLParser(
        encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True, huge_tree=False, recover=True
    )
    elements = len(_TAG.findall(text))
    if elements > MAX_ELEMENTS:
        raise BadInput(f"has {elements} elements; a page may have {MAX_ELEMENTS}, so split it")
    try:
        root = etree.fromstring(text.encode("utf-8", "replace"), parser)
    except etree.ParseError:
        root = None
    if any("depth" in entry.message for entry in parser.error_log):
        raise BadInput("nests elements hundreds deep; this is no page that people wrote")
    if root is not None:
        _check_depth(root)
    return root


def _check_depth(root: Any) -> None:
    depth = 0
    for _, entering in _walk(root):
        depth += 1 if entering else -1
        if depth > MAX_DEPTH:
            raise BadInput(f"nests elements more than {MAX_DEPTH} deep; this is no page that people wrote")


def _walk(root: Any, dropped: Callable[[Any], bool] | None = None) -> Iterator[tuple[Any, bool]]:
    """Every element on entering (True) and on leaving it; what lies in dropped ones is passed over, and they themselves
    are only left. No recursion: the page decides how deep it is."""
    from lxml import etree

    walker = etree.iterwalk(root, events=("start", "end"))
    for event, node in walker:
        if event == "start" and dropped is not None and node is not root and dropped(node):
            walker.skip_subtree()
        else:
            yield node, event == "start"


def _content_root(root: Any) -> Any:
    """The element that says it holds the text, if there is exactly one; else None."""
    for path in (".//main", ".//*[@role='main']", ".//article"):
        found = root.findall(path)
        if len(found) == 1:
            return found[0]
    return None


def _first(blocks: Iterator[Block], kind: BlockKind, level: int) -> str:
    return next((b.text for b in blocks if b.kind == kind and b.level == level), "")


def _without_site(title: str) -> str:
    """``怎么退货 - 帮助中心`` without the name of the site."""
    return re.split(r"\s+[-–—|_]\s+|[|_]", title, maxsplit=1)[0].strip()


def _blocks(root: Any) -> Iterator[Block]:
    """The blocks below ``root`` in order, cleaned; debris and lists of links are left out."""
    flow = _Flow()
    for node, entering in _walk(root, is_around):
        if entering or not is_around(node):
            yield from flow.take(node, entering=entering)
        if not entering and node is not root:
            flow.add(node.tail or "")
    yield from flow.flush()


class _Flow:
    """Gathers inline text into blocks."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._linked = self._bolded = 0
        self._links = self._bolds = self._pres = 0
        self._kinds: list[tuple[str, BlockKind, int]] = []
        """Open elements that say what their text is: tag, kind, level."""
        self._lists: list[tuple[bool, int]] = []
        """Open lists: numbered or not, entries so far."""
        self._cells: list[list[Block]] = []
        """Open rows of tables."""

    def take(self, node: Any, *, entering: bool) -> Iterator[Block]:
        """One step of the walk."""
        tag: str = node.tag
        step = 1 if entering else -1
        self._links += step * (tag == "a")
        self._bolds += step * (tag in _BOLD)
        if tag in _BLOCKS:
            yield from self._edge(tag, entering=entering)
            self._pres += step * (tag == "pre")
        if entering:
            self.add("\n" if tag == "br" else node.text or "", literally=tag == "br")

    def flush(self) -> Iterator[Block]:
        """End the block that is being gathered."""
        written = "".join(self._text)
        size = len(re.sub(r"\s", "", written))
        linked, bolded = self._linked, self._bolded
        self._text, self._linked, self._bolded = [], 0, 0
        _tag, kind, level = self._kinds[-1] if self._kinds else ("", "text", 0)
        numbered, nth = self._lists[-1] if self._lists and kind == "item" else (False, 0)
        if not size or (linked > _MOSTLY_LINKS * size and kind in ("item", "text")):
            return
        lines = [line for line in map(clean_line, written.split("\n")) if line and not is_debris(line)]
        if lines:
            yield Block(
                kind=kind,
                text="\n".join(lines),
                level=level,
                number=nth if numbered else 0,
                bold=bolded >= size,
            )

    def add(self, text: str, *, literally: bool = False) -> None:
        """Text of the block that is being gathered."""
        written = text if literally or self._pres else re.sub(r"\s+", " ", text)
        size = len(re.sub(r"\s", "", written))
        self._text.append(written)
        self._linked += size if self._links else 0
        self._bolded += size if self._bolds else 0

    def _edge(self, tag: str, *, entering: bool) -> Iterator[Block]:
        """A block element begins or ends."""
        if tag in ("td", "th") and not entering and self._cells:
            self._cells[-1] += self.flush()
            return
        yield from self.flush()
        if tag in ("ol", "ul"):
            if entering:
                self._lists.append((tag == "ol", 0))
            elif self._lists:
                self._lists.pop()
        elif tag == "tr":
            if entering:
                self._cells.append([])
            elif self._cells:
                yield from _row(self._cells.pop())
        elif tag in _KINDS or tag in _HEADINGS:
            self._meaning(tag, entering=entering)

    def _meaning(self, tag: str, *, entering: bool) -> None:
        if not entering:
            if self._kinds and self._kinds[-1][0] == tag:
                self._kinds.pop()
            return
        if tag in _HEADINGS:
            self._kinds.append((tag, "heading", _HEADINGS[tag]))
            return
        if tag == "li" and self._lists:
            numbered, nth = self._lists[-1]
            self._lists[-1] = (numbered, nth + 1)
        self._kinds.append((tag, _KINDS[tag], len(self._lists) if tag == "li" else 0))


def _row(cells: list[Block]) -> Iterator[Block]:
    """A row of a table as one line."""
    if cells:
        yield Block(kind="text", text=" | ".join(cell.text.replace("\n", " ") for cell in cells))
