"""One validated tree of settings. Defaults stand here and in the classes of the sources; presets override them.

`forsys settings` prints the whole tree with the meaning of every key.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    field_validator,
    model_validator,
)

from forsys.errors import DataError, did_you_mean
from forsys.schema import MAX_RANK

PRESETS = Path(__file__).parent / "presets"
RENAMED: dict[str, str] = tomllib.loads(
    Path(__file__).with_name("renamed_settings.toml").read_text(encoding="utf-8")
)
NAME = re.compile("[a-z][a-z0-9_]{0,39}")  # of a source
MAX_DEPTH = 20  # of sections: more would be a mistake, and too deep for a recursive reader
SourceConfig = dict[str, Any]  # of one source: its `class`, and its parameters


class Section(BaseModel):
    """A section of the settings; unknown keys are errors, and a field's docstring is its meaning."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


class ContentSettings(Section):
    """What is taken from pictures and descriptions."""

    colour_tolerance: PositiveFloat = 12.0
    """Colours of a picture nearer than this (CIE 1976 distance in Lab) become one."""
    max_colours: PositiveInt = Field(default=6, le=100)
    """Colours of a palette."""
    max_keywords: PositiveInt = Field(default=10, le=1_000)
    """Keywords of a description."""
    image_encoder: Path | None = Field(default=None, strict=False)
    """A Keras image model on disk, whose view of each picture `next_item` and the ranker read too (see
    docs/extending.md)."""


class RetrievalSettings(Section):
    """How candidates are made."""

    candidates_per_source: PositiveInt = Field(default=100, le=10_000)
    """Candidates per customer and source; at least k, so that a list can be filled."""
    sources: dict[str, SourceConfig] = Field(min_length=1)
    """Per source its name, `class` ("package.module:Class") and parameters; `false` switches a source off."""

    @field_validator("sources", mode="before")
    @classmethod
    def _switched_on(cls, sources: Any) -> Any:
        if not isinstance(sources, dict):
            return sources
        for name in sources:
            if not NAME.fullmatch(name):  # it becomes the name of a folder and of columns
                raise ValueError(f"{name!r} is no name for a source: use a-z, 0-9 and _, a letter first, up to 40")
        return {name: config for name, config in sources.items() if config is not False}


class TuningSettings(Section):
    """How source parameters and fusion weights are chosen on the weeks before the holdout."""

    min_buyers: PositiveInt = 2_000
    """The week before the holdout is used, and earlier ones until they have this many buyers together."""
    max_weeks: PositiveInt = 26
    """Weeks used at most."""
    min_standard_errors: NonNegativeFloat = 2.0
    """A parameter changes only where the gain is larger than this many standard errors of the paired differences.

    The best of several values is one error ahead by chance often enough: over 30 cut-offs of H&M customers the
    choice changed 13 times with 1, and 4 times with 2."""
    grid: dict[str, Annotated[list[Any], Field(min_length=1)]]
    """Source parameters to choose: "source.parameter" = [values to try]; `false` leaves one as it is."""

    @field_validator("grid", mode="before")
    @classmethod
    def _tried(cls, grid: Any) -> Any:
        if not isinstance(grid, dict):
            return grid
        return {key: values for key, values in grid.items() if values is not False}


class RankingSettings(Section):
    """What the ranker learns from, and how. Names are LightGBM's where they mean the same."""

    features: list[str] = Field(min_length=1)
    """Feature groups (see docs/features.md)."""
    min_weeks: PositiveInt = 6
    """Labelled weeks to learn from at least, unless fewer have `sufficient_buyers` together."""
    min_buyers: PositiveInt = 3_000
    """Earlier weeks are learned from too until all have this many buyers together."""
    max_weeks: PositiveInt = 52
    """Labelled weeks to learn from at most."""
    sufficient_buyers: PositiveInt = 30_000
    """Fewer weeks than `min_weeks` are learned from once they have this many buyers together."""
    candidates_per_customer: PositiveInt = Field(default=200, le=MAX_RANK)
    """Candidates per customer that are ranked, the best by fusion; at least k."""
    target_pairs: PositiveInt = 1_000_000
    """Where customers are few, more candidates of each are ranked, up to this many pairs in all."""
    negatives_per_buyer: PositiveInt = 60
    """Candidates that were not bought and are learned from, per buyer on average: each has the same chance.

    A number per purchase instead would give those who buy many articles too much weight: see docs/results.md."""
    objective: Literal["rank_xendcg", "lambdarank", "binary"] = "lambdarank"
    """What the trees minimise."""
    num_iterations: PositiveInt = Field(default=120, le=100_000)
    """Trees at most: as many are kept as are best on validation weeks."""
    learning_rate: PositiveFloat = Field(default=0.1, le=1)
    """Shrinkage of each tree."""
    num_leaves: PositiveInt = Field(default=15, ge=2, le=131_072)
    """Leaves per tree."""
    min_data_in_leaf: PositiveInt = 50
    """Rows per leaf at least."""
    lambda_l2: NonNegativeFloat = 10.0
    """L2 regularization of the leaves."""
    feature_fraction: float = Field(default=0.5, ge=0.01, le=1)
    """Share of the features that a tree sees."""
    bagging_fraction: float = Field(default=0.8, ge=0.01, le=1)
    """Share of the rows that a tree sees."""
    num_models: PositiveInt = Field(default=3, le=100)
    """Models with different seeds whose scores are averaged."""
    reranked: PositiveInt = 50
    """Candidates per customer that the trees order, the first by the linear model.

    On the 4 weeks before the sample's holdout, MAP@12 with 40 trees was .0799 for 48, for 100 and for all."""


class EvaluationSettings(Section):
    """How scores are reported."""

    bootstrap_samples: PositiveInt = Field(default=2_000, le=1_000_000)
    """Resamples behind each confidence interval."""
    max_events: PositiveInt = 30_000
    """Next-item events scored; of more, a sample is taken."""


class CompareSettings(Section):
    """The recurrent model and the mixture of `forsys compare`."""

    network: SourceConfig
    """Its config, as of a source, without the cell."""
    ids_only: dict[str, Any] = {}
    """What differs for a network without features."""
    mixture: SourceConfig
    """The mixture's config. A member is a config, or `true` for the source of its name or the GRU with features."""


class Settings(Section):
    """The whole tree."""

    holdout_days: PositiveInt = Field(default=7, le=3_650)
    """The last days of the data, which are scored and never tuned on."""
    k: PositiveInt = Field(default=12, le=1_000)
    """Articles per customer in the final list, and the k of MAP@k (Kaggle's H&M competition: 12)."""
    seed: int = Field(default=7, ge=0, lt=2**31)
    """Of everything random."""
    max_buyers_per_week: PositiveInt = 10_000
    """Buyers of a week before the holdout that are tuned and learned on; of more, a sample is taken."""
    shard_size: PositiveInt = 25_000
    """Customers per unit of work; bounds the memory of a stage."""
    content: ContentSettings = ContentSettings()
    retrieval: RetrievalSettings
    tuning: TuningSettings
    ranking: RankingSettings
    evaluation: EvaluationSettings = EvaluationSettings()
    compare: CompareSettings

    @model_validator(mode="after")
    def _lists_can_be_filled(self) -> "Settings":
        for name, found in (
            ("retrieval.candidates_per_source", self.retrieval.candidates_per_source),
            ("ranking.candidates_per_customer", self.ranking.candidates_per_customer),
        ):
            if found < self.k:
                raise ValueError(f"{name} is {found}, less than the k = {self.k} articles of a list: raise it")
        return self


def load_settings(preset: str = "default", overrides: Iterable[str] = ()) -> Settings:
    """Read a preset (a name in presets/, or the path of a TOML file that overrides the default one).

    `overrides` are `key=value` with dots between the sections and a TOML value. Raises DataError.
    """
    tree = default = _read_toml(PRESETS / "default.toml")
    if preset != "default":
        named = PRESETS / f"{preset}.toml"
        tree = _changed(tree, _read_toml(named if named.exists() else Path(preset)), default)
    for override in overrides:
        tree = _changed(tree, _parse_override(override), default)
    return _validated(_without_grid_of_switched_off(tree, default))


def with_value(settings: Settings, keys: Sequence[str], value: Any) -> Settings:
    """The settings with another value of the setting whose section and names are `keys`. Raises DataError."""
    tree = settings.model_dump(mode="json")
    over = reduce(lambda inner, key: {key: inner}, reversed(keys), value)
    return _validated(_without_grid_of_switched_off(_changed(tree, over, tree), tree))


def _validated(tree: dict[str, Any]) -> Settings:
    try:
        return Settings.model_validate(tree)
    except ValidationError as error:
        faults = "\n".join(_fault(fault) for fault in error.errors())
        raise DataError(
            f"These settings can't be used:\n{faults}\n`forsys settings` lists all keys and their meaning."
        ) from error


def _without_grid_of_switched_off(tree: dict[str, Any], default: dict[str, Any]) -> dict[str, Any]:
    """`tree` without the values to try for sources that are switched off, or that only the default one has."""
    try:
        sources = dict.fromkeys(default["retrieval"]["sources"], False) | tree["retrieval"]["sources"]
        off = {name for name, config in sources.items() if config is False}
        grid = {key: values for key, values in tree["tuning"]["grid"].items() if key.partition(".")[0] not in off}
    except (AttributeError, TypeError):  # something else stands there: the validation says so
        return tree
    return tree | {"tuning": tree["tuning"] | {"grid": grid}}


def _changed(tree: dict[str, Any], over: dict[str, Any], default: dict[str, Any]) -> dict[str, Any]:
    """`tree` with the keys of `over`. Raises DataError for old keys, and for what changes or ends nothing there."""
    _refuse_old_keys(over)
    _refuse_unknown_sources(tree, over)
    _refuse_false_of_untried(tree, over)
    emptied = {key: default[key] for key, value in over.items() if value == {} and key in default}
    return _merged(tree, over) | emptied  # an empty section, such as [ranking] alone, has the default keys


def _refuse_unknown_sources(tree: dict[str, Any], over: dict[str, Any]) -> None:
    """A source may be added, with its class; what changes or switches off a source must name one that is there."""
    try:
        known, named = tree["retrieval"]["sources"], over["retrieval"]["sources"].items()
    except (KeyError, AttributeError, TypeError):  # nothing of sources, or something else: the validation says so
        return
    for name, config in named:
        if name not in known and not (isinstance(config, dict) and "class" in config):
            hint = did_you_mean(name, known)
            raise DataError(
                f"retrieval.sources.{name} is not a source.{hint} Sources: {', '.join(known) or 'none'}. "
                'A new one needs its class = "package.module:Class".'
            )


def _refuse_false_of_untried(tree: dict[str, Any], over: dict[str, Any]) -> None:
    """`false` in the tuning grid must name a parameter that is tried."""
    try:
        tried, named = tree["tuning"]["grid"], over["tuning"]["grid"].items()
    except (KeyError, AttributeError, TypeError):  # nothing of the grid, or something else: the validation says so
        return
    for key, values in named:
        if values is False and key not in tried:
            hint = did_you_mean(key, tried)
            raise DataError(
                f'tuning.grid."{key}" = false: this parameter is not tried.{hint} Tried: '
                f"{', '.join(tried) or 'none'}. Leave it out."
            )


def _fault(fault: Any) -> str:
    """One line per fault; an unknown key gets the key that it resembles most."""
    if not fault["loc"]:
        return f"  {fault['msg']}"
    *sections, key = map(str, fault["loc"])
    ours = {
        "model_type": "a section holds keys",
        "extra_forbidden": "there is no such setting",
        "too_short": "at least one is needed",
    }
    message = ours.get(fault["type"], fault["msg"])  # pydantic's names our classes, or says "inputs"
    text = f"  {'.'.join([*sections, key])}: {message} (found {fault['input']!r})"
    if fault["type"] != "extra_forbidden":
        return text
    elsewhere = [name for name in _keys_of(Settings) if name.rpartition(".")[2] == key]
    if elsewhere:
        return f"{text}. Do you mean {elsewhere[0]}?"
    path = "".join(f"{section}." for section in sections)
    beside = [name for name in _keys_of(Settings) if name.startswith(path) and "." not in name.removeprefix(path)]
    return f"{text}.{did_you_mean(path + key, beside)}"


def _keys_of(section: type[BaseModel], path: str = "") -> Iterator[str]:
    """Every key of a section and of those within it, with its dots; sections too."""
    for name, field in section.model_fields.items():
        yield path + name
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _keys_of(field.annotation, f"{path}{name}.")


def _read_toml(path: Path) -> dict[str, Any]:
    presets = ", ".join(sorted(file.stem for file in PRESETS.glob("*.toml")))
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise DataError(f"No preset and no file {path}. Presets: {presets}.") from error
    except IsADirectoryError as error:
        raise DataError(f"{path} is a folder and not a TOML file. Presets: {presets}.") from error
    except (ValueError, RecursionError) as error:  # also bytes that are no UTF-8, and brackets without end
        raise DataError(f"{path} is not a TOML file: {error}") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}. Presets: {presets}.") from error


def _parse_override(override: str) -> dict[str, Any]:
    key, equals, value = override.partition("=")
    if not equals or not key:
        raise DataError(f"--set {override}: expected key=value, such as --set retrieval.candidates_per_source=50.")
    fault: Exception | None = None
    for text in (f"{key} = {value}", f"{key} = '{value}'"):
        try:
            return tomllib.loads(text)
        except (ValueError, RecursionError) as error:
            fault = error
    raise DataError(f"--set {override[:200]}: {fault}") from fault


def _refuse_old_keys(tree: dict[str, Any]) -> None:
    """Raises DataError for a key that has another name now, and for sections too deep."""
    waiting: list[tuple[str, Any]] = list(tree.items())
    while waiting:
        key, value = waiting.pop()
        if key.count(".") > MAX_DEPTH:
            raise DataError(f"The setting {key[:60]}… has more than {MAX_DEPTH} sections within each other.")
        if new := RENAMED.get(key) or _renamed_in_network(key):
            raise DataError(f"The setting {key} is called {new} now.")
        if isinstance(value, dict):
            waiting += [(f"{key}.{name}", inner) for name, inner in value.items()]


def _renamed_in_network(key: str) -> str | None:
    """As for the source next_item, whose parameters compare.network takes."""
    new = RENAMED.get(key.replace("compare.network.", "retrieval.sources.next_item."))
    return new and new.replace("retrieval.sources.next_item.", "compare.network.")


def _merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """`base` with the values of `over`: tables are merged, but an empty one replaces what is there."""
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and value != {} and isinstance(merged.get(key), dict)
        merged[key] = _merged(merged[key], value) if both else value
    return merged
