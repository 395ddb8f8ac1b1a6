"""The command line: one command per stage, and what can be asked beside them."""

from forsys.cli.arguments import parsed
from forsys.cli.program import main

__all__ = ["main", "parsed"]
