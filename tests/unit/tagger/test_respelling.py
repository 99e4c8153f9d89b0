"""Characters are put right by their sound and their neighbours, and nothing else is changed."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from callcue.core.errors import ModelError
from callcue.testing.embedder import HashEmbedder
from tagger.classifier import TextClassifier
from tagger.model_files import WEIGHTS, read_respeller, speller_arrays, write_model
from tagger.respelling import Arrays, Respeller, learn
from tagger.train import train

TEXTS = [
    f"{who}{what}"
    for who in ("我的", "你们的", "", "请问")
    for what in ("退款还没到账", "快递到哪了", "发票抬头写错了")
]


@pytest.fixture(scope="module")
def respeller() -> Respeller:
    made = learn(TEXTS)
    assert made is not None
    return made


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("推款还没到账", "退款还没到账"),
        ("我的腿款还没到账", "我的退款还没到账"),
        ("块递到哪了", "快递到哪了"),
        ("发漂抬头写错了", "发票抬头写错了"),
        ("请问快递到拉了", "请问快递到哪了"),  # n and l
    ],
)
def test_characters_of_the_same_sound_are_put_right(respeller: Respeller, written: str, meant: str) -> None:
    assert respeller.respell(written) == meant


@pytest.mark.parametrize("text", ["", "...", "my refund is late", "订单2020号", "飞机晚点四小时", "iPhone 15 碎了，😀"])
def test_what_it_has_not_learnt_stays(respeller: Respeller, text: str) -> None:
    assert respeller.respell(text) == text


def test_length_and_all_that_is_not_chinese_stay(respeller: Respeller) -> None:
    text = "喂，块递（SF 123）到哪了？！" + "块递" * 600
    found = respeller.respell(text)
    assert len(found) == len(text)
    assert found.startswith("喂，快递（SF 123）到哪了？！")
    assert found[512:] == text[512:]


def test_texts_without_chinese_teach_nothing() -> None:
    assert learn(["where is my refund", ""]) is None


def test_it_comes_back_from_a_file_as_it_was(tmp_path: Path, respeller: Respeller) -> None:
    write_model(speller_arrays(respeller), {}, tmp_path)
    again = read_respeller(tmp_path / WEIGHTS)
    assert again is not None
    assert again.respell("发漂抬头写错了") == "发票抬头写错了"
    assert again.arrays().keys[2].tolist() == respeller.arrays().keys[2].tolist()


def test_a_model_without_one_has_none(tmp_path: Path) -> None:
    write_model({"scale": np.ones(1, dtype=np.float32)}, {}, tmp_path)
    assert read_respeller(tmp_path / WEIGHTS) is None


@pytest.mark.parametrize("damage", ["missing", "unsorted", "zero", "lengths", "code point", "matrix"])
def test_a_damaged_one_is_refused(tmp_path: Path, respeller: Respeller, damage: str) -> None:
    held = speller_arrays(respeller)
    keys, counts = held["speller_keys_2"].copy(), held["speller_counts_2"].copy()
    if damage == "missing":
        del held["speller_counts_3"]
    elif damage == "unsorted":
        keys[:2] = keys[1::-1]
    elif damage == "zero":
        counts[0] = 0
    elif damage == "lengths":
        counts = counts[:-1]
    elif damage == "code point":
        keys[-1] = np.uint64((1 << 42) - 1)
    else:
        keys, counts = keys[None], counts[None]
    held |= {"speller_keys_2": keys, "speller_counts_2": counts}
    write_model(held, {}, tmp_path)
    with pytest.raises(ModelError, match="train again"):
        read_respeller(tmp_path / WEIGHTS)


def test_an_empty_one_is_a_problem() -> None:
    nothing = np.zeros(0, dtype=np.uint64)
    assert Arrays(keys=(nothing,) * 3, counts=(nothing.astype(np.uint32),) * 3).problem() is not None


def test_noisy_rows_teach_no_spelling_and_the_model_spells(tmp_path: Path) -> None:
    rows = [
        {"text": text, "issue_type": label, "wording": f"{label}{number}"}
        for label, stem in (("账单", "退款还没到账"), ("物流", "快递到哪了"))
        for number, text in enumerate(f"{who}{stem}" for who in ("我的", "你们的", "请问", "那个", "哎", "喂", "怎么"))
    ]
    noisy = [{**row, "text": str(row["text"]).replace("款", "宽"), "noisy": True} for row in rows]
    train([*rows, *noisy], "issue_type", HashEmbedder(), tmp_path / "issue_type")
    learnt = read_respeller(tmp_path / "issue_type" / WEIGHTS)
    assert learnt is not None
    assert learnt.respell("我的退宽还没到账") == "我的退款还没到账"
    model = TextClassifier.load(tmp_path / "issue_type", HashEmbedder())
    right, wrong = model.predict(["我的退款还没到账", "我的腿款还没到账"])
    assert Counter(right.distribution) == Counter(wrong.distribution)
