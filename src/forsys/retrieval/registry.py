"""From the settings' lines to sources."""

from importlib import import_module
from importlib.util import find_spec
from inspect import isabstract, signature
from typing import Any

from pydantic import ValidationError

from forsys.errors import DataError
from forsys.retrieval.source import Source


def make_source(name: str, line: dict[str, Any]) -> Source:
    """Make the source of one settings line: `class = "file.Class"` and its parameters. Raises DataError."""
    kind = class_of(name, line)
    parameters = {key: value for key, value in line.items() if key != "class"}
    try:
        source: Source = kind(**parameters)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, f['loc']))}: {f['msg']}" for f in error.errors())
        known = ", ".join(signature(kind).parameters)
        raise DataError(f"retrieval.sources.{name}: {faults}. {kind.__name__} takes: {known}.") from error
    return source


def class_of(name: str, line: dict[str, Any]) -> type[Source]:
    """The class that a settings line names. Raises DataError where there is none."""
    where = str(line.get("class", ""))
    module, _, class_name = where.partition(".")
    try:
        kind = getattr(import_module(f"forsys.retrieval.{module}"), class_name)
    except (ModuleNotFoundError, AttributeError) as error:
        raise _no_source(name, where) from error
    if not (isinstance(kind, type) and issubclass(kind, Source)) or isabstract(kind):
        raise _no_source(name, where)
    return kind


def code_of(line: dict[str, Any]) -> str:
    """The file that a source's line names, relative to the package. Raises DataError where there is none."""
    where = str(line.get("class", ""))
    module = where.partition(".")[0]
    if not module or find_spec(f"forsys.retrieval.{module}") is None:
        raise _no_source("*", where)
    return f"retrieval/{module}.py"


def _no_source(name: str, where: str) -> DataError:
    return DataError(
        f'retrieval.sources.{name}: class = "{where}" is not a source. Expected "file.Class" of a file in '
        f'src/forsys/retrieval, such as "repurchase.Repurchase".'
    )
