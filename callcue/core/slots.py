"""Blanks in the text of script cards: ``{{order_no}}`` stands for what this call knows, or for a blank to fill in."""

import re

SLOTS = ("phone", "order_no", "amount", "purchase_date", "name", "agent")
"""What a call may know: facts of its record, the customer's name, the agent's id."""
_SLOT = re.compile(r"\{\{([^{}]*)\}\}")


def slot_names(text: str) -> list[str]:
    """The names of all blanks in ``text``, each once, known or not, in order of appearance."""
    return list(dict.fromkeys(found.strip() for found in _SLOT.findall(text)))
