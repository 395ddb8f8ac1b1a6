"""The one error that a user can mend: something is wrong with the data, the settings or the command."""

from collections.abc import Iterable
from difflib import get_close_matches


class DataError(Exception):
    """A fault of the input, not of the program. The CLI prints it without a traceback and exits with 2.

    The message names the file, the place, the value found, what is allowed and what to do next.
    """


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """ " Do you mean X?" with the known word that a mistyped one resembles most; nothing where none does."""
    close = get_close_matches(word, list(known), n=1)
    return f" Do you mean {close[0]}?" if close else ""
