"""Admission, look-up, resume, recovery and shutdown of calls."""

import asyncio
from datetime import datetime

import structlog

from callcue.calls.acks import acknowledge
from callcue.calls.filling import hand_over
from callcue.calls.flows import FlowKeeper, StepRequest
from callcue.calls.orders import FactBook
from callcue.calls.prompts import Prompter
from callcue.calls.relinking import take_off_others
from callcue.calls.session import AudioLink, CallSession
from callcue.calls.stages import Stages
from callcue.calls.start import StartCall
from callcue.calls.summaries import Summaries
from callcue.calls.understanding import Understanding
from callcue.core.customers import CustomerProfile
from callcue.core.errors import CallCueError, Conflict, NotFound, Overloaded
from callcue.core.events import AckAction, CallEnded, CallStarted, CardAck, FlowUpdated, SummaryWritten
from callcue.core.ids import new_id
from callcue.core.records import TagSuggestion
from callcue.core.summaries import Moment
from callcue.infra.calls import CallStore
from tagger.call import CallTagger
from tagger.products import ProductFinder

SHUTDOWN_S = 60.0
"""How long live calls may take to write their last finals when the service stops."""

_log = structlog.get_logger(__name__)


class CallManager:
    """Knows every live call of this process."""

    def __init__(self, *, stages: Stages, calls: CallStore) -> None:
        self._stages = stages
        self._calls = calls
        self._live: dict[str, CallSession] = {}
        self._opening: set[str] = set()
        self._closed = False
        self._products = ProductFinder(stages.orders.knowledge.products if stages.orders else ())
        self.flows = FlowKeeper(
            log=stages.log, cards=stages.knowledge.store, clock=stages.clock, embedder=stages.embedder
        )
        self.summaries = Summaries(
            log=stages.log,
            records=stages.records,
            flows=self.flows,
            cards=stages.knowledge.store,
            clock=stages.clock,
            embedder=stages.embedder,
            writer=stages.summary_writer,
        )

    @property
    def closed(self) -> bool:
        """The service is stopping and takes no new calls."""
        return self._closed

    def live(self, call_id: str) -> CallSession | None:
        """The session of a live call."""
        return self._live.get(call_id)

    def live_calls(self) -> list[CallSession]:
        """All live calls, oldest first."""
        return list(self._live.values())

    async def start(self, request: StartCall) -> AudioLink:
        """Open a call. Raises BadInput, BadAudio, Conflict (the id is in use) or Overloaded; then nothing was made."""
        call_id = request.call_id or new_id("call")
        request.check()
        customer = self._checked(request.customer) if request.customer is not None else None
        self._admit(call_id)
        self._opening.add(call_id)
        try:
            started_at = self._stages.clock.now().astimezone()
            await self._stages.log.append(_started(call_id, request, started_at))
            session = self._open(call_id, request, started_at)
        finally:
            self._opening.discard(call_id)
        self._live[call_id] = session
        _log.info("call.started", call_id=call_id, source=request.source, channels=len(request.channels))
        link = session.attach()
        await session.filling.begin()
        try:
            await self._tell_customer(call_id, request.caller, customer.customer_id if customer else "", 0)
        except Exception as error:  # noqa: BLE001 -- the call is open and is heard, whatever is known of the customer
            _log.error("call.customer_not_told", call_id=call_id, code=type(error).__name__)
        if customer is not None:
            try:
                await session.prompter.know(customer, request.source, 0)
                await session.filling.know(customer, 0)
            except CallCueError as error:  # the call is open and is heard; it only has an unknown customer
                _log.warning("call.customer_not_kept", call_id=call_id, code=error.code)
        return link

    async def resume(self, call_id: str, from_ms: int | None = None) -> AudioLink:
        """Go on with a call whose audio socket dropped; ``from_ms`` is the call time of the next sample, by default
        where the call stopped (``resume_ms`` of the link). Raises NotFound, Conflict or BadInput.
        """
        session = self._live.get(call_id)
        if session is None:
            raise NotFound(
                f"call {call_id!r} is not live here: it was never started, or its grace period is over and it was "
                "closed with everything it had. Start a new call for what follows"
            )
        link = await session.take_over()
        try:
            # Also by default: resume_ms is a whole millisecond, and the call may have stopped within one.
            await session.realign(session.resume_ms if from_ms is None else from_ms)
        except CallCueError:
            await link.drop()  # nobody holds the link: the call waits for a better resume
            raise
        _log.info("call.resumed", call_id=call_id, received_ms=session.received_ms)
        return link

    async def recover(self) -> int:
        """Close calls that a crash left open, with every final they had; returns how many. Run before serving."""
        rows = [row for row in await self._calls.unfinished() if row.call_id not in self._live]
        for row in rows:
            at_ms = await self._stages.log.last_at_ms(row.call_id)
            await self._sum_up(row.call_id, at_ms)
            await self._stages.log.append(
                CallEnded(
                    call_id=row.call_id,
                    at_ms=at_ms,
                    reason="interrupted",
                    duration_ms=at_ms,
                    detail="the service stopped during the call; everything written until then is kept",
                )
            )
            _log.warning("call.interrupted", call_id=row.call_id)
        return len(rows)

    async def _sum_up(self, call_id: str, at_ms: int) -> None:
        """The summary of a call that a crash interrupted; one that cannot be made costs nothing else."""
        if not self._stages.config.summary_at_end:
            return
        try:
            await self.summaries.finish(call_id, at_ms, ask=False)
        except CallCueError as error:
            _log.warning("summary.not_made", call_id=call_id, code=error.code)
        except Exception as error:  # noqa: BLE001 -- one old call must not keep the service from starting
            _log.error("summary.not_made", call_id=call_id, code=type(error).__name__)

    async def sum_up(self, call_id: str, moment: Moment, *, by: str, to: str | None = None) -> SummaryWritten:
        """Somebody asks for a summary: of a call that runs, is handed over, or is over. Raises NotFound."""
        session = self._live.get(call_id)
        at_ms = None if session is None else session.received_ms
        written = await self.summaries.make(call_id, moment, by=by, to=to, at_ms=at_ms)
        coordinator = self._stages.record_rules.behind(to) if moment == "transfer" and to else None
        if coordinator is not None and session is not None:
            await session.filling.hand(coordinator, written.at_ms)
        elif coordinator is not None:
            await hand_over(self._stages.records, self._stages.clock, call_id, coordinator, written.at_ms)
        return written

    async def acknowledge(self, *, call_id: str, push_seq: int, action: AckAction, by: str, note: str = "") -> CardAck:
        """Write what the agent did with a card, and see to it that an unwanted one does not come back in this call."""
        ack = await acknowledge(self._stages.log, call_id=call_id, push_seq=push_seq, action=action, by=by, note=note)
        self.noted(ack)
        session = self._live.get(call_id)
        card = self._stages.knowledge.view().cards.get(ack.card_id) if action == "used" else None
        if session is not None and card is not None and card.kind == "culture":
            await session.filling.used(card, session.received_ms)
        return ack

    def noted(self, ack: CardAck) -> None:
        """Tell the call's assistant what the agent did with a card."""
        session = self._live.get(ack.call_id)
        if session is not None:
            session.assistant.on_ack(ack.card_id, ack.action)

    async def flow_step(self, request: StepRequest) -> FlowUpdated:
        """An agent answers a step of a flow, goes back, or takes the flow up again; also in a call that is over."""
        session = self._live.get(request.call_id)
        return await self.flows.step(request, None if session is None else session.received_ms)

    async def know_customer(self, call_id: str, profile: CustomerProfile, *, by: str) -> CustomerProfile:
        """Who calls, told while the call runs; replaces what was known. Returns it as kept.

        Raises Conflict for a call that is over, BadInput that names the field.
        """
        checked = self._checked(profile)
        await self._running(call_id).know(checked, by, self._now_ms(call_id))
        if (session := self._live.get(call_id)) is not None:
            await session.filling.know(checked, self._now_ms(call_id))
        await self._tell_customer(call_id, None, checked.customer_id, self._now_ms(call_id))
        return checked

    async def _tell_customer(self, call_id: str, caller: str | None, customer_id: str, at_ms: int) -> None:
        """The customer's id goes onto the record, and what this customer did elsewhere becomes tags; a call whose
        history cannot be read goes on without.
        """
        try:
            if customer_id:
                await self._stages.records.suggest(call_id, [_told_id(customer_id)], at_ms)
            if self._stages.customers is not None:
                session = self._live.get(call_id)
                hearer = None if session is None else session.filling.happened
                await self._stages.customers.began(call_id, caller, customer_id, at_ms, hearer=hearer)
        except CallCueError as error:
            _log.warning("customer.tags_not_kept", call_id=call_id, code=error.code)
        self._check_orders(call_id)

    def _check_orders(self, call_id: str) -> None:
        """Whose an order is depends on whose call it is."""
        session = self._live.get(call_id)
        if session is not None:
            session.facts.check_again()

    async def link_customer(self, call_id: str, customer_id: str) -> None:
        """A person wrote the cross-channel id into the record, or emptied it (""): the call's customer is known by it,
        and what was put on the record because of another one is taken off again."""
        self._check_orders(call_id)
        customers, session = self._stages.customers, self._live.get(call_id)
        try:
            if session is not None:
                at_ms, hearer = session.received_ms, session.filling.happened
                await session.filling.corrected(customer_id, at_ms)
                if customers is not None:
                    await customers.corrected(call_id, customer_id, at_ms, hearer=hearer)
            else:
                at_ms, call = await self._stages.log.last_at_ms(call_id), await self._calls.get(call_id)
                await take_off_others(self._stages, call, customer_id, at_ms)
                if customers is not None:
                    await customers.corrected_after(call_id, call.caller, customer_id, at_ms)
        except CallCueError as error:
            _log.warning("customer.tags_not_kept", call_id=call_id, code=error.code)

    async def show_card(self, *, call_id: str, card_id: str, by: str) -> None:
        """Put a card on the screen because somebody asks for it. Raises Conflict (call over), NotFound (card)."""
        await self._running(call_id).show(card_id, by, self._now_ms(call_id))

    def _running(self, call_id: str) -> Prompter:
        session = self._live.get(call_id)
        if session is None:
            raise Conflict(f"call {call_id!r} is over: what is told of the customer, and new cards, come too late")
        return session.prompter

    def _now_ms(self, call_id: str) -> int:
        session = self._live.get(call_id)
        return 0 if session is None else session.received_ms

    def _checked(self, profile: CustomerProfile) -> CustomerProfile:
        return profile.checked(self._stages.clock.now().astimezone().date())

    async def shutdown(self) -> None:
        """Refuse new calls and close the live ones, draining what they heard."""
        self._closed = True
        closing = [
            asyncio.create_task(session.close("shutdown", "the service was stopped")) for session in self.live_calls()
        ]
        if not closing:
            return
        _, late = await asyncio.wait(closing, timeout=SHUTDOWN_S)
        for task in late:  # the database is away: the next start closes these calls with what is written
            task.cancel()
        if late:
            _log.error("shutdown.calls_left_open", calls=len(late))
        await asyncio.gather(*closing, return_exceptions=True)

    def _admit(self, call_id: str) -> None:
        config = self._stages.config
        if self._closed:
            raise Overloaded("the service is shutting down and takes no new calls; try another instance")
        if call_id in self._live or call_id in self._opening:
            raise Conflict(f"call {call_id!r} is live already; resume it, or start with another call_id")
        if len(self._live) + len(self._opening) >= config.max_calls:
            raise Overloaded(f"{config.max_calls} calls are live, which is the limit set; try again when one has ended")
        wait_s = self._stages.scheduler.wait_s
        if wait_s > config.max_lag_s:
            raise Overloaded(
                f"recognition is {wait_s:.1f} s behind (limit {config.max_lag_s:g} s); the running calls come first. "
                "Try again shortly"
            )

    def _open(self, call_id: str, request: StartCall, started_at: datetime) -> CallSession:
        orders = self._stages.orders
        tagger = CallTagger(
            issue=self._stages.issue,
            sentiment=self._stages.sentiment,
            fill_threshold=self._stages.config.fill_threshold,
            started_at=started_at,
            rules=self._stages.rules,
            shape=orders.knowledge.shape if orders else None,
            products=self._products,
            taxonomy=self._stages.taxonomy,
            subtype=self._stages.subtype,
        )
        facts = FactBook(
            call_id=call_id,
            caller=request.caller,
            today=started_at.date(),
            log=self._stages.log,
            clock=self._stages.clock,
            records=self._stages.records,
            orders=orders,
            fill_threshold=self._stages.config.fill_threshold,
        )
        understanding = Understanding(
            call_id=call_id,
            request=request,
            stages=self._stages,
            tagger=tagger,
            flows=self.flows,
            facts=facts,
            filling=self._stages.filling(call_id, request, started_at),
        )
        return CallSession(
            call_id=call_id,
            request=request,
            stages=self._stages,
            understanding=understanding,
            summaries=self.summaries,
            on_end=self._forget,
        )

    def _forget(self, call_id: str) -> None:
        self._live.pop(call_id, None)
        if self._stages.customers is not None:
            self._stages.customers.forget(call_id)


def _told_id(customer_id: str) -> TagSuggestion:
    return TagSuggestion(
        field="cross_channel_id", value=customer_id, probability=1.0, evidence=(), model="customer", source="rule"
    )


def _started(call_id: str, request: StartCall, started_at: datetime) -> CallStarted:
    return CallStarted(
        call_id=call_id,
        at_ms=0,
        channels=request.channels,
        agent_id=request.agent_id,
        caller=request.caller,
        language=request.spoken,
        source=request.source,
        sample_rate=request.sample_rate,
        encoding=request.encoding,
        started_at=started_at.isoformat(timespec="milliseconds"),
        languages=tuple(map(request.language_of, request.channels)) if request.languages else (),
        dialled=request.dialled,
        origin=request.origin,
    )
