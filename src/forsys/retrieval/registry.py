"""From the settings to sources."""

from collections.abc import Iterable, Iterator
from importlib import import_module
from inspect import isabstract, signature

from pydantic import ValidationError

from forsys.errors import DataError, did_you_mean
from forsys.fingerprints import code_fingerprint, fingerprint, has_source
from forsys.optional_parts import missing_modules, require_part
from forsys.retrieval.source import Source
from forsys.settings import Settings, SourceConfig


def make_source(name: str, config: SourceConfig) -> Source:
    """Make the source of one config: `class = "package.module:Class"` and its parameters. Raises DataError."""
    made_of = source_class(name, config)
    parameters = {key: value for key, value in config.items() if key != "class"}
    for key, value in parameters.items():
        if isinstance(value, bool) and not isinstance(getattr(made_of, key, None), bool):  # pydantic takes it for 1
            raise DataError(f"{_key(name)}.{key}: {str(value).lower()} is not a number.")
    try:
        source: Source = made_of(**parameters)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, f['loc']))}: {f['msg']}" for f in error.errors())
        known = list(signature(made_of).parameters)
        unknown = [str(key) for key in parameters if key not in known]
        hint = did_you_mean(unknown[0], known) if unknown else ""
        raise DataError(f"{_key(name)}: {faults}.{hint} {made_of.__name__} takes: {', '.join(known)}.") from error
    return source


def source_class(name: str, config: SourceConfig) -> type[Source]:
    """The class that a config names; it may live in any package that can be imported. Raises DataError for none."""
    where = str(config.get("class", ""))
    module, _, class_name = where.partition(":")
    try:
        found = getattr(import_module(module), class_name)
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        raise _no_source(name, where) from error
    if not (isinstance(found, type) and issubclass(found, Source)) or isabstract(found):
        raise _no_source(name, where)
    if not has_source(found.__module__):
        raise DataError(f'{_key(name)}: "{where}" has no source file of its own. Put the class into a module.')
    code_fingerprint(found.__module__)  # kept: that of the code as it was imported, and not as it was edited later
    return found


def source_fingerprint(name: str, config: SourceConfig) -> str:
    """Fingerprint of a config and of the code of its class, and of those of its members."""
    members = [source_fingerprint(*member) for member in config.get("members", {}).items()]
    return fingerprint(config, code_fingerprint(source_class(name, config).__module__), *members)


def check_sources(settings: Settings) -> None:
    """Raises DataError where a source, or a value of the tuning grid, cannot be used."""
    sources, network = settings.retrieval.sources, settings.compare.network
    for name, config in (sources | {"compare.network": network}).items():
        for each in _with_members(name, config):
            make_source(*each)
    make_source("compare.network", network | settings.compare.ids_only)
    _check_mixture(settings.compare.mixture)
    for key, values in settings.tuning.grid.items():
        name, _, parameter = key.partition(".")
        if name not in sources:
            hint = did_you_mean(name, sources)
            raise DataError(f"tuning.grid: {key} names no source.{hint} Sources: {', '.join(sources)}.")
        _check_values(name, sources[name], parameter, values)


def without_missing_parts(settings: Settings) -> Settings:
    """`settings` without the sources whose libraries are not installed, and without their tuning grid.

    Raises DataError where none is left.
    """
    every = settings.retrieval.sources
    lost = {name: part for name, config in every.items() if (part := _missing_part(name, config))}
    for name, part in lost.items() if len(lost) == len(every) else ():
        require_part(part, _key(name))
    sources = {name: config for name, config in every.items() if name not in lost}
    grid = {key: values for key, values in settings.tuning.grid.items() if key.partition(".")[0] not in lost}
    retrieval = settings.retrieval.model_copy(update={"sources": sources})
    tuning = settings.tuning.model_copy(update={"grid": grid})
    return settings.model_copy(update={"retrieval": retrieval, "tuning": tuning})


def _missing_part(name: str, config: SourceConfig) -> str | None:
    """The part that a source, or one of its members, cannot do without and that is not installed."""
    parts = (source_class(*each).needs_part for each in _with_members(name, config))
    return next((part for part in parts if part and missing_modules(part)), None)


def _with_members(name: str, config: SourceConfig) -> Iterator[tuple[str, SourceConfig]]:
    """A source's name and config, then those of its members."""
    yield name, config
    for member, of in config.get("members", {}).items():
        yield from _with_members(f"{_key(name)}.members.{member}", of)


def _check_mixture(mixture: SourceConfig) -> None:
    members = mixture.get("members")
    if not isinstance(members, dict) or not all(isinstance(of, dict | bool) for of in members.values()):
        raise DataError(
            f"compare.mixture.members = {members}: expected a name and a config each, or true for the source of "
            "that name, or false for none."
        )
    for name, config in members.items():
        if isinstance(config, dict):
            make_source(f"compare.mixture.members.{name}", config)
    make_source("compare.mixture", mixture | {"members": {name: {} for name in members}})


def _check_values(name: str, config: SourceConfig, parameter: str, values: Iterable[object]) -> None:
    for value in values:
        make_source(name, config | {parameter: value})


def _key(name: str) -> str:
    """Where a source's config stands in the settings."""
    return name if "." in name else f"retrieval.sources.{name}"


def _no_source(name: str, where: str) -> DataError:
    return DataError(
        f'{_key(name)}: class = "{where}" is not a source. Expected "package.module:Class" of a '
        f'subclass of forsys.retrieval.source:Source, such as "forsys.retrieval.repurchase:Repurchase".'
    )
