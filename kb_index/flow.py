"""Checks of flow cards: a chart whose every step can be reached and from whose every step the end can be reached."""

from collections import Counter
from collections.abc import Sequence

from callcue.core.cards import Step

END = "end"
"""The name that ``next`` uses for "the flow is over"."""


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
    return findings or _check_paths(steps)


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
    findings += [
        f"steps: from step {step.id!r} the flow can never end; let one of its answers lead towards {END!r}"
        for step in steps
        if step.id in reached and step.id not in ending
    ]
    return findings


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
