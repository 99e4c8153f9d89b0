"""``python -m callcue.app``: the same as the command ``callcue``."""

from callcue.app.cli import main

main()
