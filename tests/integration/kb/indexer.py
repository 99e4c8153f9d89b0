"""A process that serves the knowledge base of a database, or builds it and stalls in the middle.

``python -m tests.integration.kb.indexer URL CACHE serve``: prints ``generation <n> <ids of the cards>`` whenever it
changed, until its input ends. ``… stall``: prints ``building`` in the middle of a build and never gets further.
"""

import asyncio
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from callcue.calls.knowledge import KnowledgeBase
from callcue.core.clock import SystemClock
from callcue.core.ports import TextRole, Vectors
from callcue.infra.bus import InProcessBus
from callcue.infra.cards import CardStore
from callcue.infra.database import Database
from callcue.infra.event_log import EventLog
from callcue.testing import HashEmbedder
from kb_index.index import HybridIndex, IndexConfig


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


class Stalling(HashEmbedder):
    """Gives the first vectors of a build, then says so and waits for good."""

    def __init__(self) -> None:
        super().__init__(dims=64)
        self._calls = 0

    def embed(self, texts: Sequence[str], *, role: TextRole) -> Vectors:
        self._calls += 1
        if self._calls > 1:
            say("building")
            threading.Event().wait()
        return super().embed(texts, role=role)


async def main(url: str, cache: Path, mode: str) -> None:
    database = Database(url)
    log = EventLog(database, InProcessBus())
    embedder = Stalling() if mode == "stall" else HashEmbedder(dims=64)
    index = HybridIndex(embedder, IndexConfig(cache_file=cache, distrust_cache=mode == "stall"))
    knowledge = KnowledgeBase(store=CardStore(database), index=index, log=log, clock=SystemClock())
    await knowledge.start()
    watching = asyncio.create_task(report(knowledge))
    await asyncio.to_thread(sys.stdin.read)
    watching.cancel()
    await knowledge.close()
    await log.drain()
    await database.close()


async def report(knowledge: KnowledgeBase) -> None:
    """Look often: the test waits for the line, not for a time."""
    said = None
    while True:
        cards = knowledge.view().cards
        if cards is not said:
            said = cards
            say(f"generation {knowledge.generation} {' '.join(sorted(cards))}".rstrip())
        await asyncio.sleep(0.01)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))
