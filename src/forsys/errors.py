"""The one error that a user can mend: something is wrong with the data, the settings or the command."""


class DataError(Exception):
    """A fault of the input, not of the program. The CLI prints it without a traceback and exits with 2.

    The message names the file, the place, the value found, what is allowed and what to do next.
    """
