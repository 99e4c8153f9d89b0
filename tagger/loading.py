"""Loading the models of the tagger: which kind a folder holds, and whether its labels are those of the taxonomy."""

from dataclasses import dataclass
from pathlib import Path

from callcue.core.errors import ModelError
from callcue.core.ports import Embedder, TagModel
from callcue.core.taxonomy import ISSUE_SUBTYPE, ISSUE_TYPE, Taxonomy
from tagger.finetune import FinetunedClassifier, is_finetuned
from tagger.model_files import MANIFEST
from tagger.stacked import load_classifier


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueModels:
    """What tells issues."""

    taxonomy: Taxonomy
    types: TagModel
    subtypes: TagModel | None
    """None: the folder has none, and the record gets types alone."""


def load_model(folder: Path, embedder: Embedder) -> TagModel:
    """The classifier in ``folder``, of whichever kind. Raises ModelError."""
    if is_finetuned(folder):
        return FinetunedClassifier.load(folder)
    return load_classifier(folder, embedder)


def load_issue_models(folder: Path, embedder: Embedder, taxonomy: Taxonomy) -> IssueModels:
    """The models ``issue_type`` and, where there is one, ``issue_subtype`` in ``folder``.

    Raises ModelError when one says what the taxonomy does not have: the record would take no such value.
    """
    types = load_model(folder / ISSUE_TYPE, embedder)
    _check_labels(types, taxonomy.types, folder / ISSUE_TYPE)
    finer = folder / ISSUE_SUBTYPE
    subtypes = load_model(finer, embedder) if (finer / MANIFEST).exists() else None
    if subtypes is not None:
        _check_labels(subtypes, taxonomy.subtypes, finer)
    return IssueModels(taxonomy=taxonomy, types=types, subtypes=subtypes)


def _check_labels(model: TagModel, known: tuple[str, ...], folder: Path) -> None:
    strange = [label for label in model.labels if label not in known]
    if strange:
        raise ModelError(
            f"The classifier in {folder} says {', '.join(strange[:5])}, which the taxonomy does not have (it has "
            f"{', '.join(known[:8])}): train it on rows labelled with the taxonomy's ids (`callcue tagger train`), or "
            "name its taxonomy in tagging.taxonomy"
        )
