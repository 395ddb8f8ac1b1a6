"""The stages in order: what each reads, and what it writes.

tables     the shop's files                 output/<data set>/tables/
content    articles, pictures               output/<data set>/content/
tune       weeks before the holdout         output/<data set>/tuned.json
retrieve   tables, tuned.json               output/<data set>/folds/<as of>/<source>-<fingerprint>/
rank       candidates, weeks before         output/<data set>/rankers/<as of>/, ranked/<as of>/
submit     ranked/                          submissions/submission.csv, output/<data set>/holdout/
evaluate   models and lists of the holdout  output/<data set>/evaluation/
report     all of the above                 output/<data set>/report.html
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from forsys.errors import DataError
from forsys.progress import progress, say, stage_line
from forsys.retrieval.tuning import Tuned, tune_for
from forsys.run import Run
from forsys.schema import LIST_LENGTH
from forsys.store import code_fingerprint, fingerprint, is_current, set_current, write_json, write_parquet
from forsys.submission import write_submission
from forsys.tables.build import build_tables
from forsys.tables.sample import generate
from forsys.tables.source import DataSet, fingerprint_of, locate

SAMPLE = "generated sample"
MODELS = (
    "retrieval",
    "calendar.py",
    "attributes.py",
    "tables/history.py",
)  # the code that decides what a model says


def find_data(option: Path | None, project: Path) -> DataSet:
    """The data to work on; where there are none, the generated sample, made if it is not there yet."""
    found = locate(option, os.environ, project)
    if found is not None:
        return found
    folder = project / "output" / "sample" / "input"
    mark = code_fingerprint("tables/sample")
    if not is_current(folder, mark):
        say("No data found: making a sample of generated data (put Kaggle's files into input/ for real ones).")
        shutil.rmtree(folder, ignore_errors=True)
        with stage_line("sample") as made:
            generate(folder)
            made.append(f"{folder.relative_to(project)}: a small fashion shop, generated")
        set_current(folder, mark)
    return DataSet("sample", folder, True, SAMPLE)


def make_tables(run: Run) -> None:
    """Read the shop's files into checked Parquet tables."""
    dataset = run.dataset
    kind = "generated data, so every score is of a made-up shop" if dataset.generated else "shop data"
    say(f"Data: {dataset.folder} ({dataset.origin}; {kind})")
    mark = fingerprint(fingerprint_of(dataset), run.max_rejected, code_fingerprint("tables", "schema.py"))
    summary = run.tables / "tables.json"
    if is_current(summary, mark):
        return say("tables     up to date, skipped")
    with stage_line("tables") as made:
        facts = build_tables(dataset, run.tables, max_rejected=run.max_rejected)
        set_current(summary, mark)
        made += [
            f"{facts['rows']:,} purchases of {facts['customers']:,} customers and {facts['articles']:,} articles",
            f"{facts['first_day']} to {facts['last_day']}",
        ]
    for note in facts["notes"]:
        say(f"           {note}")


def make_content(run: Run) -> None:
    """Describe every article: its picture's colours and shape, its description's words, its attributes."""
    from forsys.content.features import build_features, in_words  # here, for scikit-learn and scikit-image
    from forsys.content.pictures import find_pictures

    basis, images = run.content_basis, run.dataset.folder / "images"  # first the basis: it wants finished tables
    articles = pl.read_parquet(run.tables / "articles.parquet")
    mark = fingerprint(basis, find_pictures(images, articles).write_csv())
    summary = run.content / "content.json"
    if is_current(summary, mark):
        return say("content    up to date, skipped")
    with stage_line("content") as made:
        summary.unlink(missing_ok=True)  # it vouches for the others, which change now
        facts = build_features(articles, images, run.content, run.settings.content, run.settings.seed)
        write_json({"basis": basis, **facts}, summary)
        set_current(summary, mark)
        made += in_words(facts)


def tune(run: Run) -> None:
    """Choose the sources' parameters and the fusion's weights on the weeks before the holdout."""
    target = run.out / "tuned.json"
    mark = _tuned_mark(run)
    if is_current(target, mark):
        return say("tune       up to date, skipped")
    with stage_line("tune") as made:
        tuned = tune_for(run, run.calendar.holdout, "tune")
        write_json(tuned.as_json(), target)
        set_current(target, mark)
        made.append(f"on {tuned.customers:,} buyers of {len(tuned.folds)} earlier fold(s): {tuned.in_words()}")


def retrieve(run: Run) -> None:
    """Fit every source at the holdout's and the submission's cut-off, and make candidates.

    At the holdout for its buyers, who alone are scored, and for everyone at the submission.
    """
    tuned = _tuned(run)
    folds = (run.calendar.holdout, run.calendar.submission)
    work = [run.shelf(fold, name, line) for fold in folds for name, line in tuned.sources.items()]
    shards = {fold: run.shards(fold) for fold in folds}
    missing = [(s, i) for s in work for i in range(len(shards[s.fold])) if not s.part(i).exists()]
    if not missing:
        return say("retrieve   up to date, skipped")
    with stage_line("retrieve") as made:
        for shelf, i in progress(missing, "retrieve", unit="shard"):
            shelf.make_part(i, shards[shelf.fold][i])
        for fold, parts in shards.items():
            rows = run.candidates(fold, tuned.sources).select(pl.len()).collect().item()
            customers = sum(map(len, parts))
            made.append(f"{fold.as_of}: {rows:,} candidates for {customers:,} customers")
    run.forget_all_but(work)


def rank(run: Run) -> None:
    """Train the ranker on the weeks before each cut-off, and order the candidates there."""
    from forsys.ranking.ordering import order_shards, rankers_for  # here, for lightgbm takes a second to start

    tuned = _tuned(run)
    mark = _ranked_mark(run, tuned)
    targets = [run.ranked(fold) / "ranked.json" for fold in (run.calendar.holdout, run.calendar.submission)]
    if all(is_current(path, mark) for path in targets):
        return say("rank       up to date, skipped")
    with stage_line("rank") as made:
        for fold, ranker in rankers_for(run, tuned, mark).items():
            order_shards(run, tuned, fold, ranker, mark)
            made.append(f"{fold.as_of}: {ranker.in_words()}")


def submit(run: Run) -> None:
    """Write the first 12 of the ranked candidates: the submission, and the lists of the holdout's buyers."""
    mark = fingerprint(_ranked_mark(run, ranked_by(run)), code_fingerprint("submission.py"))
    targets = {
        run.calendar.submission: run.submissions / "submission.csv",
        run.calendar.holdout: run.out / "holdout" / "submission.csv",
    }
    if all(is_current(path, mark) for path in targets.values()):
        return say("submit     up to date, skipped")
    _enough_articles(run)
    with stage_line("submit") as made:
        for fold, path in targets.items():
            top = pl.col("rank") <= LIST_LENGTH
            predictions = run.ranked_candidates(fold).filter(top).select("customer", "article", "rank").collect()
            customers = None  # as Kaggle wants it
            if fold == run.calendar.holdout:
                customers = pl.Series(run.listed(fold))
                write_parquet(predictions, run.out / "holdout" / "predictions.parquet")
            write_submission(predictions, run.tables, path, LIST_LENGTH, customers)
            set_current(path, mark)
            made.append(
                f"{run.shown(path)}: {LIST_LENGTH} articles for {len(predictions) // LIST_LENGTH:,} customers"
            )
        made.append("valid")


def evaluate(run: Run) -> None:
    """Score every source, the simple baselines and the final list on the holdout."""
    folder = run.out / "evaluation"
    tuned = ranked_by(run)
    mark = fingerprint(_ranked_mark(run, tuned), code_fingerprint("evaluation"))
    summary = folder / "scores.json"
    if is_current(summary, mark):
        return say(
            f"evaluate   up to date, skipped; the scores:\n{(folder / 'scores.txt').read_text(encoding='utf-8')}"
        )
    from forsys.evaluation.evaluate import evaluate_holdout  # here, for pandas takes half of a stage's start

    with stage_line("evaluate") as made:
        text = evaluate_holdout(run, tuned, folder)
        set_current(summary, mark)
        say(text)
        made.append(f"{run.shown(folder)}: scores as CSV and JSON")


def report(run: Run) -> None:
    """Write the page that people look at."""
    target = run.out / "report.html"
    scores = run.out / "evaluation" / "scores.json"
    if not scores.exists():
        raise DataError(f"{run.shown(scores)} is not there yet. Run the stage `evaluate` first.")
    facts = scores.read_text(encoding="utf-8")
    mark = fingerprint(run.mark(), facts, code_fingerprint("report"))
    if is_current(target, mark):
        return say("report     up to date, skipped")
    from forsys.report.page import write_report  # here, for matplotlib likewise

    with stage_line("report") as made:
        write_report(run, target)
        set_current(target, mark)
        made.append(f"{run.shown(target)}: open it in a browser")


def _tuned_mark(run: Run) -> str:
    return fingerprint(run.mark(), code_fingerprint("evaluation/metrics.py", *MODELS))


def ranked_by(run: Run) -> Tuned:
    """What the ranker's candidates were made with. Raises DataError where the stage `rank` has not run with it."""
    tuned = _tuned(run)
    path = run.ranked(run.calendar.submission) / "ranked.json"
    if not is_current(path, _ranked_mark(run, tuned)):
        raise DataError(f"{run.shown(path)} is not there or out of date. Run the stage `rank` first.")
    return tuned


def _ranked_mark(run: Run, tuned: Tuned) -> str:
    content = run.content_mark if run.content_is_current else None
    return fingerprint(run.mark(), tuned.as_json(), content, code_fingerprint("ranking", *MODELS))


def _tuned(run: Run) -> Tuned:
    """What the stage `tune` chose with these data and settings. Raises DataError where it has not run with them."""
    path = run.out / "tuned.json"
    tuned = Tuned.read(path)
    if not is_current(path, _tuned_mark(run)):
        raise DataError(f"{run.shown(path)} was made from other data or settings. Run the stage `tune` first.")
    return tuned


def _enough_articles(run: Run) -> None:
    sold = int(np.count_nonzero(run.history.before(run.calendar.holdout.as_of).sales()))
    if sold < LIST_LENGTH:
        raise DataError(
            f"Only {sold} different articles were sold before {run.calendar.holdout.as_of}, and every customer "
            f"gets {LIST_LENGTH}. Use a longer log."
        )


STAGES: dict[str, Callable[[Run], None]] = {
    "tables": make_tables,
    "content": make_content,
    "tune": tune,
    "retrieve": retrieve,
    "rank": rank,
    "submit": submit,
    "evaluate": evaluate,
    "report": report,
}
