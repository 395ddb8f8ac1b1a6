"""The space of a search: which settings are tried, and with which values."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from forsys.errors import DataError
from forsys.retrieval.registry import check_sources
from forsys.settings import Settings, with_value

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

DEFAULT_SPACE = Path(__file__).with_name("space.toml")
FIXED = ("holdout_days", "k", "seed", "max_buyers_per_week", "evaluation")  # they decide what is scored, and how
FORM = "a list of values, or { low = …, high = … } (log = true for ratios)"


class Range(BaseModel):
    """Numbers from low to high, both included; whole ones where both ends are."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    low: int | float
    high: int | float
    log: bool = False

    @model_validator(mode="after")
    def _in_order(self) -> "Range":
        if not self.low < self.high or (self.log and self.low <= 0):
            raise ValueError("low must be below high, and above 0 where log is true")
        return self

    def distribution(self) -> "BaseDistribution":
        """Optuna's."""
        from optuna.distributions import FloatDistribution, IntDistribution

        if isinstance(self.low, int) and isinstance(self.high, int):
            return IntDistribution(self.low, self.high, log=self.log)
        return FloatDistribution(self.low, self.high, log=self.log)


@dataclass(frozen=True)
class Space:
    """Key of a setting -> the values to choose from, or their range; in the order of the file."""

    tried: Mapping[str, list[Any] | Range]

    @classmethod
    def read(cls, path: Path, settings: Settings) -> "Space":
        """Read a TOML file. Raises DataError where a key is no setting, or a value none that it takes."""
        try:
            declared = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        except OSError as error:
            raise DataError(f"{path}: {error.strerror}. Name a space as a TOML file.") from error
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path} is not a TOML file: {error}") from error
        space = cls({key: _values(path, key, value) for key, value in declared.items()})
        if not declared:
            raise DataError(f'{path} names no setting. A line is "ranking.num_leaves" = [7, 15, 31].')
        for key, values in space.tried.items():
            for value in [values.low, values.high] if isinstance(values, Range) else values:
                try:
                    changed(settings, {key: value})
                except DataError as error:
                    raise DataError(f"{path}: {key} = {value!r}: {error}") from error
        return space

    def distributions(self) -> "dict[str, BaseDistribution]":
        """Optuna's."""
        from optuna.distributions import CategoricalDistribution

        return {
            key: values.distribution() if isinstance(values, Range) else CategoricalDistribution(values)
            for key, values in self.tried.items()
        }

    def as_json(self) -> dict[str, Any]:
        """For a fingerprint."""
        return {key: each.model_dump() if isinstance(each, Range) else each for key, each in self.tried.items()}


def _values(path: Path, key: str, declared: Any) -> list[Any] | Range:
    try:
        section = _path(key)[0]
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    if section in FIXED:
        raise DataError(f"{path}: {key} decides what is scored, so trials could not be compared. Leave it out.")
    scalars = isinstance(declared, list) and all(isinstance(each, (bool, int, float, str)) for each in declared)
    if scalars and declared:
        return list(declared)
    try:
        return Range.model_validate(declared)
    except ValidationError as error:
        fault = error.errors()[0]["msg"]
        raise DataError(
            f"{path}: {key} must be {FORM}, in quotes as one key. Found {declared!r} ({fault})."
        ) from error


def changed(settings: Settings, values: Mapping[str, Any]) -> Settings:
    """The settings with other values, by dotted keys. Raises DataError for what is no setting or no value of it."""
    for key, value in values.items():
        settings = with_value(settings, _path(key), value)
    check_sources(settings)
    return settings


def _path(key: str) -> list[str]:
    """The parts of a dotted key, some of which may be in quotes."""
    try:
        tree: Any = tomllib.loads(f"{key} = 0")
    except ValueError as error:
        raise DataError(f"{key} is no key of a setting: {error}") from error
    path = []
    while isinstance(tree, dict) and len(tree) == 1:
        ((name, tree),) = tree.items()
        path.append(name)
    if tree != 0:  # a line break, and another key after it
        raise DataError(f"{key!r} is no key of a setting.")
    return path
