"""One command from its words to its exit code: faults in one line, and no traceback but for a bug."""

import argparse
import io
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from forsys.cli.arguments import parsed
from forsys.cli.commands import FAULT, chosen_engine
from forsys.errors import DataError
from forsys.machine import machine_fault

INTERRUPTED = 130  # exit code


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns its exit code, see arguments.EXIT_CODES; a bug is raised, and Python ends with 1."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a console of ASCII alone shows \\xd7 for a × instead of failing
            stream.reconfigure(errors="backslashreplace")
    options = parsed(sys.argv[1:] if arguments is None else list(arguments))
    # Idle threads of one library otherwise spin while another works: small fits get 10 times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow would greet every stage with ten lines
    os.umask(0o077)  # what is made of customers' purchases is for the user alone
    command: Callable[[argparse.Namespace], int | None] = options.command
    try:
        with chosen_engine(options):
            code = command(options) or 0
        _flush()
        return code
    except DataError as error:
        print(f"forsys: {error}", file=sys.stderr)
    except BrokenPipeError:  # nobody reads on, as with `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    except KeyboardInterrupt:
        print("\nforsys: stopped. The same command goes on from here.", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        fault = machine_fault(error, _home(options) if _output_is_well() else "standard output")
        if fault is None:
            raise
        print(f"forsys: {fault}", file=sys.stderr)
    return FAULT


def _output_is_well() -> bool:
    """Whether what was printed can be written; if not, it is given up, so that Python can end without it."""
    try:
        _flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return False
    return True


def _flush() -> None:
    if sys.stdout is not None:  # closed, as by >&-
        sys.stdout.flush()


def _home(options: argparse.Namespace) -> str:
    try:
        return str(options.output or os.environ.get("FORSYS_HOME") or Path.cwd())
    except FileNotFoundError:
        return "the output folder"
