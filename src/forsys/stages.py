"""The stages, in order: what each reads, writes and does, and the one way in which all of them are run.

The command line, `run.sh`, the resuming of a stopped run and the documentation derive from `STAGES`.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from glob import escape
from pathlib import Path
from typing import Any

import polars as pl

from forsys.errors import DataError
from forsys.fingerprints import code_fingerprint, fingerprint
from forsys.locking import locked
from forsys.made_files import tidy
from forsys.optional_parts import left_out, missing_modules
from forsys.progress import peak_memory_gib, say, say_below, stage_line
from forsys.remote import delete, remote_of
from forsys.retrieval.registry import source_fingerprint
from forsys.run import Run
from forsys.store import digest, is_current, write_json, write_stamp
from forsys.tables.dataset import file_states

MEASUREMENTS = {
    "backtest": ("evaluation/backtest.csv", "forsys.evaluation.backtest"),
    "ablate": ("evaluation/ablation.csv", "forsys.evaluation.ablation"),
    "compare": ("comparison/comparison.json", "forsys.evaluation.comparison"),
}
"""Commands that are no stages: the file that each writes last below the data set's folder, and its module."""


@dataclass(frozen=True)
class Stage:
    """One stage of the pipeline.

    inputs: the stages whose outputs it reads. outputs: patterns of the files that it writes, below the folder of
    the data set or in submissions/; {holdout} and {submission} stand for the cut-offs, {name} for the data set.
    module: where they are made; its code, and all that it imports, decides whether they are up to date. make: does
    the work and returns what to say of it. made_from: what else decides whether the outputs are up to date, such as
    settings. shows: a text that is printed whether or not the stage was skipped. when_skipped:
    what is put right where the outputs are up to date; returns what to say of it.
    """

    name: str
    help: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    module: str
    make: Callable[[Run], list[str]]
    made_from: Callable[[Run], Any] | None = None
    shows: Callable[[Run], str] | None = None
    when_skipped: Callable[[Run], list[str]] | None = None


def run_stage(run: Run, name: str) -> bool:
    """Run a stage unless its outputs are up to date; returns whether it was run.

    Raises DataError where the outputs of an earlier stage are not up to date.
    """
    stage, stamp = STAGES[name], run.workspace.stamp(name)
    if not stage.inputs:
        _say_places(run)
    made_from = stage_fingerprint(run, name)
    skipped = _is_current(run, name, made_from)
    if skipped:
        say(f"{name:<10} up to date, skipped")
        for line in stage.when_skipped(run) if stage.when_skipped else ():
            say(f"{name:<10} {line}")
    else:
        with stage_line(name) as made, locked(run.workspace.out):
            run.workspace.claim()
            for path in damaged(run, name):
                say(f"{name:<10} {run.workspace.shown(path)} is missing or was changed; it is made again")
                if run.workspace.out in path.parents:
                    delete(path)
            delete(stamp)  # it vouches for the outputs, which change now
            tidy(run.workspace.out)
            start = time.perf_counter()
            made += stage.make(run)
            tidy(run.workspace.out)  # workers may have been killed meanwhile
            outputs = {run.workspace.shown(path): digest(path) for path in output_files(run, stage)}
            cost = {"seconds": time.perf_counter() - start, "peak_gib": peak_memory_gib(), "made": made}
            finished = datetime.now().isoformat(timespec="milliseconds")  # orders them
            write_json({"fingerprint": made_from, "outputs": outputs, "finished": finished} | cost, stamp)
    if stage.shows:
        say(f"{stage.shows(run)}\n")
        for line in stale_measurements(run):
            say(line)
    return not skipped


def _say_places(run: Run) -> None:
    """Where the data lie and the output goes, and what is left out."""
    kind = "generated data, so every score is of a made-up shop" if run.dataset.generated else "shop data"
    say(f"Data: {run.dataset.folder} ({run.dataset.origin}; {kind})")
    for line in left_out():
        say(line)
    if remote := remote_of(run.workspace.home):
        say(f"Output: {remote.url} (copy in {remote.folder})")
    if run.workspace.name != run.dataset.name:
        say(f"Output: {run.workspace.shown(run.workspace.out)} (another data set has that name too)")


def note_measurement(run: Run, command: str, made_from: str) -> None:
    """Stamp what a command beside the stages has just written. made_from: `measured_from` when it began."""
    write_stamp(run.workspace.out / MEASUREMENTS[command][0], made_from)


def stale_measurements(run: Run) -> list[str]:
    """A line for each result of such a command that lies beside those of the stages, but belongs to another run."""
    files = {command: run.workspace.out / file for command, (file, _) in MEASUREMENTS.items()}
    return [
        f"{run.workspace.shown(file)} was made from other data, settings or code: `{command}` makes it anew."
        for command, file in files.items()
        if file.exists() and not is_current(file, measured_from(run, command))
    ]


def measured_from(run: Run, command: str) -> str:
    """Fingerprint of the data, all settings and the code, also that of the sources which only `compare` names."""
    compared = run.settings.compare
    members = {name: of for name, of in compared.mixture["members"].items() if isinstance(of, dict)}
    sources = {"network": compared.network} | members if command == "compare" else {}
    code = [source_fingerprint(*source) for source in sources.items()]
    return fingerprint(stage_fingerprint(run, "tune"), code_fingerprint(MEASUREMENTS[command][1]), code)


def is_up_to_date(run: Run, name: str) -> bool:
    """Whether a stage and those before it are up to date with these data, settings and code."""
    try:
        require(run, name)
    except DataError:
        return False
    return True


def require(run: Run, name: str) -> None:
    """Raises DataError unless a stage and those before it are up to date with these data, settings and code."""
    _refuse_stale(run, name, stage_fingerprint(run, name))


def stage_fingerprint(run: Run, name: str) -> str:
    """Fingerprint of all that decides a stage's outputs. Raises DataError unless earlier stages are up to date."""
    found: dict[str, str] = {}
    for stage in stages_up_to(name):
        inputs = [found[earlier] for earlier in stage.inputs]
        found[stage.name] = fingerprint(
            inputs, code_fingerprint(stage.module), stage.made_from(run) if stage.made_from else None
        )
        if stage.name != name:
            _refuse_stale(run, stage.name, found[stage.name])
    return found[name]


def stages_up_to(name: str) -> list[Stage]:
    """A stage and all that it depends on, in order."""
    earlier = {stage.name: stage for other in STAGES[name].inputs for stage in stages_up_to(other)}
    return [*earlier.values(), STAGES[name]]


def _refuse_stale(run: Run, name: str, made_from: str) -> None:
    if _is_current(run, name, made_from):
        return
    fault, changed = "were made from other data, settings or code", damaged(run, name)
    other = ", or give the options of the run that made them, such as --preset"
    if not run.workspace.stamp(name).exists():
        fault, other = "are not finished", ""
    elif changed:
        fault, other = f"are damaged: {run.workspace.shown(changed[0])} is missing or was changed", ""
    raise DataError(f"{run.workspace.name}: the outputs of {name} {fault}. Run the stage `{name}` first{other}.")


def _is_current(run: Run, name: str, made_from: str) -> bool:
    stamp = run.stamp_of(name)
    return stamp is not None and stamp["fingerprint"] == made_from and not damaged(run, name)


def damaged(run: Run, name: str) -> list[Path]:
    """The outputs of a stage that are not as it left them; none where it has not finished."""
    stamp = run.stamp_of(name)
    outputs = {run.workspace.home / path: sha for path, sha in stamp["outputs"].items()} if stamp else {}
    ours = {run.workspace.out.resolve(), run.workspace.submission.parent.resolve()}  # whatever a stamp says
    return [path for path, sha in outputs.items() if ours & {*path.resolve().parents} and digest(path) != sha]


def output_files(run: Run, stage: Stage) -> list[Path]:
    """The files of a finished stage."""
    home, folder = run.workspace.home, escape(run.workspace.name)
    below = [p if p.startswith("submissions/") else f"output/{folder}/{p}" for p in stage.outputs]
    below = [p.replace("{name}", folder) for p in below]
    if any("{" in pattern for pattern in stage.outputs):
        holdout, submission = str(run.calendar.holdout.as_of), str(run.calendar.submission.as_of)
        below = [p.replace("{holdout}", holdout).replace("{submission}", submission) for p in below]
    return sorted(path for pattern in below for path in home.glob(pattern) if path.is_file())


def _tables(run: Run) -> list[str]:
    from forsys.candidates import delete_of_other_tables
    from forsys.tables.build import build_tables

    summary = build_tables(run.dataset, run.workspace.tables, max_rejected=run.max_rejected)
    delete_of_other_tables(run, stage_fingerprint(run, "tables"))
    for note in summary["notes"]:
        say_below(note)
    return [
        f"{summary['rows']:,} purchases of {summary['customers']:,} customers and {summary['articles']:,} articles",
        f"{summary['first_day']} to {summary['last_day']}",
    ]


def _content(run: Run) -> list[str]:
    from forsys.content.describe import build_features, summary

    articles = pl.read_parquet(run.workspace.tables / "articles.parquet", glob=False)
    images, settings = run.dataset.folder / "images", run.settings
    facts = build_features(
        articles, run.roles.attributes, images, run.workspace.content, settings.content, settings.seed
    )
    write_json(facts, run.workspace.content / "content.json")
    return summary(facts)


def _pictures(run: Run) -> str:
    from forsys.content.pictures import picture_state

    articles = pl.read_parquet(run.workspace.tables / "articles.parquet", glob=False)
    return picture_state(run.dataset.folder / "images", articles)


def _encoder(run: Run) -> str | None:
    from forsys.content.image_encoder import encoder_fingerprint

    path = run.settings.content.image_encoder
    return encoder_fingerprint(path) if path else None


def _tune(run: Run) -> list[str]:
    from forsys.ranking.tuning import tune

    tuned = tune(run)
    for line in tuned.choices():
        say_below(line)
    return [tuned.summary()]


def _retrieve(run: Run) -> list[str]:
    from forsys.candidates import delete_other_candidates, make_candidates, read_candidates
    from forsys.ranking.tuning import Tuned

    sources, folds = Tuned.read(run.workspace.tuned).sources, (run.calendar.holdout, run.calendar.submission)
    make_candidates(run, folds, sources)
    delete_other_candidates(run, folds, sources)
    counts = [read_candidates(run, fold, sources).select(pl.len()).collect().item() for fold in folds]
    customers = [len(run.target_customers(fold)) for fold in folds]
    return [
        f"{fold.as_of}: {rows:,} candidates for {count:,} customers"
        for fold, rows, count in zip(folds, counts, customers, strict=True)
    ]


def _rank(run: Run) -> list[str]:
    from forsys.ranking.ordering import rank

    return rank(run)


def _submit(run: Run) -> list[str]:
    from forsys.submission import submit

    return submit(run)


def _give_fixed_name(run: Run) -> list[str]:
    """submissions/submission.csv may be that of another data set, run since."""
    from forsys.submission import give_fixed_name

    own, fixed = run.workspace.name, run.workspace.shown(run.workspace.submission)
    before = give_fixed_name(run.workspace)
    if before is None:
        return [f"{fixed} is missing or was changed; it is made again"]
    return [] if before == own else [f"{fixed} was that of {before}; it is that of {own} again"]


def _evaluate(run: Run) -> list[str]:
    from forsys.evaluation.holdout import evaluate_holdout

    evaluate_holdout(run)
    return [f"{run.workspace.shown(run.workspace.evaluation)}: scores as CSV and JSON"]


def _scores_text(run: Run) -> str:
    from forsys.evaluation.holdout import scores_text

    return scores_text(run)


def _report(run: Run) -> list[str]:
    from forsys.report.page import write_report

    write_report(run, run.workspace.report, stale_measurements(run))
    return [f"{run.workspace.shown(run.workspace.report)}: open it in a browser"]


def _measurements(run: Run) -> Any:
    """The page shows what was measured beside the stages, and what of it is stale."""
    return [digest(run.workspace.out / file) for file, _ in MEASUREMENTS.values()], stale_measurements(run)


def _settings_and_sources(run: Run) -> Any:
    """All settings, and the code of the sources, which is known from the settings only."""
    sources = run.settings.retrieval.sources
    return run.settings.model_dump(mode="json"), [source_fingerprint(*source) for source in sources.items()]


STAGES: dict[str, Stage] = {
    stage.name: stage
    for stage in (
        Stage(
            name="tables",
            help="read the shop's files into checked tables",
            inputs=(),
            outputs=("tables/*.parquet", "tables/tables.json"),
            module="forsys.tables.build",
            made_from=lambda run: (file_states(run.dataset), run.max_rejected),
            make=_tables,
        ),
        Stage(
            name="content",
            help="describe every article by its picture, its words and its attributes",
            inputs=("tables",),
            outputs=("content/**/*",),
            module="forsys.content.describe",
            made_from=lambda run: (
                run.settings.content.model_dump(mode="json"),
                run.settings.seed,
                _pictures(run),
                _encoder(run),
                missing_modules("content"),
            ),
            make=_content,
        ),
        Stage(
            name="tune",
            help="choose source parameters and fusion weights on the weeks before the holdout",
            inputs=("content",),
            outputs=("tuned.json",),
            module="forsys.ranking.tuning",
            made_from=_settings_and_sources,
            make=_tune,
        ),
        Stage(
            name="retrieve",
            help="fit every source and make candidates",
            inputs=("tune",),
            outputs=("folds/{holdout}/*/*", "folds/{submission}/*/*"),
            module="forsys.candidates",
            make=_retrieve,
        ),
        Stage(
            name="rank",
            help="train the ranker on earlier weeks and order the candidates",
            inputs=("retrieve",),
            outputs=(
                "rankers/{holdout}/*",
                "rankers/{submission}/*",
                "ranked/{holdout}/*",
                "ranked/{submission}/*",
            ),
            module="forsys.ranking.ordering",
            make=_rank,
        ),
        Stage(
            name="submit",
            help="write submissions/submission.csv",
            inputs=("rank",),
            outputs=("submissions/{name}-submission.csv", "holdout/submission.csv", "holdout/predictions.parquet"),
            module="forsys.submission",
            make=_submit,
            when_skipped=_give_fixed_name,
        ),
        Stage(
            name="evaluate",
            help="score every source, simple baselines and the final list on the holdout",
            inputs=("rank",),
            outputs=(
                "evaluation/scores.*",
                *(
                    f"evaluation/{n}.csv"
                    for n in ("next_item", "segments", "importance", "calibration", "sources", "popularity")
                ),
                *(f"evaluation/{n}.parquet" for n in ("customers", "next_item_ranks")),
            ),
            module="forsys.evaluation.holdout",
            make=_evaluate,
            shows=_scores_text,
        ),
        Stage(
            name="report",
            help="write the page that people look at",
            inputs=("submit", "evaluate"),
            outputs=("report.html", "report.json"),
            module="forsys.report.page",
            made_from=_measurements,
            make=_report,
        ),
    )
}
