"""What a caller asked in vain is kept when the call is over, and a failure to keep it costs nothing else."""

from pathlib import Path

import pytest

from callcue.core.cards import Card, CardHit, CardQuery
from callcue.core.errors import StorageFailed
from callcue.core.events import CallEnded
from tests.unit.calls.conftest import Store
from tests.unit.calls.pipeline import CARD, Pipeline
from tests.unit.calls.test_session import finish

FAR = Card(id="kb-far", title="别的", body="…")


@pytest.fixture
async def asking(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    made = Pipeline(store, tmp_path)
    await made.start()

    async def far(_query: CardQuery) -> list[CardHit]:
        return [CardHit(card=FAR, score=0.05, dense=0.7, lexical=0.0, matched=FAR.title)]

    monkeypatch.setattr(made.index, "search", far)
    return made


async def test_questions_are_kept_with_their_best_candidate(asking: Pipeline) -> None:
    await finish(asking, "c1")
    (question,) = await asking.questions.questions()
    assert (question.call_id, question.text, question.why) == ("c1", "订单已经付款了", "low")
    assert (question.card_id, question.score) == (FAR.id, 0.05)
    shows = (await asking.history.shows()).shows
    assert [(show.card_id, show.call_id) for show in shows] == [(CARD.id, "c1")]
    await asking.close()


async def test_a_call_goes_on_when_its_questions_cannot_be_kept(
    asking: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_args: object) -> None:
        raise StorageFailed("the disk is full")

    monkeypatch.setattr(asking.questions, "add", full)
    end = await finish(asking, "c1")
    assert isinstance(end, CallEnded)
    assert end.reason == "hangup"
    assert (await asking.records.get("c1")).value("priority") == 3
    await asking.close()
