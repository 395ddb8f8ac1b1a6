"""Run one benchmark: `bash run.sh benchmark NAME [--input DIR]`; `all` runs every one that measures speed.

A benchmark is a module of this folder with `run(data: Path | None) -> pandas.DataFrame`; its docstring says what is
measured. The tests run none of them at full size, for a time says nothing on a machine that does other things too.
"""

import argparse
import pkgutil
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


def main() -> None:
    """Run the benchmark that the command line names and print its table."""
    parser = argparse.ArgumentParser(prog="bash run.sh benchmark", description=__doc__)
    parser.add_argument("name", choices=names())
    parser.add_argument(
        "--input", type=Path, metavar="DIR", help="Kaggle's files; for growth a folder of such folders"
    )
    options = parser.parse_args()
    module = import_module(f"benchmarks.{options.name}")
    print(f"{(module.__doc__ or '').strip()}\n", flush=True)
    try:
        print(as_text(module.run(options.input)))
    except DataError as error:
        parser.exit(2, f"benchmark {options.name}: {error}\n")


if __name__ == "__main__":
    main()
