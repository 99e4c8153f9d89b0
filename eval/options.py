"""Options that several commands have."""

import typer

from callcue.core.speech import Language


def spoken_language(name: str, option: str = "--lang") -> Language:
    """What was given as a language. Raises BadParameter, which names the option."""
    if name == "zh":
        return "zh"
    if name == "en":
        return "en"
    raise typer.BadParameter(f"{name!r} is not zh or en", param_hint=option)


def any_language(name: str | None, option: str = "--lang") -> Language | None:
    """The same, where none means all of them."""
    return None if name is None else spoken_language(name, option)
