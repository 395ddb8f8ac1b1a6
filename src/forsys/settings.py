"""One validated tree of settings: presets/default.toml, overridden by a file and by `--set key=value`."""

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    field_validator,
)

from forsys.errors import DataError

PRESETS = Path(__file__).parent / "presets"


class Section(BaseModel):
    """A section of the settings; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Content(Section):
    """What is taken from pictures and descriptions."""

    tolerance: PositiveFloat
    """Colours of a picture nearer than this (CIE 1976 distance in Lab) become one."""
    limit: PositiveInt
    """Colours of a palette at most."""
    keywords: PositiveInt
    """Keywords of a description at most."""
    image_encoder: Path | None = None
    """A Keras image model on disk whose embedding of each picture becomes a feature too."""


class Retrieval(Section):
    """How candidates are made."""

    candidates: PositiveInt
    """Candidates a customer and source."""
    sources: dict[str, dict[str, Any]]
    """One line a source: its name, `class` (file and class below forsys.retrieval), and its parameters.

    `false` instead of a line switches a source off: `--set retrieval.sources.bpr=false`.
    """

    @field_validator("sources", mode="before")
    @classmethod
    def _switched_on(cls, sources: Any) -> Any:
        if not isinstance(sources, dict):
            return sources
        return {name: line for name, line in sources.items() if line is not False}


class Tuning(Section):
    """What is chosen on the weeks before the holdout."""

    customers: PositiveInt
    """Use the week before the holdout, and earlier ones until they hold so many buyers together."""
    weeks: PositiveInt
    """But no more weeks than this."""
    grid: dict[str, list[Any]]
    """Source parameters to choose: "source.parameter" = [values to try]."""


class Ranking(Section):
    """The ranker: what it learns from, and how."""

    features: list[str]
    """Feature groups (forsys.ranking.features)."""
    weeks: PositiveInt
    """Labelled weeks to learn from."""
    customers: PositiveInt
    """And earlier ones, until they hold so many buyers together."""
    most_weeks: PositiveInt
    """But no more weeks than this."""
    enough: PositiveInt
    """And fewer than `weeks` where so many buyers are held by them."""
    candidates: PositiveInt
    """Pairs a customer, the best by fusion, that are ranked."""
    pairs: PositiveInt
    """Where customers are few, more pairs of each, up to so many in all."""
    negatives: PositiveInt
    """Pairs that were not bought, for each that was."""
    objective: Literal["rank_xendcg", "lambdarank", "binary"]
    trees: PositiveInt
    """At most."""
    learning_rate: PositiveFloat
    leaves: PositiveInt = Field(ge=2)
    least_rows: PositiveInt
    """Rows of a leaf, at least."""
    l2: NonNegativeFloat
    feature_share: PositiveFloat = Field(le=1)
    """Share of the features that a tree sees."""
    row_share: PositiveFloat = Field(le=1)
    """Share of the rows that a tree sees."""
    seeds: PositiveInt
    """Models, whose scores are averaged."""


class Evaluation(Section):
    """How scores are reported."""

    draws: PositiveInt
    """Bootstrap draws."""
    events: PositiveInt
    """Most next-item events scored; more are sampled."""


class Compare(Section):
    """The recurrent model of `forsys compare`."""

    network: dict[str, Any]
    """Its line, as a source's, without the cell."""
    without_features: dict[str, Any] = {}
    """What differs for a network that knows only the articles' numbers."""


class Settings(Section):
    """The whole tree."""

    holdout_days: PositiveInt
    seed: int
    buyers: PositiveInt = Field(
        description="Of a week before the holdout, so many buyers at most are learned from."
    )
    shard: PositiveInt = Field(description="Customers in one unit of work; bounds the memory of a stage.")
    content: Content
    retrieval: Retrieval
    tuning: Tuning
    ranking: Ranking
    evaluation: Evaluation
    compare: Compare


def load_settings(preset: str = "default", overrides: Iterable[str] = ()) -> Settings:
    """Read a preset (a name in presets/, or the path of a TOML file that overrides the default one).

    `overrides` are `key=value` with dots between the sections and a TOML value. Raises DataError.
    """
    tree = _read_toml(PRESETS / "default.toml")
    if preset != "default":
        named = PRESETS / f"{preset}.toml"
        tree = _merged(tree, _read_toml(named if named.exists() else Path(preset)))
    for override in overrides:
        tree = _merged(tree, _parse_override(override))
    try:
        return Settings.model_validate(tree)
    except ValidationError as error:
        faults = "\n".join(
            f"  {'.'.join(map(str, fault['loc']))}: {fault['msg']} (found {fault['input']!r})"
            for fault in error.errors()
        )
        raise DataError(
            f"These settings can't be used:\n{faults}\nThe keys and their meaning: src/forsys/presets/default.toml."
        ) from error


def _read_toml(path: Path) -> dict[str, Any]:
    presets = ", ".join(sorted(file.stem for file in PRESETS.glob("*.toml")))
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataError(f"No preset and no file {path}. Presets: {presets}.") from error
    except IsADirectoryError as error:
        raise DataError(f"{path} is a folder and not a TOML file. Presets: {presets}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path} is not a TOML file: {error}") from error


def _parse_override(override: str) -> dict[str, Any]:
    key, equals, value = override.partition("=")
    if not equals or not key:
        raise DataError(f"--set {override}: expected key=value, such as --set retrieval.candidates=50.")
    try:
        return tomllib.loads(f"{key} = {value}")
    except tomllib.TOMLDecodeError:
        try:
            return tomllib.loads(f"{key} = '{value}'")
        except tomllib.TOMLDecodeError as error:
            raise DataError(f"--set {override}: {error}") from error


def _merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merged(merged[key], value) if both else value
    return merged
