"""Run one benchmark: `bash run.sh benchmark NAME [--input DIR]`; `all` runs every one that measures speed.

A benchmark is a module of this folder with `run(data: Path | None) -> pandas.DataFrame`; its docstring says what is
measured. One with options of its own has `add_options(parser)` too, and its `run` takes them by name. The tests run
none of them at full size, for a time says nothing on a machine that does other things too.
"""

import argparse
import os
import pkgutil
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import benchmarks
from benchmarks._compared import as_text
from forsys.errors import DataError


def names() -> list[str]:
    """The benchmarks, by name: the modules of this folder that are not for all of them."""
    return sorted(
        module.name for module in pkgutil.iter_modules(benchmarks.__path__) if not module.name.startswith("_")
    )


def parser_for(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """The options of all benchmarks, and those of the one that the command line names."""
    parser = argparse.ArgumentParser(prog="bash run.sh benchmark", description=__doc__)
    parser.add_argument("name", choices=names())
    text = "Kaggle's files; for growth a folder of such folders; for complete_journey a shop's"
    parser.add_argument("--input", type=Path, metavar="DIR", help=text)
    named = next((word for word in arguments if word in names()), None)
    if named is not None:
        getattr(import_module(f"benchmarks.{named}"), "add_options", lambda _: None)(parser)
    return parser


def main() -> None:
    """Run the benchmark that the command line names and print its table."""
    parser = parser_for(sys.argv[1:])
    own = vars(parser.parse_args())
    name, data = own.pop("name"), own.pop("input")
    module = import_module(f"benchmarks.{name}")
    os.umask(0o077)  # what is made of customers' purchases is for the user alone
    print(f"{(module.__doc__ or '').strip()}\n", flush=True)
    try:
        print(as_text(module.run(data, **own)))
    except DataError as error:
        parser.exit(2, f"benchmark {name}: {error}\n")


if __name__ == "__main__":
    main()
