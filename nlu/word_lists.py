"""The word lists beside the code: text files, so that they can be read and extended without touching a rule."""

from importlib.resources import files


def phrases(name: str) -> tuple[str, ...]:
    """The entries of ``phrases/<name>.txt``: separated by white space, lines with # are comments."""
    text = files("nlu").joinpath("phrases", f"{name}.txt").read_text(encoding="utf-8")
    return tuple(entry for line in text.splitlines() if not line.startswith("#") for entry in line.split())


def lines(name: str) -> tuple[str, ...]:
    """The lines of ``phrases/<name>.txt`` that are neither empty nor comments."""
    text = files("nlu").joinpath("phrases", f"{name}.txt").read_text(encoding="utf-8")
    return tuple(line for line in text.splitlines() if line.strip() and not line.startswith("#"))
