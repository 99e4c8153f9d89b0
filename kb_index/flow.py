"""Checks of flow cards: a chart whose every step can be reached and from whose every step the end can be reached."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence

from callcue.core.cards import Step
from callcue.core.flows import END

MAX_DEPTH = 40
"""Steps from the beginning to the nearest end: nobody goes through more on a telephone."""


def check_flow(steps: Sequence[Step]) -> list[str]:
    """What is wrong with the steps, each finding naming the step and the remedy; empty when the flow is sound."""
    findings = [
        f"steps: the step id {step_id!r} is used {count} times; give every step its own id"
        for step_id, count in Counter(step.id for step in steps).items()
        if count > 1
    ]
    ids = {step.id for step in steps}
    if END in ids:
        findings.append(f"steps: no step may be called {END!r}, the name for the end of a flow; rename it")
    findings += [
        f"steps: answer {answer!r} of step {step.id!r} leads to {target!r}, which is no step; "
        f"name an existing step or {END!r}"
        for step in steps
        for answer, target in step.next.items()
        if target != END and target not in ids
    ]
    findings += [finding for step in steps for finding in _check_answers(step)]
    return findings or _check_paths(steps)


def _check_answers(step: Step) -> Iterator[str]:
    """Answers that nobody could tell apart, or say."""
    alike: dict[str, list[str]] = {}
    for answer in step.next:
        alike.setdefault(_heard_as(answer), []).append(answer)
    for same in alike.values():
        if len(same) > 1:
            named = " and ".join(map(repr, same))
            yield f"steps: the answers {named} of step {step.id!r} sound the same; keep one of them"
    if "" in alike:
        yield f"steps: answer {alike[''][0]!r} of step {step.id!r} has no letter or digit; write it in words"


def _heard_as(answer: str) -> str:
    """Without what is not heard: case, width, punctuation, spaces."""
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFKC", answer).casefold())


def _check_paths(steps: Sequence[Step]) -> list[str]:
    """Reachability; only meaningful once the ids are sound."""
    if not steps:
        return []
    ahead = {step.id: set(step.next.values()) or {END} for step in steps}
    back: dict[str, set[str]] = {}
    for source, targets in ahead.items():
        for target in targets:
            back.setdefault(target, set()).add(source)
    reached = _closure(steps[0].id, ahead)
    ending = _closure(END, back)
    findings = [
        f"steps: step {step.id!r} is never reached from the first step {steps[0].id!r}; link it or remove it"
        for step in steps
        if step.id not in reached
    ]
    stuck = [step.id for step in steps if step.id in reached and step.id not in ending]
    findings += [
        f"steps: from step {step_id!r} the flow can never end{_round(step_id, ahead)}; "
        f"let one of its answers lead towards {END!r}"
        for step_id in stuck
    ]
    depth = _depth(steps[0].id, ahead)
    if not findings and depth > MAX_DEPTH:
        findings.append(f"steps: the shortest way to the end has {depth} steps; split the flow (at most {MAX_DEPTH})")
    return findings


def _round(start: str, ahead: dict[str, set[str]]) -> str:
    """The cycle that a step is caught in, for the message; empty where it only leads to one."""
    came_from: dict[str, str] = {}
    todo = [start]
    for step_id in todo:
        for target in sorted(ahead.get(step_id, ())):
            if target == start:
                way = [step_id]
                while way[-1] != start:
                    way.append(came_from[way[-1]])
                return f": it goes round {' → '.join([*map(repr, reversed(way)), repr(start)])}"
            if target not in came_from and target != END:
                came_from[target] = step_id
                todo.append(target)
    return ""


def _depth(start: str, ahead: dict[str, set[str]]) -> int:
    """How many steps the shortest way from ``start`` to the end has."""
    level, seen, depth = {start}, {start}, 0
    while level:
        depth += 1
        after = {target for step_id in level for target in ahead.get(step_id, ())}
        if END in after:
            return depth
        level = after - seen
        seen |= level
    return depth


def _closure(start: str, edges: dict[str, set[str]]) -> set[str]:
    """Everything that can be reached from ``start``, itself included."""
    seen = {start}
    todo = [start]
    while todo:
        for target in edges.get(todo.pop(), ()):
            if target not in seen:
                seen.add(target)
                todo.append(target)
    return seen
