"""Run one benchmark: `bash run.sh benchmark NAME [--input DIR]`.

A benchmark is a module of this folder with `run(data: Path | None) -> pandas.DataFrame`; its docstring says what is
measured. Nothing here is part of the tests, for a time says nothing on a machine that does other things too.
"""

import argparse
import pkgutil
from importlib import import_module
from pathlib import Path

import benchmarks


def main() -> None:
    """Run the benchmark that the command line names and print its table."""
    names = sorted(module.name for module in pkgutil.iter_modules(benchmarks.__path__) if module.name != "__main__")
    parser = argparse.ArgumentParser(prog="bash run.sh benchmark", description=__doc__)
    parser.add_argument("name", choices=names)
    parser.add_argument("--input", type=Path, metavar="DIR", help="a folder with Kaggle's files")
    options = parser.parse_args()
    module = import_module(f"benchmarks.{options.name}")
    print(f"{(module.__doc__ or '').strip()}\n", flush=True)
    print(module.run(options.input).to_string(index=False, na_rep="", float_format=lambda value: f"{value:.4f}"))


if __name__ == "__main__":
    main()
