"""The desktop socket, ``/v1/desktop``: every durable event after the last one seen, none missing, none twice.

A desktop that falls behind is not served from memory: its connection is closed with 1013 and it comes back with
``after``. Nothing that a desktop sends can harm the calls: a frame that is refused draws an error frame.
"""

import asyncio
from collections import OrderedDict
from contextlib import aclosing

from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect

from api.auth import accept, permitted
from api.body import parse_json
from api.faults import log_fault
from api.following import Following, allowed, parse_following
from api.frames import DESKTOP_IN, AckFrame, ErrorFrame, FlowStepFrame, FollowingFrame, PingFrame, PongFrame, ShowFrame
from api.problems import WS_TRY_LATER, public_code, public_message
from api.services import Services
from api.sight import visible_call
from api.socket_io import Inbox, Lost, Outbox, SlowReaderError, text_only
from callcue.calls.flows import StepRequest
from callcue.core.errors import BadInput, CallCueError, NotFound
from callcue.core.events import AnyEvent, CardPush
from callcue.infra.auth import Principal, require
from callcue.infra.cards import CardStore
from callcue.infra.codec import dump_json, encode
from kb_index.formats import card_to_json

MAX_TEXT_FRAME = 16_384
INBOX_BYTES = 65_536

router = APIRouter()


class CardTexts:
    """Cards as JSON by id and version, which never change; the ones used last are kept."""

    def __init__(self, store: CardStore, size: int = 512) -> None:
        self._store = store
        self._size = size
        self._held: OrderedDict[tuple[str, int], dict[str, object]] = OrderedDict()

    async def get(self, card_id: str, version: int) -> dict[str, object] | None:
        """The card's import form at that version; None when it is not stored."""
        key = (card_id, version)
        if key not in self._held:
            try:
                self._held[key] = card_to_json(await self._store.get(card_id, version))
            except NotFound:
                return None
            if len(self._held) > self._size:
                self._held.popitem(last=False)
        self._held.move_to_end(key)
        return self._held[key]


@router.websocket("/v1/desktop")
async def desktop_socket(socket: WebSocket) -> None:
    """One desktop."""
    services: Services = socket.app.state.services
    outbox = Outbox(socket)
    await accept(socket)
    try:
        principal = permitted(socket, services, "calls.read")
        following = await allowed(parse_following(socket.query_params), principal, services.calls)
    except CallCueError as error:
        await outbox.fail(error)
        return
    async with Inbox(socket, capacity=INBOX_BYTES, max_frame=MAX_TEXT_FRAME) as inbox:
        desk = _Desk(services, socket.app.state.card_texts, principal=principal, inbox=inbox, outbox=outbox)
        await desk.run(following)


class _Desk:
    """An open desktop: events go out, acks come in, side by side."""

    def __init__(
        self, services: Services, cards: CardTexts, *, principal: Principal, inbox: Inbox, outbox: Outbox
    ) -> None:
        self._services = services
        self._cards = cards
        self._principal = principal
        self._inbox = inbox
        self._outbox = outbox

    async def run(self, following: Following) -> None:
        """Until either side ends; then the other one is stopped."""
        tasks = [asyncio.create_task(self._send_events(following)), asyncio.create_task(self._take_frames())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except SlowReaderError:
            await self._outbox.close(WS_TRY_LATER, "too slow; come back with after")
        except WebSocketDisconnect:
            pass
        except CallCueError as error:
            await self._outbox.fail(error)
        except Exception as error:  # noqa: BLE001 - boundary: a fault in one desktop's loop closes that desktop only
            log_fault("desktop_socket.failed", error)
            await self._outbox.fail(CallCueError("the desktop connection failed inside the service"))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _send_events(self, following: Following) -> None:
        await self._outbox.send(FollowingFrame(call_id=following.call_id, agent_id=following.agent_id))
        accept_new = following.accepts if following.call_id is None else None
        stream = self._services.feed.follow(following.after, accept_new, since=following.missed)
        async with aclosing(stream) as events:
            async for event in events:
                await self._outbox.send_text(await self._text(event))

    async def _text(self, event: AnyEvent) -> str:
        body = encode(await self._services.book.seen_event(event, self._principal.role))
        if isinstance(event, CardPush):
            body["card"] = await self._cards.get(event.card_id, event.card_version)
        return dump_json(body)

    async def _take_frames(self) -> None:
        while True:
            try:
                frame = text_only(await self._inbox.next())
                if isinstance(frame, Lost):
                    return
                await self._take(frame)
            except BadInput as error:
                await self._refuse(error, None)

    async def _take(self, text: str) -> None:
        frame = parse_json(DESKTOP_IN, text, "frame")
        if isinstance(frame, PingFrame):
            await self._outbox.send(PongFrame())
            return
        try:
            require(self._principal, "cards.ack")
            await visible_call(self._services.calls, frame.call_id, self._principal)
            await self._do(frame)
        except CallCueError as error:
            await self._refuse(error, frame.event)

    async def _do(self, frame: AckFrame | FlowStepFrame | ShowFrame) -> None:
        manager, by = self._services.manager, self._principal.name
        if isinstance(frame, AckFrame):
            await manager.acknowledge(
                call_id=frame.call_id, push_seq=frame.push_seq, action=frame.action, by=by, note=frame.note
            )
        elif isinstance(frame, ShowFrame):
            await manager.show_card(call_id=frame.call_id, card_id=frame.card_id, by=by)
        else:
            await manager.flow_step(
                StepRequest(
                    call_id=frame.call_id,
                    card_id=frame.card_id,
                    action=frame.action,
                    by=by,
                    step=frame.step,
                    answer=frame.answer,
                )
            )

    async def _refuse(self, error: CallCueError, event: str | None) -> None:
        self._services.metrics.socket_errors.labels("desktop", public_code(error)).inc()
        await self._outbox.send(ErrorFrame(code=public_code(error), message=public_message(error), re=event))
