"""The sub-type lies under the type that the record shows, and never outlives it."""

from datetime import datetime

from callcue.core.ports import Prediction
from callcue.core.records import ISSUE_TYPES, TagSuggestion
from callcue.core.speech import Utterance
from callcue.core.taxonomy import default_taxonomy
from tagger.aggregate import Verdict
from tagger.call import CallTagger
from tagger.subtype import SubtypeVote
from tests.unit.tagger.fakes import KeywordModel
from tests.unit.tagger.test_tagger_call import FEELINGS

TAXONOMY = default_taxonomy()
ISSUES = KeywordModel(ISSUE_TYPES, {"连不上": "技术", "退款": "账单", "快递": "物流"}, "其他")
FINER = KeywordModel(
    TAXONOMY.subtypes,
    {"连不上": "技术-网络连接", "退款": "账单-退款", "快递": "物流-进度催件"},
    "其他-无关闲聊",
    sure=0.8,
)


def listen(*texts: str) -> list[TagSuggestion]:
    tagger = CallTagger(
        issue=ISSUES,
        sentiment=FEELINGS,
        fill_threshold=0.6,
        started_at=datetime.fromisoformat("2026-11-23T10:00+08:00"),
        subtype=FINER,
    )
    found: list[TagSuggestion] = []
    for number, text in enumerate(texts):
        found += tagger.observe(
            Utterance(
                call_id="c",
                channel="caller",
                segment_id=f"s{number}",
                start_ms=number * 3000,
                end_ms=number * 3000 + 2000,
                raw_text=text,
                text=text,
                language="zh",
                confidence=0.9,
            )
        )
    return found + tagger.finish()


def last(found: list[TagSuggestion], field: str) -> TagSuggestion:
    return [one for one in found if one.field == field and one.fills][-1]


def test_type_and_sub_type_with_the_evidence() -> None:
    found = listen("家里的无线网络怎么都连不上", "昨天晚上开始就连不上网了")
    assert last(found, "issue_type").value == "技术"
    finer = last(found, "issue_subtype")
    assert finer.value == "技术-网络连接"
    assert set(finer.evidence) <= {"s0", "s1"}
    assert finer.probability <= last(found, "issue_type").probability


def test_without_a_model_there_is_no_sub_type() -> None:
    tagger = CallTagger(
        issue=ISSUES,
        sentiment=FEELINGS,
        fill_threshold=0.6,
        started_at=datetime.fromisoformat("2026-11-23T10:00+08:00"),
    )
    assert not [one for one in tagger.finish() if one.field == "issue_subtype"]


def test_when_the_type_changes_the_old_sub_type_goes() -> None:
    found = listen("网络连不上", *["我的快递还没有送到家里来"] * 6)
    assert last(found, "issue_type").value == "物流"
    value = last(found, "issue_subtype").value
    assert value is None or TAXONOMY.type_of(str(value)) == "物流"


def test_the_vote_stays_under_the_type() -> None:
    vote = SubtypeVote(TAXONOMY)
    spread = dict.fromkeys(TAXONOMY.subtypes, 0.01)
    spread |= {"技术-网络连接": 0.4, "账单-退款": 0.3}
    vote.add(
        "退款的页面一直连不上打不开", "s1", Prediction(label="技术-网络连接", probability=0.4, distribution=spread)
    )
    issue = Verdict(label="账单", probability=0.9, evidence=("s1",))
    found = vote.verdict(issue)
    assert found is not None
    assert found.label == "账单-退款"
    assert found.probability <= 0.9
    assert SubtypeVote(TAXONOMY).verdict(issue) is None
