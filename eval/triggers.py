"""``python -m eval.triggers RECOGNISED``: are trigger phrases found in recognised speech, by spelling and by sound?

RECOGNISED holds JSON lines with ``ref`` (what was said) and ``hyp`` (what a recogniser wrote). A phrase counts as said
when it stands in the reference, as found when the matcher finds it in the hypothesis. Two sets of phrases: the triggers
of ``--cards``, as editors wrote them; and words cut from all references (two to four characters, Chinese), each asked
of every utterance, since an editor's few phrases are rarely said in a small set. Both sides are normalised as a call's
text is. ``sound`` takes homophones, ``sound, sure`` leaves out those that the gate would not show without the search's
support (two syllables written as another word).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from callcue.core.cards import Card, Trigger, TriggerMatch
from callcue.core.errors import BadInput
from eval.cards import load_cards
from eval.data import read_jsonl, text_field
from eval.metrics import wilson
from eval.report import Figures, run, table, write
from nlu.folding import fold_phrase, is_han
from nlu.normalise import Normaliser
from nlu.triggers import TriggerMatcher


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """One utterance."""

    said: str
    heard: str


def main(
    recognised: Annotated[list[Path], typer.Argument(metavar="RECOGNISED", help="JSON lines with ref and hyp.")],
    *,
    cards: Annotated[Path | None, typer.Option(help="Cards whose triggers are looked for too.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
) -> None:
    """Precision and recall of trigger phrases on recognised speech."""
    utterances = [each for path in recognised for each in read_recognised(path)]
    sets = {"words of the references": words(utterance.said for utterance in utterances)}
    if cards is not None:
        sets["triggers of the cards"] = sorted({t.phrase for card in load_cards(cards)[0] for t in card.triggers})
    figures = {"utterances": len(utterances), **{name: measure(utterances, phrases) for name, phrases in sets.items()}}
    show(figures)
    write(figures, json_file)


def read_recognised(path: Path) -> list[Recognised]:
    """The utterances of one file, normalised. Raises BadInput."""
    normaliser = Normaliser()
    found = []
    for number, row in enumerate(read_jsonl(path), start=1):
        where = f"{path}, line {number}"
        said, heard = text_field(row, "ref", where), text_field(row, "hyp", where)
        found.append(
            Recognised(said=normaliser.normalise(said, "zh").text, heard=normaliser.normalise(heard, "zh").text)
        )
    if not found:
        raise BadInput(f"{path} holds no utterance")
    return found


def words(texts: Iterable[str]) -> list[str]:
    """Every Chinese word of two to four characters."""
    import rjieba

    cut = {word for text in texts for word in rjieba.cut(text)}
    return sorted(word for word in cut if 2 <= len(word) <= 4 and all(is_han(char) for char in word))


def measure(utterances: Sequence[Recognised], phrases: Sequence[str]) -> Figures:
    """Precision and recall by way of matching, over all pairs of a phrase and an utterance."""
    said = {
        (number, phrase)
        for number, utterance in enumerate(utterances)
        for phrase in phrases
        if fold_phrase(phrase) in fold_phrase(utterance.said)
    }
    by_spelling = _found(utterances, phrases, "exact")
    by_sound = _found(utterances, phrases, "pinyin")
    ways = {
        "spelling": {pair for pair, _ in by_spelling},
        "sound": {pair for pair, _ in by_sound},
        "sound, sure": {pair for pair, doubtful in by_sound if not doubtful},
    }
    return {
        "phrases": len(phrases),
        "said": len(said),
        "ways": {way: _rates(found, said) for way, found in ways.items()},
    }


def _found(
    utterances: Sequence[Recognised], phrases: Sequence[str], match: TriggerMatch
) -> set[tuple[tuple[int, str], bool]]:
    """Pairs of utterance and phrase, and whether the match is doubtful.

    One matcher a phrase: in a matcher with all of them the longest would hide those inside it, which were said too.
    """
    found = set()
    for phrase in phrases:
        card = Card(id="phrase", title=phrase, body="", triggers=(Trigger(phrase=phrase, match=match),))
        matcher = TriggerMatcher([card])
        for number, utterance in enumerate(utterances):
            for hit in matcher.scan(utterance.heard, "caller"):
                found.add(((number, phrase), hit.doubtful))
    return found


def _rates(found: set[tuple[int, str]], said: set[tuple[int, str]]) -> Figures:
    right = len(found & said)
    return {
        "found": len(found),
        "precision": right / len(found) if found else None,
        "precision_interval": wilson(right, len(found)),
        "recall": right / len(said) if said else None,
        "recall_interval": wilson(right, len(said)),
    }


def show(figures: Figures) -> None:
    """A table for each set of phrases."""
    for name, part in figures.items():
        if isinstance(part, dict):
            heads = ["found", "precision", "precision_interval", "recall", "recall_interval"]
            rows = [[way, *(rates[h] for h in heads)] for way, rates in part["ways"].items()]
            table(f"{name}: {part['phrases']} phrases, said {part['said']} times", ["by", *heads], rows)


if __name__ == "__main__":
    run(main)
