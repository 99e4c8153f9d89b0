"""The import format: what is taken, what is refused and how it is said, and that nothing is lost on the way."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callcue.core.cards import Audience, Card, Step, Trigger, When
from callcue.core.errors import BadCard
from kb_index.formats import card_to_json, parse_card, read_cards, write_cards
from tests.unit.kb_index.strategies import cards

MINIMAL = {"id": "kb-1", "title": "发票申请流程", "body": "在小程序里申请。"}


def jsonl(*objects: object) -> bytes:
    return "".join(json.dumps(o, ensure_ascii=False) + "\n" for o in objects).encode()


def messages(data: bytes, form: str = "jsonl") -> str:
    result = read_cards(data, form)  # type: ignore[arg-type]
    return "\n".join(f"{p.where}: {p.message}" for p in result.problems)


@given(card=cards())
@settings(max_examples=50, deadline=None)
def test_json_form_gives_the_card_back(card: Card) -> None:
    assert parse_card(json.loads(json.dumps(card_to_json(card))), "x") == card


@given(batch=st.lists(cards(), min_size=1, max_size=4, unique_by=lambda c: c.id))
@settings(max_examples=30, deadline=None)
@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_files_give_the_cards_back(form: str, batch: list[Card]) -> None:
    result = read_cards(write_cards(batch, form), form)  # type: ignore[arg-type]
    assert result.problems == ()
    assert list(result.cards) == batch


def test_defaults_are_the_documented_ones() -> None:
    card = parse_card(MINIMAL, "x")
    assert card == Card(id="kb-1", title="发票申请流程", body="在小程序里申请。")
    assert (card.kind, card.lang, card.status, card.priority) == ("faq", "zh", "published", 50)
    assert (card.cooldown_s, card.max_per_call) == (60.0, 1)


def test_match_defaults_to_pinyin_for_chinese_phrases_only() -> None:
    card = parse_card(MINIMAL | {"triggers": [{"phrase": "开发票"}, {"phrase": "refund", "speaker": "agent"}]}, "x")
    assert card.triggers == (
        Trigger(phrase="开发票", speaker="any", match="pinyin"),
        Trigger(phrase="refund", speaker="agent", match="exact"),
    )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"colour": "red"}, ["colour", "not known"]),
        ({"version": 3}, ["version", "not known"]),
        ({"audience": {"age": ["30"]}}, ["audience.age", "not known"]),
        ({"triggers": [{"phrase": "退货", "who": "x"}]}, ["triggers[0].who", "not known"]),
        ({"priority": "50"}, ["priority", "whole number"]),
        ({"priority": True}, ["priority", "true"]),
        ({"priority": 50.0}, ["priority", "whole number"]),
        ({"priority": 101}, ["priority", "0 to 100"]),
        ({"priority": 10**400}, ["priority", "huge"]),
        ({"cooldown_s": -1}, ["cooldown_s"]),
        ({"max_per_call": 0}, ["max_per_call"]),
        ({"questions": None}, ["questions", "null"]),
        ({"questions": "怎么开发票"}, ["questions", "list"]),
        ({"questions": ["怎么开发票", 7]}, ["questions[1]", "text"]),
        ({"questions": ["  "]}, ["questions[0]", "empty"]),
        ({"questions": ["问"] * 501}, ["questions", "at most 500"]),
        ({"title": None}, ["title", "null"]),
        ({"title": "长" * 201}, ["title", "201", "200"]),
        ({"title": "响\x07铃"}, ["title", "U+0007"]),
        ({"title": "\ud800"}, ["title", "U+D800"]),
        ({"body": ""}, ["body", "empty"]),
        ({"kind": "poem"}, ["kind", "'poem'", "faq"]),
        ({"status": "Published"}, ["status", "published"]),
        ({"lang": "Chinese"}, ["lang", "zh"]),
        ({"id": "发票"}, ["id", "not usable"]),
        ({"valid_from": "30.11.2026"}, ["valid_from", "ISO 8601"]),
        ({"valid_from": "2026-02-30"}, ["valid_from", "ISO 8601"]),
        ({"valid_from": "2026-W10-1"}, ["valid_from", "ISO 8601"]),
        ({"valid_from": 20261130}, ["valid_from"]),
        ({"valid_from": "2026-12-01", "valid_to": "2026-11-30"}, ["valid_to", "before"]),
        ({"triggers": ["退货"]}, ["triggers[0]", "object"]),
        ({"triggers": [{"phrase": "退货", "match": "fuzzy"}]}, ["triggers[0].match", "pinyin"]),
    ],
)
def test_a_wrong_field_is_refused_by_name(change: dict[str, object], says: list[str]) -> None:
    with pytest.raises(BadCard) as caught:
        parse_card(MINIMAL | change, "line 7")
    assert caught.value.message.startswith("line 7: ")
    for word in says:
        assert word in caught.value.message


@pytest.mark.parametrize("absent", ["id", "title", "body"])
def test_what_every_card_needs(absent: str) -> None:
    with pytest.raises(BadCard, match=f"field {absent}: is missing"):
        parse_card({k: v for k, v in MINIMAL.items() if k != absent}, "x")


@pytest.mark.parametrize("obj", [None, 3, "card", [MINIMAL]])
def test_a_card_is_an_object(obj: object) -> None:
    with pytest.raises(BadCard, match="JSON object"):
        parse_card(obj, "x")


def test_everything_wrong_with_a_card_is_said_at_once() -> None:
    with pytest.raises(BadCard) as caught:
        parse_card(MINIMAL | {"kind": "poem", "priority": -1, "colour": "red"}, "x")
    assert all(word in caught.value.message for word in ("kind", "priority", "colour"))


def flow(*steps: tuple[str, dict[str, str] | None]) -> dict[str, object]:
    made = [{"id": i, "text": "问", **({} if nxt is None else {"next": nxt})} for i, nxt in steps]
    return MINIMAL | {"kind": "flow", "steps": made}


def test_a_sound_flow_may_branch_loop_and_end_in_several_places() -> None:
    card = parse_card(flow(("s1", {"是": "s2", "否": "end"}), ("s2", {"再试": "s1", "好": "s3"}), ("s3", {})), "x")
    assert card.steps[0] == Step(id="s1", text="问", next={"是": "s2", "否": "end"})


@pytest.mark.parametrize(
    ("obj", "says"),
    [
        (flow(("s1", {"是": "s9"})), "'s9', which is no step"),
        (flow(("s1", {"是": "s2"}), ("s2", None), ("s2", None)), "'s2' is used 2 times"),
        (flow(("s1", {"是": "end"}), ("s2", None)), "'s2' is never reached"),
        (flow(("s1", {"是": "s2"}), ("s2", {"回": "s1"})), "can never end"),
        (flow(("s1", {"是": "end", "否": "s2"}), ("s2", {"是": "s2"})), "from step 's2' the flow can never end"),
        (flow(("end", None)), "'end'"),
        (flow(("s1", {"是": "s2", "否": "end"}), ("s2", {"a": "s3"}), ("s3", {"b": "s2"})), "'s2' → 's3' → 's2'"),
        (flow(("s1", {"亮 了": "end", "亮了！": "end"})), "'亮 了' and '亮了！' of step 's1' sound the same"),
        (flow(("s1", {"Yes": "end", "yes": "end"})), "sound the same"),
        (flow(("s1", {"？": "end"})), "no letter or digit"),
        (flow(("s1", {"是": "s1", "否": "s1"})), "the flow can never end: it goes round 's1' → 's1'"),
        (
            flow(*((f"s{i}", {"是": f"s{i + 1}"}) for i in range(50)), ("s50", None)),
            "the shortest way to the end has 51",
        ),
        (flow(*((f"s{i}", None) for i in range(101))), "at most 100"),
        (flow(), "needs steps"),
        (flow(("s1", {"": "end"})), "next"),
        (MINIMAL | {"kind": "flow", "steps": [{"text": "问"}]}, "steps[0].id: is missing"),
    ],
)
def test_a_flow_with_a_hole_is_refused(obj: dict[str, object], says: str) -> None:
    with pytest.raises(BadCard) as caught:
        parse_card(obj, "x")
    assert says in caught.value.message


@pytest.mark.parametrize(
    ("when", "says"),
    [
        ({}, "has no condition"),
        ([], "give an object"),
        ({"birthday": 3}, "field when.birthday: is not known"),
        ({"birthday_within_days": 61}, "from 0 to 60"),
        ({"birthday_within_days": -1}, "from 0 to 60"),
        ({"birthday_within_days": "7"}, "birthday_within_days"),
        ({"segment": []}, "would never hold"),
        ({"segment": "VIP"}, "give a list"),
        ({"lifecycle": ["老客"]}, "never occurs; there are 潜客, 新客"),
        ({"sentiment": ["angry"]}, "there are 正面, 中性, 负面"),
    ],
)
def test_a_when_that_could_not_hold_is_refused(when: object, says: str) -> None:
    with pytest.raises(BadCard) as caught:
        parse_card(MINIMAL | {"when": when}, "x")
    assert says in caught.value.message


def test_a_when_is_read_and_written() -> None:
    card = parse_card(MINIMAL | {"when": {"birthday_within_days": 0, "segment": ["VIP"]}}, "x")
    assert card.when == When(birthday_within_days=0, segment=("VIP",))
    assert card_to_json(card)["when"] == {"birthday_within_days": 0, "segment": ["VIP"]}
    assert parse_card(MINIMAL | {"when": None}, "x").when is None


def test_a_script_has_only_blanks_that_a_call_can_fill() -> None:
    assert parse_card(MINIMAL | {"kind": "script", "body": "单号 {{order_no}}，{{ name }}"}, "x").kind == "script"
    with pytest.raises(BadCard, match=r"the blank \{\{address\}\}; there are phone, order_no"):
        parse_card(MINIMAL | {"kind": "script", "body": "地址 {{address}}"}, "x")
    assert parse_card(MINIMAL | {"body": "a template {{anything}}"}, "x").body == "a template {{anything}}"


def test_sound_cards_survive_their_bad_neighbours() -> None:
    data = jsonl(MINIMAL, MINIMAL | {"id": "kb-2", "kind": "poem"}) + b"{not json\n\n" + jsonl(MINIMAL | {"id": "kb-3"})
    result = read_cards(data, "jsonl")
    assert [c.id for c in result.cards] == ["kb-1", "kb-3"]
    assert [p.where for p in result.problems] == ["line 2, card 'kb-2'", "line 3"]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (jsonl(MINIMAL, MINIMAL), "line 2, card 'kb-1': field id: is used by an earlier line"),
        (b'{"id": "a", "id": "b"}', "'id' twice"),
        (b'{"id": "a", "title": "t", "body": "b", "cooldown_s": NaN}', "NaN"),
        (b'{"id": "a", "title": "t", "body": "b", "cooldown_s": 1e999}', "cooldown_s"),
        (b'{"priority": ' + b"9" * 5000 + b"}", "number too long"),
        (b'[{"id": "a"}]', "JSON array"),
        (b'{"a":' * 100_000, "nesting too deep"),
        (b"{" + b" " * 1_000_001 + b"}", "must fit"),
        (b"\x89PNG\x00\xff\xfe", "neither UTF-8 nor GBK"),
        ("資料庫卡片標題請稍後再試說明書".encode("big5"), "neither UTF-8 nor GBK"),
    ],
)
def test_hostile_lines_become_problems(data: bytes, says: str) -> None:
    assert says in messages(data)


def test_a_separator_inside_a_json_string_does_not_end_the_line() -> None:
    card = Card(id="a", title="一\u2028二", body="x\u2029y")
    assert read_cards(write_cards([card], "jsonl"), "jsonl").cards == (card,)


CSV = "id,title,body,questions,triggers,priority,audience\nkb-1,发票,正文,怎么开发票|哪里开票,开发票|refund,70,\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "utf-16"])
def test_csv_as_spreadsheets_save_it(encoding: str) -> None:
    result = read_cards(CSV.encode(encoding), "csv")
    assert result.problems == ()
    (card,) = result.cards
    assert card.questions == ("怎么开发票", "哪里开票")
    assert card.triggers == (Trigger(phrase="开发票"), Trigger(phrase="refund", match="exact"))
    assert (card.priority, card.audience) == (70, Audience())


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_csv_with_other_separators(delimiter: str) -> None:
    result = read_cards(CSV.replace(",", delimiter).encode(), "csv")
    assert [c.id for c in result.cards] == ["kb-1"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("id,title,body,colour\na,b,c,d\n", "unknown columns: 'colour'"),
        ("id,title,body,id\na,b,c,d\n", "column twice"),
        ("id,title\na,b\n", "lacks body"),
        ("id,title,body\na,b,c,d\n", "4 cells under 3 columns"),
        ('id,title,body\na,b,"c\n', "not valid CSV"),
        ("id,title,body,priority\na,b,c,high\n", "card 'a': field priority: is 'high'"),
        ("id,title,body,steps\na,b,c,[1\n", "field steps: the cell is not valid JSON"),
        ("id,title,body\na,b,\n", "field body: is empty"),
    ],
)
def test_a_wrong_table_is_refused_with_the_reason(text: str, says: str) -> None:
    assert says in messages(text.encode(), "csv")


def test_problems_name_the_first_line_of_a_record_that_spans_several() -> None:
    text = 'id,title,body\na,b,"one\ntwo"\nbad id,b,c\n'
    assert "line 4, card 'bad id'" in messages(text.encode(), "csv")


def test_exported_cells_do_not_run_as_formulas() -> None:
    card = Card(id="a", title='=HYPERLINK("http://x")', body="-1+1", owner="@me")
    data = write_cards([card], "csv").decode("utf-8-sig")
    assert "'=HYPERLINK" in data
    assert "'-1+1" in data
    assert "'@me" in data
    assert read_cards(data.encode(), "csv").cards == (card,)


def test_the_list_of_problems_is_bounded() -> None:
    result = read_cards(b"nonsense\n" * 2000, "jsonl")
    assert len(result.problems) == 501
    assert result.problems[-1].where == "file"


@pytest.mark.parametrize("data", [b"", b"\n \n", b"id,title,body\n", b"\xef\xbb\xbf"])
def test_a_file_without_a_card_is_no_success(data: bytes) -> None:
    for form in ("csv", "jsonl") if not data.strip().startswith(b"id") else ("csv",):
        (problem,) = read_cards(data, form).problems  # type: ignore[arg-type]
        assert "holds no card" in problem.message


def test_a_cell_beyond_all_bounds_is_named_as_such() -> None:
    (problem,) = read_cards(b'id,title,body\na,b,"' + b"x" * 200_000 + b'"\n', "csv").problems
    assert "a cell of more than 131072 characters" in problem.message
