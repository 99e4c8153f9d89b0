"""``python -m eval.hotwords``: what hotword correction mends, and what it spoils.

Three measurements with the vocabulary of a set of cards:

* *clean*: texts that people wrote. Whatever is corrected there counts as false, misspellings that it mends (定单) too;
  ``false_per_10k_chars`` with a 95 % interval.
* *simulated*: sentences of the cards with one hotword in which one character became another of the same or a nearly
  same sound (``kb_index.noise``). ``mended`` is the share that came back whole, ``changed_otherwise`` what became
  another word.
* *recognised*: what a recogniser made of known sentences (JSON lines with ``ref`` and ``hyp``). Of the hotwords that
  the reference has and the transcript lacks, the share that came back; and corrections that it does not have.
"""

import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from callcue.app.build import hotword_config
from callcue.core.cards import Card
from callcue.core.errors import BadInput
from callcue.core.settings import Settings
from callcue.core.speech import Language
from eval.cards import load_cards
from eval.data import absence, data_dir, read_jsonl, text_field
from eval.metrics import wilson
from eval.options import spoken_language
from eval.report import Figures, run, table, warn, write
from eval.service import SHIPPED_CARDS
from kb_index.noise import misheard
from nlu.folding import is_han
from nlu.hotwords import HotwordConfig, HotwordCorrector, vocabulary
from nlu.normalise import Normaliser

_SEED = 20261123
_ROUNDS = 3
_TEXT_FIELDS = ("text", "transcript", "hyp")


def main(
    *,
    cards: Annotated[Path, typer.Option(help="Cards whose vocabulary is used.")] = SHIPPED_CARDS,
    texts: Annotated[
        list[Path] | None, typer.Option(help="Clean text: JSON lines with text, transcript or hyp.")
    ] = None,
    recognised: Annotated[Path | None, typer.Option(help="JSON lines with ref and hyp.")] = None,
    language: Annotated[str, typer.Option(help="zh or en.")] = "zh",
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
) -> None:
    """Score hotword correction: what it mends, and what it spoils."""
    spoken = spoken_language(language, "--language")
    loaded, _ = load_cards(cards)
    files = texts or _default_texts(spoken)
    figures = measure(loaded, files, recognised, config=hotword_config(Settings()), language=spoken)
    for found in figures.pop("false_corrections"):
        warn(f"false: {found}")
    table(f"hotwords of {cards}", ["figure", "value"], list(figures.items()))
    write(figures, json_file)


def measure(
    cards: Sequence[Card], texts: Sequence[Path], recognised: Path | None, *, config: HotwordConfig, language: Language
) -> Figures:
    """The figures of one vocabulary."""
    corrector = HotwordCorrector(config, cards)
    words = [*config.given, *vocabulary(cards)]
    clean, wrong = clean_figures(_lines(texts), corrector, language)
    figures: Figures = {"hotwords": len(words), "clean": clean, "simulated": simulated_figures(cards, words, corrector)}
    if recognised is not None:
        pairs = [
            (text_field(row, "ref", str(recognised)), text_field(row, "hyp", str(recognised)))
            for row in read_jsonl(recognised)
        ]
        figures["recognised"] = recognised_figures(pairs, words, corrector, language)
    return {**figures, "false_corrections": wrong}


def clean_figures(texts: Iterable[str], corrector: HotwordCorrector, language: Language) -> tuple[Figures, list[str]]:
    """How often text that is right is changed, and the changes."""
    characters, wrong = 0, list[str]()
    for text in texts:
        characters += len(text)
        wrong += [f"{raw} -> {word}" for raw, word in corrections(text, corrector, language)]
    interval = wilson(len(wrong), characters)
    figures: Figures = {
        "characters": characters,
        "false": len(wrong),
        "false_per_10k_chars": len(wrong) / characters * 10_000 if characters else None,
        "false_per_10k_chars_interval": None if interval is None else tuple(10_000 * bound for bound in interval),
    }
    return figures, wrong


def simulated_figures(cards: Sequence[Card], words: Sequence[str], corrector: HotwordCorrector) -> Figures:
    """Hotwords with one character misheard, in the sentences of the cards."""
    dice = random.Random(_SEED)
    tried = mended = otherwise = 0
    by_length: dict[str, list[bool]] = {}
    for sentence in [q for card in cards for q in (*card.questions, *(t.phrase for t in card.triggers))]:
        for word in [w for w in dict.fromkeys(words) if is_han(w[0]) and w in sentence]:
            for _ in range(_ROUNDS):
                slip = misheard(word, dice)
                if slip == word:
                    continue
                heard = sentence.replace(word, slip, 1)
                came = Normaliser().normalise(heard, "zh", corrector).text
                right = came == Normaliser().normalise(sentence, "zh").text
                tried, mended = tried + 1, mended + right
                otherwise += not right and came != Normaliser().normalise(heard, "zh").text
                by_length.setdefault(str(min(len(word), 5)), []).append(right)
    return {
        "slips": tried,
        "mended": mended / tried if tried else None,
        "mended_interval": wilson(mended, tried),
        "changed_otherwise": otherwise,
        "mended_by_characters": {size: sum(hits) / len(hits) for size, hits in sorted(by_length.items())},
    }


def recognised_figures(
    pairs: Sequence[tuple[str, str]], words: Sequence[str], corrector: HotwordCorrector, language: Language
) -> Figures:
    """Hotwords that a recogniser lost, and what became of them."""
    lost = mended = false = 0
    for reference, heard in pairs:
        came = Normaliser().normalise(heard, language, corrector).text
        missing = [word for word in words if word in reference and word not in heard]
        lost, mended = lost + len(missing), mended + sum(word in came for word in missing)
        false += sum(word not in reference for _, word in corrections(heard, corrector, language))
    return {
        "utterances": len(pairs),
        "lost_hotwords": lost,
        "mended": mended / lost if lost else None,
        "mended_interval": wilson(mended, lost),
        "false": false,
    }


def corrections(text: str, corrector: HotwordCorrector, language: Language) -> list[tuple[str, str]]:
    """What is corrected in a text: raw and written."""
    result = Normaliser().normalise(text, language, corrector)
    return [(text[s.raw_start : s.raw_end], result.text[s.start : s.end]) for s in result.spans if s.kind == "hotword"]


def _lines(files: Sequence[Path]) -> Iterable[str]:
    for file in files:
        for number, row in enumerate(read_jsonl(file), start=1):
            text = next((row[name] for name in _TEXT_FIELDS if isinstance(row.get(name), str)), None)
            if text is None:
                raise BadInput(f"{file}, line {number} has none of {', '.join(_TEXT_FIELDS)}")
            yield str(text)


def _default_texts(language: Language) -> list[Path]:
    folder = data_dir()
    if folder is None:
        raise BadInput(f"{absence()}, or name clean texts with --texts")
    if language == "en":
        return [folder / "text" / "banking77_test.jsonl", folder / "text" / "clinc150_val.jsonl"]
    names = ("sentiment_conversation", "sentiment_hotel", "sentiment_waimai", "faq_bank_dev_queries")
    return [*(folder / "text" / f"{name}.jsonl" for name in names), folder / "speech" / "zh" / "manifest.jsonl"]


if __name__ == "__main__":
    run(main)
