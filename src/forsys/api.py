"""The Python interface: a shop, a model that was fitted to it, and what can be asked of that. See docs/python.md.

shop = forsys.Shop("input/")
model = shop.fit("my-model")
model.recommend("d238e69e…")
"""

import json
import os
import reprlib
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

# Idle threads of one library otherwise spin while another works; in force where no such library is loaded yet.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import polars as pl

from forsys.calendar import Calendar
from forsys.errors import DataError
from forsys.evaluation.holdout import evaluate_holdout
from forsys.locking import locked
from forsys.opening import home_folder, open_run
from forsys.progress import quiet
from forsys.ranking.ranker import Ranker
from forsys.retrieval.source import Source
from forsys.run import Run
from forsys.serving.explaining import explanation_text, explanations
from forsys.serving.export import export
from forsys.serving.frames import as_pandas, as_polars
from forsys.serving.recommender import Recommender
from forsys.serving.shop_files import write_shop
from forsys.settings import MAX_DEPTH, Settings
from forsys.stages import damaged, run_stage, stages_up_to
from forsys.store import read_json, write_json
from forsys.tables.dataset import DataSet
from forsys.tables.history import History
from forsys.toml_text import toml_key
from forsys.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd

STAGES = [stage.name for stage in stages_up_to("rank")]  # what a model needs
MODEL = "model.json"


class Shop:
    """A shop's data: a folder with its files, or frames of pandas or polars.

    folder: as `--input` of the command line takes it, also a URL. orders, articles, customers, promotions: frames
    instead; only orders are needed. columns: which of their columns is what, by the keys of a shop file: those of
    `orders` by their name alone ("day", "customer", "article", and where there are such "units", "price",
    "channel"), others with a dot ("articles.id", "articles.name", "customers.id", "promotions.start", …). A column
    that has the key's own name need not be named. "online" names no column: its value is the channel, or the
    channels, of the online shop. Raises DataError.
    """

    def __init__(
        self,
        folder: str | Path | None = None,
        *,
        orders: Any = None,
        articles: Any = None,
        customers: Any = None,
        promotions: Any = None,
        columns: Mapping[str, str | Sequence[str]] | None = None,
    ) -> None:
        if (folder is None) == (orders is None):
            raise DataError("A shop is either a folder or a frame of orders. Give one of them.")
        frames = {"orders": orders, "articles": articles, "customers": customers, "promotions": promotions}
        given = {name: frame for name, frame in frames.items() if frame is not None}
        if folder is not None and not isinstance(folder, (str, Path)):
            raise DataError(f"A shop is a folder or a frame of orders, and no {type(folder).__name__}.")
        if columns is not None and not isinstance(columns, Mapping):
            raise DataError(f'columns is {columns!r}. Give key and column, such as {{"day": "ordered_at"}}.')
        for key in columns or ():
            if not isinstance(key, str):
                raise DataError(f'columns has the key {key!r}. Keys are texts, such as "day".')
        if folder is not None and (given or columns):
            raise DataError("A shop in a folder says what its columns are in its shop.toml. Give the folder alone.")
        self.folder = folder
        self.frames = {name: as_polars(name, frame) for name, frame in given.items()}
        self.columns = dict(columns or {})

    def fit(
        self,
        folder: str | Path = "forsys-model",
        *,
        preset: str = "default",
        settings: Mapping[str, Any] | None = None,
        max_rejected: float = 0.01,
        verbose: bool = False,
    ) -> "Model":
        """Fit a model in `folder` (or at a URL, such as s3://bucket/model), which may be copied and loaded there.

        settings: those that differ from the preset, such as {"k": 6, "retrieval.sources.next_item": False}. What is
        up to date in the folder is not made again, so a stopped fit goes on. verbose: print a line per stage, and
        show progress. Raises DataError for data or settings that cannot be used.
        """
        if not isinstance(max_rejected, (int, float)) or not 0 <= max_rejected <= 1:
            raise DataError(f"max_rejected is {max_rejected!r}. It is a share of the rows, from 0 to 1.")
        if settings is not None and not isinstance(settings, Mapping):
            raise DataError(f'settings is {settings!r}. Give key and value, such as {{"k": 6}}.')
        if not isinstance(preset, str):
            raise DataError(f"preset is {preset!r}. Give a name or the path of a file, as a text.")
        with _private_files(), quiet(not verbose):
            home, shop = _model_folder(folder), self.folder
            if shop is None:
                shop = home / "input"
                write_shop(self.frames, self.columns, shop)
            run = open_run(
                shop, preset=preset, overrides=overrides(settings or {}), max_rejected=max_rejected, home=home
            )
            for stage in STAGES:
                run_stage(run, stage)
            _write_model(run, home)
        return Model(run)


class Model:
    """A fitted model, in memory. Frames are pandas', or polars' where `polars=True` is given."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._made_from = _made_from(run)
        self._recommender = Recommender.of(run)

    @overload
    def recommend(
        self,
        customers: str | Sequence[str] | None = None,
        *,
        basket: Sequence[str] | None = None,
        k: int | None = None,
        polars: Literal[False] = False,
    ) -> "pd.DataFrame": ...

    @overload
    def recommend(
        self,
        customers: str | Sequence[str] | None = None,
        *,
        basket: Sequence[str] | None = None,
        k: int | None = None,
        polars: Literal[True],
    ) -> pl.DataFrame: ...

    def recommend(
        self,
        customers: str | Sequence[str] | None = None,
        *,
        basket: Sequence[str] | None = None,
        k: int | None = None,
        polars: bool = False,
    ) -> "pd.DataFrame | pl.DataFrame":
        """The first k articles for each customer: customer, rank, article, name, chance, sources, reason.

        customers: an id, several, or None for all; reasons are made one by one, so for the whole of a large shop
        `recommend_all` is the way. basket: instead, the articles in the basket of a new customer.
        k: by default that of the settings. chance: that the customer buys the article within the period (NaN where
        it is unknown); sources: those that found it. Fewer rows, or none, where the sources recommend no more.
        Raises DataError for ids that the shop does not have.
        """
        k = self.settings.k if k is None else k
        if isinstance(k, bool) or not isinstance(k, Integral) or k < 1:
            raise DataError(f"k is {k!r}. A list has a whole number of articles, at least 1.")
        if basket is not None and customers is not None:
            raise DataError("Ask for customers or for a basket, one at a time.")
        if basket is not None:
            found = self._recommender.recommend_to_basket(_ids(basket), k)
        else:
            found = self._recommender.recommend(self._asked(customers), k)
        return found if polars else as_pandas(found)

    def recommend_all(self, path: str | Path) -> int:
        """Write everyone's list as .parquet or .csv: customer, rank, article, chance. Returns the rows.

        A shard is in memory at a time. Raises DataError where the folder was fitted again since.
        """
        self._refuse_other_fit()
        with _private_files():
            return export(self.run, Path(path)).rows

    def explain(self, customer: str, articles: str | Sequence[str] | None = None) -> str:
        """Why articles stand where they do in a customer's list, in sentences.

        articles: an id, several, or None for the whole list. Ids may be given by their beginnings. Raises DataError
        for ids that the shop does not have, and for an article that no source recommends to the customer.
        """
        found = self.explanations(customer, articles)
        return "\n".join(explanation_text(each, self.settings.holdout_days) for each in found)

    def explanations(self, customer: str, articles: str | Sequence[str] | None = None) -> list[dict[str, Any]]:
        """What `explain` says, as data; see `forsys.serving.explaining.explanations`."""
        wanted = None if articles is None else _ids(articles)
        return explanations(self._recommender, customer, wanted, self.settings.k)

    @overload
    def evaluate(self, *, polars: Literal[False] = False, verbose: bool = False) -> "pd.DataFrame": ...

    @overload
    def evaluate(self, *, polars: Literal[True], verbose: bool = False) -> pl.DataFrame: ...

    def evaluate(self, *, polars: bool = False, verbose: bool = False) -> "pd.DataFrame | pl.DataFrame":
        """The scores of every list on the holdout, a row per list, as in evaluation/scores.csv.

        Raises DataError where the folder was fitted again since.
        """
        self._refuse_other_fit()
        with _private_files(), quiet(not verbose), locked(self.run.workspace.out):
            evaluate_holdout(self.run)
        scores = pl.read_csv(self.run.workspace.evaluation / "scores.csv", glob=False)
        return scores if polars else as_pandas(scores)

    @property
    def settings(self) -> Settings:
        """The settings that it was fitted with."""
        return self.run.settings

    @property
    def calendar(self) -> Calendar:
        """The period of the data and its folds; `calendar.submission.as_of` is the day that the lists are for."""
        return self.run.calendar

    @property
    def history(self) -> History:
        """All purchases, sorted by customer and day, with the tables of articles and customers."""
        return self.run.history

    @property
    def sources(self) -> dict[str, Source]:
        """The fitted sources, by name."""
        return self._recommender.live.sources

    @property
    def ranker(self) -> Ranker:
        """The ranker."""
        return self._recommender.live.ranker

    @cached_property
    def customers(self) -> list[str]:
        """The ids of all customers who get a list."""
        ids = self._recommender.customers.ids
        found: list[str] = ids.gather(self.run.submission_customers).to_list()
        return found

    def _refuse_other_fit(self) -> None:
        """DataError where the files in the folder are no longer this model's, which is in memory."""
        if _made_from(self.run) != self._made_from:
            raise DataError(
                f"{self.run.workspace.home} was fitted again after this model, so its files are of another one. "
                "Load that one with forsys.load, and fit each in a folder of its own: shop.fit('another-model')."
            )

    def _asked(self, customers: str | Sequence[str] | None) -> list[str]:
        return self.customers if customers is None else _ids(customers)

    def __repr__(self) -> str:
        as_of = self.calendar.submission.as_of
        return f"<forsys.Model of {self.run.workspace.name} as of {as_of}, {len(self.sources)} sources>"


def load(folder: str | Path) -> Model:
    """The model that `Shop.fit` left in a folder or at a URL, which may have been copied from elsewhere.

    Raises DataError where there is none, where it is damaged, and where another version of forsys made it.
    """
    with _private_files():
        folder = _model_folder(folder)
    if not (folder / MODEL).is_file():
        raise DataError(
            f"{folder} holds no model: no {MODEL} is in it. Name the folder that was given to Shop.fit."
        )
    try:
        run, stages = _read_model(folder)
    except (AttributeError, KeyError, TypeError, ValueError) as error:  # pydantic's are ValueErrors
        raise DataError(
            f"{folder / MODEL} is damaged, or of another version of forsys. Fit the model again."
        ) from error
    for stage, made_from in stages.items():
        if run.fingerprint_of(stage) != made_from:
            raise DataError(f"{folder}: the outputs of {stage} are not those of its {MODEL}. Fit the model again.")
        # LightGBM ends the process over a file that was cut. Sources check their own files when they are read.
        for path in damaged(run, stage) if stage != "retrieve" else ():
            raise DataError(f"{path} is missing or was changed. Copy the model again, or fit it again.")
    return Model(run)


def _model_folder(folder: object) -> Path:
    """As of `home_folder`. DataError for what names no folder."""
    if not isinstance(folder, (str, Path)) or folder == "":
        raise DataError(f"{folder!r} names no folder. Give a path or a URL, such as 'my-model'.")
    return home_folder(folder)


def _ids(asked: str | Sequence[str]) -> list[str]:
    """One id or several as a list; what is no text is told when it is looked up."""
    return list(asked) if isinstance(asked, Iterable) and not isinstance(asked, str) else [asked]


def overrides(settings: Mapping[str, Any]) -> list[str]:
    """Settings as `--set` of the command line takes them, key=value.

    Sections may be dots or mappings. A key within a mapping is one name, as in TOML, also where it holds dots, such
    as {"tuning.grid": {"repurchase.half_life": [7, 14]}}. Numbers may be numpy's. Raises DataError for a value that
    TOML cannot hold, and for a mapping that holds itself.
    """
    return _overrides(settings, depth=1)


def _overrides(settings: Mapping[str, Any], depth: int) -> list[str]:
    """depth: of the mappings, the outermost being 1."""
    found = []
    for key, value in settings.items():
        if isinstance(value, Mapping) and value:
            if depth > MAX_DEPTH:
                raise DataError(
                    f"The setting {key[:60]}… has more than {MAX_DEPTH} sections within each other. Give a mapping "
                    "that does not hold itself."
                )
            inside = {f"{key}.{toml_key(str(inner))}": each for inner, each in value.items()}
            found += _overrides(inside, depth + 1)
        else:
            found.append(f"{key}={_as_toml(key, value)}")
    return found


def _as_toml(key: str, value: Any) -> str:
    """A value as JSON, which TOML reads too but for null, mappings within lists and some characters."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=_as_python)
        tomllib.loads(f"value = {text}")
    except (TypeError, ValueError, RecursionError) as error:
        found = " ".join(reprlib.repr(value).split())[:100]  # also of lists too deep for repr
        raise DataError(
            f"The setting {key} is {found}, which settings cannot hold. Give a number, a text, True or "
            "False, or a list of them; leave the key out to keep its default."
        ) from error
    return text


def _as_python(value: Any) -> Any:
    """A number or bool of numpy as Python's. Raises TypeError for anything else."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError


def _read_model(folder: Path) -> tuple[Run, dict[str, str]]:
    """The run of a model, and the fingerprint of each of its stages: what `_write_model` wrote.

    Raises AttributeError, KeyError, TypeError or ValueError where it is something else.
    """
    found = read_json(folder / MODEL)
    settings = Settings.model_validate_json(json.dumps(found["settings"]))
    dataset = DataSet(found["name"], folder / "input", found["generated"], f"the model {folder}")
    run = Run(dataset, settings, Workspace(folder, found["name"]), found["max_rejected"])
    return run, dict(found["made_from"].items())


def _write_model(run: Run, folder: Path) -> None:
    """What `load` needs to know, without a path."""
    known = {
        "name": run.workspace.name,
        "generated": run.dataset.generated,
        "settings": run.settings.model_dump(mode="json"),
        "max_rejected": run.max_rejected,
        "made_from": _made_from(run),
    }
    write_json(known, folder / MODEL)


def _made_from(run: Run) -> dict[str, str]:
    """What each stage's files in the model's folder were made from. DataError where one is not finished."""
    return {stage: run.fingerprint_of(stage) for stage in STAGES}


@contextmanager
def _private_files() -> Iterator[None]:
    """What is made of customers' purchases is for the user alone."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)
