"""``python -m eval.peers DIR``: CallCue and its peers on the same streams at real speed, one after the other.

A stream is one side of a synthetic call (``eval.live_calls``). All get the same bytes, s16le at 16 kHz, in pieces of
100 ms, and the same model files; how each is driven stands in its ``drive_…`` module.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from callcue.core.settings import Settings
from callcue.core.speech import Language
from eval.live_calls import CHANNELS, LiveCall, make_calls, read_clips
from eval.options import spoken_language
from eval.peers.protocol import RATE
from eval.peers.run import PEERS, PeerFailed, Stream, run_peer
from eval.peers.score import figures
from eval.report import Figures, run, table, write
from eval.speech_set import Line
from models.store import ModelStore
from models.whisper import whisper_folder

_HEADS = ("recogniser", "streams", "error rate", "cpu", "final p50", "final p95", "first p50", "behind at the end")


def main(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder with manifest.jsonl and the audio.")],
    *,
    lang: Annotated[str, typer.Option(help="Utterances of this language: zh or en.")] = "zh",
    line: Annotated[str, typer.Option(help="clean (16 kHz) or telephone (8 kHz mu-law).")] = "telephone",
    streams: Annotated[str, typer.Option(help="Numbers of streams at once, as 1,2,4.")] = "1,2,4",
    seconds: Annotated[float, typer.Option(help="Length of a stream in seconds.", min=10, max=3600)] = 90.0,
    only: Annotated[str | None, typer.Option(help="Only these recognisers, as callcue,whisperlivekit.")] = None,
    seed: Annotated[int, typer.Option(help="Other seeds make other streams.", min=0)] = 7,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
) -> None:
    """Compare CallCue with other open recognisers."""
    language = spoken_language(lang)
    if line not in ("clean", "telephone"):
        raise typer.BadParameter("clean or telephone", param_hint="--line")
    found = measure(
        folder,
        language=language,
        line="clean" if line == "clean" else "telephone",
        counts=_numbers(streams),
        seconds=seconds,
        names=_names(only),
        seed=seed,
    )
    show(found)
    write(found, json_file)


def measure(
    folder: Path,
    *,
    language: Language,
    line: Line,
    counts: Sequence[int],
    seconds: float,
    names: Sequence[str],
    seed: int = 7,
) -> Figures:
    """A row for every recogniser and number of streams. One that does not run is in ``failed``, with the reason."""
    settings = Settings()
    model = whisper_folder(ModelStore(settings.cache_dir), settings.speech.model)
    clips = read_clips(folder, language, line=line)
    rows: list[Figures] = []
    failed: dict[str, str] = {}
    for count in counts:
        calls = make_calls(clips, (count + 1) // 2, seconds=seconds, seed=seed)
        spoken = [stream for call in calls for stream in streams_of(call)][:count]
        for peer in PEERS:
            if peer.name not in names or peer.name in failed:
                continue
            try:
                result = asyncio.run(run_peer(peer, model, language, spoken))
            except PeerFailed as error:
                failed[peer.name] = error.message
            else:
                rows.append({"name": peer.name, **figures(result)})
    return {"lang": language, "line": line, "rows": rows, "failed": failed}


def streams_of(call: LiveCall) -> list[Stream]:
    """Its two sides at the rate that all recognisers take."""
    return [
        Stream(
            name=f"{call.id}-{channel}",
            pcm=_at_engine_rate(call.tracks[channel], call.rate),
            language=call.language,
            spoken=call.of(channel),
        )
        for channel in CHANNELS
    ]


def _at_engine_rate(pcm: bytes, rate: int) -> bytes:
    import soxr

    if rate == RATE:
        return pcm
    samples = soxr.resample(np.frombuffer(pcm, dtype="<i2").astype(np.float32), rate, RATE)
    return bytes(np.clip(np.rint(samples), -32768, 32767).astype("<i2").tobytes())


def show(found: Figures) -> None:
    """One table."""
    rows: list[list[object]] = []
    for one in found["rows"]:
        finals = one["final_latency_ms"]
        behind = one["drain_s"]
        rows.append(
            [
                f"{one['name']} {one['version']}",
                one["streams"],
                one.get("cer", one.get("wer")),
                one["cpu_s_per_audio_s"],
                finals["p50"],
                finals["p95"],
                one["first_partial_ms"]["p50"],
                "not done" if behind is None else behind,
            ]
        )
    rows += [[name, reason, *[None] * (len(_HEADS) - 2)] for name, reason in found["failed"].items()]
    table(f"{found['lang']}, {found['line']}", _HEADS, rows)


def _numbers(text: str) -> list[int]:
    try:
        found = [int(part) for part in text.split(",")]
    except ValueError:
        found = []
    if not found or not all(1 <= count <= 64 for count in found):
        raise typer.BadParameter("numbers of streams, as 1,2,4", param_hint="--streams")
    return found


def _names(text: str | None) -> list[str]:
    known = [peer.name for peer in PEERS]
    wanted = known if text is None else text.split(",")
    if unknown := sorted(set(wanted) - set(known)):
        raise typer.BadParameter(f"{', '.join(unknown)}: known are {', '.join(known)}", param_hint="--only")
    return wanted


if __name__ == "__main__":
    run(main)
