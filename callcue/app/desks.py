"""What people work with over what is stored: the editing desk, the learning loop, and the book of records."""

from collections.abc import Callable

from callcue.app.storage import Storage, taxonomy_of
from callcue.calls.editing import CardEditor
from callcue.calls.knowledge import KnowledgeBase
from callcue.calls.questions import QuestionProposals
from callcue.calls.record_book import RecordBook
from callcue.calls.records import RecordKeeper
from callcue.calls.review import CardReview, EditingDesk
from callcue.calls.shelf import ShelfKeeper, WithheldSearch
from callcue.calls.summary_writing import SummaryWriter
from callcue.core.ports import Clock
from callcue.core.settings import Settings, SummarySettings
from callcue.infra.card_history import CardHistory
from callcue.infra.chat_endpoint import ChatEndpoint, EndpointConfig
from callcue.infra.searches import SearchLog
from callcue.learning.feedback import Evidence
from callcue.learning.likeness import QuestionVectors
from callcue.learning.loop import LearningLoop, LoopConfig
from kb_index.check import CardChecker
from nlu.assist import AssistConfig
from tagger.summary_prompt import PromptTemplate


def editing_desk(
    storage: Storage,
    knowledge: KnowledgeBase,
    *,
    checker: CardChecker,
    withheld: WithheldSearch,
    assist: AssistConfig,
    clock: Clock,
) -> EditingDesk:
    """What editors work with, over the knowledge base that serves calls."""
    searches = SearchLog(storage.database, clock)
    editor = CardEditor(store=storage.cards, history=CardHistory(storage.database), saver=knowledge)
    return EditingDesk(
        editor=editor,
        review=CardReview(storage.cards, checker, lambda: knowledge.view().cards),
        questions=QuestionProposals(searches=searches, editor=editor, clock=clock),
        searches=searches,
        assist=assist,
        shelf=ShelfKeeper(storage.cards, withheld),
    )


def record_keeper(settings: Settings, storage: Storage, clock: Clock) -> RecordKeeper:
    """The writer of records, held to the schema in force."""
    return RecordKeeper(
        log=storage.log,
        store=storage.records,
        calls=storage.calls,
        clock=clock,
        schema=storage.schemas.current,
        taxonomy=taxonomy_of(settings),
    )


def record_book(settings: Settings, storage: Storage, keeper: RecordKeeper, clock: Clock) -> RecordBook:
    """Records as people read and finish them."""
    return RecordBook(
        keeper=keeper,
        records=storage.records,
        schemas=storage.schemas,
        completions=storage.completions,
        calls=storage.calls,
        log=storage.log,
        clock=clock,
        within_s=settings.records.complete_within_min * 60,
    )


def learning_loop(
    settings: Settings,
    storage: Storage,
    vectors: Callable[[], QuestionVectors],
    clock: Clock,
    learned: Callable[[Evidence], None] | None = None,
) -> LearningLoop:
    """The learning loop over what is stored; it does nothing until it is started or asked."""
    knowledge = settings.knowledge
    return LearningLoop(
        questions=storage.questions,
        history=storage.outcomes,
        cards=storage.cards,
        vectors=vectors,
        clock=clock,
        config=LoopConfig(
            owner=knowledge.question_owner, due_hours=knowledge.question_due_h, repeat_days=knowledge.repeat_days
        ),
        learned=learned,
    )


def summary_writer(settings: SummarySettings) -> SummaryWriter | None:
    """What asks a language model for summaries; None where no endpoint is set.

    Raises BadInput for an address or a template that cannot be used.
    """
    template = PromptTemplate.read(settings.template)  # a wrong one is told also while it is not used yet
    config = EndpointConfig.from_settings(settings)
    return None if config is None else SummaryWriter(ChatEndpoint(config), template)
