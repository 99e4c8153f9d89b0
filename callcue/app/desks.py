"""What the people who keep the cards work with: the editing desk and the learning loop, over what is stored."""

from collections.abc import Callable

from callcue.app.storage import Storage
from callcue.calls.editing import CardEditor
from callcue.calls.knowledge import KnowledgeBase
from callcue.calls.questions import QuestionProposals
from callcue.calls.review import CardReview, EditingDesk
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
    storage: Storage, knowledge: KnowledgeBase, checker: CardChecker, assist: AssistConfig, clock: Clock
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
