"""A page's blocks -> draft cards: questions with their answers, sections under their headings, or the page as one."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from callcue.core.cards import Card, CardKind
from callcue.core.errors import BadInput
from kb_index.cards import MAX_BODY, MAX_QUESTION, MAX_TITLE, card_to_json, check_card
from kb_index.folding import fold
from kb_index.formats import ImportResult, Problem
from kb_index.html_text import Block, read_page

MAX_PAGE_CARDS = 2_000
MAX_HEADING = 60
"""Characters of a line that may be a heading made by hand."""

_MARK = r"(?:[\s.、．:：)）]|(?=[\u4e00-\u9fff]))"
_QUESTION_MARK = re.compile(
    rf"(?:[【\[(（]?(?:问题?|q(?:uestion)?)[】\])）]?\s*\d{{0,3}}\s*[:：.、．]\s*|q\d{{1,3}}{_MARK}\s*)", re.IGNORECASE
)
_ANSWER_MARK = re.compile(
    rf"(?:[【\[(（]?(?:回?答案?|a(?:nswer)?)[】\])）]?\s*\d{{0,3}}\s*[:：.、．]\s*|a\d{{1,3}}{_MARK}\s*)", re.IGNORECASE
)
_NUMBERED = re.compile(
    r"(?:[一二三四五六七八九十]{1,3}[、.．]|[（(][一二三四五六七八九十]{1,3}[)）]|\d{1,3}[、.．)]\s*)\s*"
)
_ASKS = re.compile(
    r".{3,}[?？]$|(?:如何|怎么|怎样|为什么|为何|什么是|哪些|能否|可否|是否|多久|几天|how |what |why |when |where |"
    r"which |who |can |could |do |does |is |are )\S.*|.{2,}(?:怎么办|怎么弄|怎么处理|吗|呢|是什么|有哪些|多少钱|多久)$",
    re.IGNORECASE,
)
_HAN = re.compile(r"[\u3400-\u9fff]")


@dataclass(slots=True)
class _Section:
    """A heading or a question, and what stands below it."""

    title: str
    question: bool
    blocks: list[Block] = field(default_factory=list)


def read_html(data: bytes, name: str) -> ImportResult:
    """The cards of one page. ``name`` (a file's name, an address) tells pages apart: with the title it makes the ids,
    so that a page that is imported again changes its cards. Never raises for what the page holds.
    """
    try:
        page = read_page(data)
    except BadInput as error:
        return ImportResult(cards=(), problems=(Problem(where=name, message=error.message),))
    title = page.title or name
    sections = _sections(page.blocks, title)
    cards: dict[str, Card] = {}
    problems: list[Problem] = []
    for section in sections[: MAX_PAGE_CARDS + 1]:
        if len(cards) == MAX_PAGE_CARDS:
            problems.append(Problem(where=name, message=f"holds more than {MAX_PAGE_CARDS} cards; split it"))
            break
        card = _card(section, title, name, cards)
        checked, findings = check_card(card_to_json(card))
        problems += [Problem(where=f"{name}, {section.title[:60]!r}", message=finding) for finding in findings]
        if checked is not None:
            cards[checked.id] = checked
    if not sections:
        problems.append(Problem(where=name, message="holds no text that could be a card"))
    return ImportResult(cards=tuple(cards.values()), problems=tuple(problems))


def _sections(blocks: Sequence[Block], title: str) -> list[_Section]:
    """Questions and sections that say something, in order."""
    found = [_Section(title=title, question=False)]
    level = _cutting_level(blocks, title)
    for block in blocks:
        head = _head(block, level)
        if head is not None and fold(head.title) == fold(title):
            found.append(head if head.question else _Section(title=title, question=False))
        elif head is not None:
            found.append(head)
        elif block.kind == "answer" or (_ANSWER_MARK.match(block.text) and found[-1].question):
            found[-1].blocks.append(replace(block, text=_ANSWER_MARK.sub("", block.text, count=1)))
        else:
            found[-1].blocks.append(block)
    return [section for section in found if any(block.text.strip() for block in section.blocks)]


def _head(block: Block, level: int) -> _Section | None:
    """The section that a block begins, if it does."""
    text = block.text
    if block.kind == "question":
        return _Section(title=_unmarked(text), question=True)
    first, _, rest = text.partition("\n")
    if _QUESTION_MARK.match(first) and len(first) <= MAX_TITLE:
        section = _Section(title=_unmarked(first), question=True)
        if rest:  # question and answer in one paragraph, apart by a line break
            section.blocks.append(Block(kind="answer", text=_ANSWER_MARK.sub("", rest, count=1)))
        return section
    if block.kind == "heading" and (block.level <= level or _is_question(text)):
        return _Section(title=_unmarked(text), question=_is_question(text))
    by_hand = block.kind == "text" and "\n" not in text and len(text) <= MAX_HEADING
    if by_hand and (block.bold or _NUMBERED.match(text)) and _is_question(_unmarked(text)):
        return _Section(title=_unmarked(text), question=True)
    if by_hand and level == _BY_HAND and _chapter(text):
        return _Section(title=_unmarked(text), question=False)
    return None


_BY_HAND = 7
"""Below every real heading: sections are cut at lines such as 一、…."""


def _cutting_level(blocks: Sequence[Block], title: str) -> int:
    """The highest level of heading of which there are two: above it are titles, below it parts of one answer."""
    levels = [b.level for b in blocks if b.kind == "heading" and fold(b.text) != fold(title)]
    several = [level for level in sorted(set(levels)) if levels.count(level) > 1]
    if several:
        return several[0]
    chapters = sum(1 for b in blocks if b.kind == "text" and len(b.text) <= MAX_HEADING and _chapter(b.text))
    return _BY_HAND if chapters > 1 else min(levels, default=1)


def _chapter(text: str) -> bool:
    return re.match(r"[一二三四五六七八九十]{1,3}[、.．]", text) is not None


def _is_question(text: str) -> bool:
    return len(text) <= MAX_TITLE and "\n" not in text and _ASKS.fullmatch(text) is not None


def _unmarked(text: str) -> str:
    """Without 问：, Q1. and the number of a chapter."""
    line = " ".join(text.split("\n"))
    bare = _NUMBERED.sub("", _QUESTION_MARK.sub("", line, count=1), count=1).strip()
    return bare or line


def _card(section: _Section, page_title: str, name: str, taken: Iterable[str]) -> Card:
    title = section.title
    if not section.question and fold(title) != fold(page_title):
        title = f"{page_title}：{title}" if _HAN.search(title) else f"{page_title}: {title}"
    body = _markdown(section.blocks)
    zh = len(_HAN.findall(f"{title}{body}")) * 4 >= len(re.findall(r"[A-Za-z]", f"{title}{body}"))
    return Card(
        id=_free_id(name, section.title, set(taken)),
        title=_cut(title, MAX_TITLE),
        body=body if len(body) <= MAX_BODY else body[: MAX_BODY + 1],  # the check says that it is too long
        kind=_kind(section.blocks),
        lang="zh" if zh else "en",
        questions=(_cut(section.title, MAX_QUESTION),) if section.question else (),
        status="draft",
    )


def _kind(blocks: Sequence[Block]) -> CardKind:
    """A numbered list of two entries and more is a procedure."""
    return "procedure" if sum(1 for b in blocks if b.number) > 1 else "faq"


def _inert(text: str) -> str:
    """``text`` without what markdown would make a tag or a link of: a page's words are no markup of ours."""
    return re.sub(r"<(?=[A-Za-z/!?])|\](?=\()", r"\\\g<0>", text)


def _markdown(blocks: Sequence[Block]) -> str:
    lines: list[str] = []
    blocks = [replace(block, text=_inert(block.text)) for block in blocks]
    for before, block in zip([None, *blocks], blocks, strict=False):
        if block.kind == "item":
            mark = f"{block.number}. " if block.number else "- "
            text = "    " * (block.level - 1) + mark + block.text.replace("\n", " ")
        elif block.kind in ("heading", "question"):
            text = f"**{block.text}**"
        else:
            text = block.text.replace("\n", "  \n")
        if before is not None and not (before.kind == block.kind == "item"):
            lines.append("")
        lines.append(text)
    return "\n".join(lines).strip()


def _free_id(name: str, title: str, taken: set[str]) -> str:
    """The same for the same page and title; ids hold no Chinese, so the title goes in as a digest."""
    stem = re.sub(r"[^A-Za-z0-9]+", "-", name.rsplit(".", 1)[0]).strip("-").lower()[:40]
    page = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:6]
    digest = hashlib.sha256(fold(title).encode("utf-8", "replace")).hexdigest()[:10]
    first = f"page-{stem}-{page}-{digest}" if stem else f"page-{page}-{digest}"
    found, nth = first, 1
    while found in taken:
        nth += 1
        found = f"{first}-{nth}"
    return found


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
