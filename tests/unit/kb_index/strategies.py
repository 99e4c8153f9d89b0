"""Hypothesis strategies: any valid card."""

from hypothesis import strategies as st

from callcue.core.cards import Audience, Card, Step, Trigger, When

_CHARS = st.characters(exclude_categories=("Cc", "Cs"))
_MARKS = st.sampled_from(["|", '"', "'", ",", ";", "=", "+", "-", "@", "[", "]", "{", "\u2028", "发", "票", " "])


def line(limit: int = 20) -> st.SearchStrategy[str]:
    """A one-line text without outer blanks, rich in characters that formats trip over."""
    return st.text(_CHARS | _MARKS, min_size=1, max_size=limit).map(str.strip).filter(bool)


def lines(most: int = 3) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(line(), max_size=most).map(tuple)


_BODY = st.text(_CHARS | _MARKS | st.sampled_from(["\n", "\r", "\t"]), min_size=1, max_size=60).filter(
    lambda text: text.strip() and "{{" not in text  # a script would refuse an unknown blank
)
_DATES = st.sampled_from(
    [None, "2026-11-30", "2026-11-30T18:00:00+08:00", "2026-11-30 18:00", "2026-11-30T18:00:00.5Z"]
)


@st.composite
def flows(draw: st.DrawFn) -> tuple[Step, ...]:
    """A sound flow: every step leads to the next one and may jump anywhere or end."""
    count = draw(st.integers(0, 4))
    ids = [f"s{i}" for i in range(count)]
    steps = []
    for i, step_id in enumerate(ids):
        ahead = {"否": ids[i + 1]} if i + 1 < count else {}
        jump = draw(st.sampled_from(["none", "end", *ids]))
        if jump != "none" and (ahead or jump == "end"):
            ahead["是"] = jump
        steps.append(Step(id=step_id, text=draw(line()), next=ahead))
    return tuple(steps)


_WHENS = st.builds(
    When,
    birthday_within_days=st.integers(0, 60),
    segment=lines(),
    risk=lines(),
    region=lines(),
    sentiment=st.sampled_from([(), ("负面",)]),
)


@st.composite
def cards(draw: st.DrawFn) -> Card:
    """Any card that the import accepts."""
    trigger = st.builds(
        Trigger,
        phrase=line(),
        speaker=st.sampled_from(["caller", "agent", "any"]),
        match=st.sampled_from(["exact", "pinyin"]),
    )
    steps = draw(flows())
    kinds = ["faq", "procedure", "product", "script", "culture"] + (["flow"] if steps else [])
    return Card(
        id=draw(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:@-]{0,20}", fullmatch=True).filter(lambda s: s != "kb")),
        title=draw(line()),
        body=draw(_BODY),
        kind=draw(st.sampled_from(kinds)),
        category=draw(lines()),
        lang=draw(st.sampled_from(["zh", "en", "zh-TW"])),
        questions=draw(lines()),
        triggers=tuple(draw(st.lists(trigger, max_size=3))),
        negative=draw(lines()),
        steps=steps,
        audience=draw(st.builds(Audience, lifecycle=lines(), segment=lines(), region=lines(), language=lines())),
        when=draw(st.none() | _WHENS),
        priority=draw(st.integers(0, 100)),
        cooldown_s=draw(st.floats(0, 86_400)),
        max_per_call=draw(st.integers(1, 1000)),
        valid_from=draw(_DATES),
        valid_to=draw(_DATES.map(lambda d: d and d.replace("2026", "2027"))),
        owner=draw(st.none() | line()),
        status=draw(st.sampled_from(["draft", "review", "published", "retired"])),
    )
