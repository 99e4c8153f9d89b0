"""A process that edits one card again and again, each time from the version it read: URL, CARD, COUNT, NAME."""

import asyncio
import sys
from dataclasses import replace

from callcue.core.errors import StaleCard
from callcue.infra.card_edits import Edit
from callcue.infra.cards import CardStore
from callcue.infra.database import Database


async def main(url: str, card_id: str, count: int, name: str) -> None:
    db = Database(url)
    store = CardStore(db)
    await store.get(card_id)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    done = told = 0
    while done < count:
        card = await store.get(card_id)
        mine = replace(card, questions=(*card.questions, f"{name}-{done}"))
        try:
            await store.save([mine], by=name, edit=Edit(expected={card_id: card.version}))
        except StaleCard as stale:
            told += stale.current.version > card.version and len(stale.current.changes) > 0
        else:
            done += 1
    print(told, flush=True)
    await db.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]))
