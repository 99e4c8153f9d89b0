"""Numbers that are mended while they are read: 不对，是三八六; the last four are 3186."""

import re

_BACK = re.compile(
    r"不对|不是|错了|说错|念错|报错|更正|改一下|哦不|啊不|等等|应该是|sorry|no,? wait|wait|i mean|i meant|correction|"
    r"scratch that|rather|no,|actually",
    re.IGNORECASE,
)
_LAST = re.compile(r"(?:最?[后末]|尾)(?:面|边|数)?[两二三四五六2-6]?(?:位|个)?(?:数|号)?(?:字)?(?:应该)?是|尾号是|"
    r"(?:last|final) (?:\w+ )?(?:digits? )?(?:are|is|should be)", re.IGNORECASE)  # fmt: skip
_LEAST_PART = 2


def takes_back(between: str) -> bool:
    """Whether these words, said between two numbers, take the first of them back."""
    return bool(_BACK.search(between))


def names_the_end(before: str) -> bool:
    """Whether these words announce the last digits of a number that was said before."""
    return bool(_LAST.search(before))


def mended(number: str, part: str, *, at_end: bool = False) -> str | None:
    """``number`` with ``part`` in its right place; None where ``part`` does not mend it.

    A part that is about as long as the number replaces it. A shorter one goes where it differs least from what stands
    there, the end before other places: who corrects reads the last digits again.
    """
    if len(part) < _LEAST_PART:
        return None
    if len(part) >= len(number) - 1:
        return part
    places = [len(number) - len(part)] if at_end else range(len(number) - len(part), -1, -1)
    wrong = [place for place in places if number[place : place + len(part)] != part]
    if not wrong:
        return None
    at = min(wrong, key=lambda place: _distance(number[place : place + len(part)], part))
    if _distance(number[at : at + len(part)], part) > max(1, len(part) // 2):
        at = len(number) - len(part)
    return number[:at] + part + number[at + len(part) :]


def _distance(one: str, other: str) -> int:
    return sum(a != b for a, b in zip(one, other, strict=True))
