"""Make the training data: ``python -m tagger.make_data``.

The data is synthetic and our own: every wording in ``data/wordings_*.txt`` was written for this project. Each is filled
in several ways; half of the rows then imitate what a recogniser leaves of speech (no punctuation, about 8 % of the
characters replaced by homophones). Wordings, not rows, are divided into training and test files, so that the test holds
wordings that were never trained on. ``data/wordings_*_more.txt`` is for training alone; what comes out too like a
text of the test is left out. The output is the same every time.
"""

import itertools
import json
import random
import re
import sys
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

DATA = Path(__file__).parent / "data"
FIELDS = ("issue_type", "sentiment")
VARIANTS = {"issue_type": 4, "sentiment": 8}
"""Rows per wording, at most; rows that come out the same are kept once."""
FURTHER_VARIANTS = 8
"""The same, of the further wordings: they have more choices."""
TOO_LIKE = 0.6
"""A filling of a further wording that shares so much with one of the test (see ``Likeness``) is left out; one that
does so with a training wording counts as that wording, so that folds do not tell what they have nearly learnt."""
_FILLINGS = 16
TEST_SHARE = 5
"""One wording in this many goes to the test file."""
ERROR_RATE = 0.08
"""Share of Chinese characters replaced by a homophone in an imitated recognition; Whisper base on telephone audio has a
CER of about twice that, of which homophones are about half."""

_CHOICE = re.compile(r"\{([^{}]*)\}")
_PUNCTUATION = re.compile(r"[，。！？、；：,.!?;:']")
_OPENINGS = ("", "", "", "", "喂，", "那个，", "你好，", "就是", "我跟你说，", "哎，", "请问，", "嗯，")
_ENDINGS = ("。", "。", "？", "", "啊。", "呢？", "，麻烦你看一下。")
_PLAIN_ENDINGS = ("。", "。", "", "！")
_MANNERS_BEFORE = (
    "不好意思打扰了，",
    "是这么回事，",
    "哎哟，",
    "你好你好，",
    "我跟你讲啊，",
    "那什么，",
    "我都打第三遍了，",
    "老师您好，",
    "嗯对，",
    "诶我问一下啊，",
    "救急救急，",
    "这都什么事儿啊，",
)
_MANNERS_AFTER = (
    "，谢谢啊。",
    "，你给看看呗。",
    "，烦死了。",
    "，真是的。",
    "，咋办呀？",
    "，快点吧。",
    "，帮帮忙。",
    "，对吧？",
)
"""Polite, pressed and rude; they say nothing about the matter, and the model must learn that."""
_FILLERS = ("嗯", "呃", "那个", "就是", "这个这个", "怎么说呢", "然后")
_MANNERED, _HESITANT = 0.3, 0.3
"""Shares of the rows about an issue that are said in such a manner, and that have a filler or a word begun twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """One hand-written wording with its label."""

    id: str
    label: str
    """The part of the heading before the first ``-``."""
    finer: str | None
    """The whole heading where it has a ``-``: the sub-type."""
    language: str
    template: str
    further: bool = False
    """From the file of further wordings, which is for training alone."""

    @property
    def held_out(self) -> bool:
        """Whether it belongs to the test file; by content, so that adding a wording moves no other."""
        return not self.further and zlib.crc32(self.template.encode()) % TEST_SHARE == 0


def read_wordings(path: Path, *, further: bool = False) -> list[Wording]:
    """The wordings of one file, in order; ``further``: they are for training alone."""
    found: list[Wording] = []
    label = language = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        if line.startswith("["):
            label, language = line.strip("[]").split()
            continue
        found.append(
            Wording(
                id=f"w{zlib.crc32(line.encode()):08x}",
                label=label.partition("-")[0],
                finer=label if "-" in label else None,
                language=language,
                template=line,
                further=further,
            )
        )
    return found


def expand(template: str, slots: Mapping[str, Sequence[str]], rng: random.Random) -> Iterator[str]:
    """Distinct fillings of a template, in random order, without end of repetition: each is given once."""
    parts = _CHOICE.split(template)
    choices = [
        [part] if i % 2 == 0 else list(slots[part[1:]]) if part.startswith("$") else part.split("|")
        for i, part in enumerate(parts)
    ]
    if sum(len(options) > 1 for options in choices) <= 4:
        combinations = ["".join(picked) for picked in itertools.product(*choices)]
        rng.shuffle(combinations)
        yield from dict.fromkeys(combinations)
        return
    for _ in range(64):
        yield "".join(rng.choice(options) for options in choices)


@cache
def homophones() -> Mapping[str, str]:
    """Character -> the other common characters (GB 2312 level 1) that sound the same, tones aside."""
    from pypinyin import lazy_pinyin

    common = [
        bytes((high, low)).decode("gb2312")
        for high in range(0xB0, 0xD8)
        for low in range(0xA1, 0xFF)
        if (high, low) <= (0xD7, 0xF9)
    ]
    by_sound: dict[str, list[str]] = {}
    for char in common:
        by_sound.setdefault(lazy_pinyin(char)[0], []).append(char)
    return {char: "".join(c for c in group if c != char) for group in by_sound.values() for char in group}


def imitate_recognition(text: str, rng: random.Random, rate: float = ERROR_RATE) -> str:
    """What a recogniser might have made of ``text``: no punctuation, lower case, some homophones."""
    table = homophones()
    plain = _PUNCTUATION.sub("", text).lower()
    return "".join(rng.choice(table[char]) if table.get(char) and rng.random() < rate else char for char in plain)


class Likeness:
    """How much a text has in common with the most like one of those added: the Dice coefficient of their sets of
    character pairs, punctuation aside; 0..1."""

    def __init__(self) -> None:
        self._held: list[tuple[int, str]] = []
        self._holders: dict[str, list[int]] = {}

    def add(self, text: str, name: str = "") -> None:
        """One to compare with."""
        pairs = _pairs(text)
        for pair in pairs:
            self._holders.setdefault(pair, []).append(len(self._held))
        self._held.append((len(pairs), name))

    def most(self, text: str) -> tuple[float, str]:
        """Of the most like one, and its name; 0 where nothing is shared."""
        pairs = _pairs(text)
        shared = Counter(number for pair in pairs for number in self._holders.get(pair, ()))
        found = ((2 * count / (len(pairs) + self._held[number][0]), number) for number, count in shared.items())
        share, number = max(found, default=(0.0, -1))
        return share, self._held[number][1] if number >= 0 else ""


def _pairs(text: str) -> set[str]:
    plain = _PUNCTUATION.sub("", text)
    return {plain[at : at + 2] for at in range(max(1, len(plain) - 1))}


def _hesitant(text: str, rng: random.Random) -> str:
    """A filler after a comma or at the beginning, or the first two characters said twice."""
    places = [0, *(match.end() for match in re.finditer("，", text) if match.end() < len(text))]
    place = rng.choice(places)
    if rng.random() < 0.3:
        return text[:place] + text[place : place + 2] + text[place:]
    return text[:place] + rng.choice(_FILLERS) + text[place:]


def _spoken(filled: str, field: str, rng: random.Random) -> str:
    if field == "issue_type":
        if rng.random() < _HESITANT:
            filled = _hesitant(filled, rng)
        if rng.random() < _MANNERED:
            before = rng.choice(_MANNERS_BEFORE) if rng.random() < 0.6 else ""
            return before + filled + (rng.choice(_MANNERS_AFTER) if not before or rng.random() < 0.3 else "")
    text = rng.choice(_OPENINGS) + filled
    if text[-1] in "啊呢吗吧了":
        return text
    return text + rng.choice(_ENDINGS if field == "issue_type" else _PLAIN_ENDINGS)


def make_rows(field: str) -> list[dict[str, object]]:
    """All rows of a field: ``text``, the label under ``field`` (and the finer one), ``lang``, ``wording``, ``noisy``,
    ``test``."""
    slots: dict[str, list[str]] = json.loads((DATA / "slots.json").read_text(encoding="utf-8"))
    wordings = read_wordings(DATA / f"wordings_{field}.txt")
    further = DATA / f"wordings_{field}_more.txt"
    if further.exists():
        wordings += read_wordings(further, further=True)
    told, learnt = Likeness(), Likeness()
    for wording in wordings:
        if not wording.further:
            for filled in itertools.islice(expand(wording.template, slots, random.Random(wording.id)), _FILLINGS):
                (told if wording.held_out else learnt).add(filled, wording.id)
    rows: list[dict[str, object]] = []
    for wording in wordings:
        rows += _rows_of(wording, field, slots, told, learnt)
    return rows


def _rows_of(
    wording: Wording, field: str, slots: Mapping[str, Sequence[str]], told: Likeness, learnt: Likeness
) -> Iterator[dict[str, object]]:
    rng = random.Random(wording.id)
    seen: set[str] = set()
    variants = FURTHER_VARIANTS if wording.further else VARIANTS[field]
    filled = expand(wording.template, slots, rng)
    if wording.further:
        filled = (text for text in filled if told.most(text)[0] < TOO_LIKE)
    fillings = itertools.cycle(list(itertools.islice(filled, variants)))
    for number, filling in enumerate(itertools.islice(fillings, variants)):
        noisy = number % 2 == 1
        text = _spoken(filling, field, rng) if wording.language == "zh" else filling + rng.choice(("", ".", "?"))
        if noisy:
            bad_line = field == "issue_type" and number % 4 == 3
            text = imitate_recognition(text, rng, 2 * ERROR_RATE if bad_line else ERROR_RATE)
        if text in seen:
            continue
        seen.add(text)
        share, twin = learnt.most(filling) if wording.further else (0.0, "")
        yield {
            "text": text,
            field: wording.label,
            **({"issue_subtype": wording.finer} if wording.finer else {}),
            "lang": wording.language,
            "wording": twin if share >= TOO_LIKE else wording.id,
            "noisy": noisy,
            "test": wording.held_out,
        }


def main() -> None:
    """Write ``<field>.jsonl`` and ``<field>_test.jsonl`` for each field."""
    for field in FIELDS:
        rows = make_rows(field)
        for name, test in ((f"{field}.jsonl", False), (f"{field}_test.jsonl", True)):
            part = [{k: v for k, v in row.items() if k != "test"} for row in rows if row["test"] is test]
            lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in part)
            (DATA / name).write_text(lines, encoding="utf-8")
            wordings = len({row["wording"] for row in part})
            sys.stdout.write(f"{name}: {len(part)} rows from {wordings} wordings\n")


if __name__ == "__main__":
    main()
