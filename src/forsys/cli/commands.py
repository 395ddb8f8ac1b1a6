"""What each command does. What it needs is imported in it, so that `--help` and small commands start at once."""

import argparse
import os
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from datetime import date
from pathlib import Path

from forsys.cli.opened import described, opened, overrides
from forsys.errors import DataError
from forsys.evaluation.kept_runs import check_name, is_kept, keep_result, keep_run
from forsys.locking import locked
from forsys.machine import GOES_ON, OUT_OF_MEMORY, writing
from forsys.opening import checked_settings, find_data, home_folder
from forsys.optional_parts import require_part
from forsys.progress import say, stage_line
from forsys.settings import load_settings
from forsys.stages import STAGES, is_up_to_date, measured_from, note_measurement, require, run_stage
from forsys.store import atomic_write, json_text, write_json, write_parquet, write_text

FAULT = 2  # exit code, as of a DataError


@contextmanager
def chosen_engine(options: argparse.Namespace) -> Iterator[None]:
    """Run tasks where the options say, while the block runs.

    The address of a cluster that is started for them goes to `options.scheduler`: `run` gives it to its stages.
    """
    from forsys.cluster import local_cluster, on_cluster

    with ExitStack() as stack:
        if options.engine == "dask":
            options.scheduler = stack.enter_context(local_cluster())
        if options.scheduler:
            stack.enter_context(on_cluster(options.scheduler))
        yield


def run_all(options: argparse.Namespace) -> int:
    """Every stage in a process of its own, so that the memory of one is free for the next."""
    check_name(options.name)
    given = ["--max-rejected", str(options.max_rejected), "--preset", options.preset]
    given += [word for setting in overrides(options) for word in ("--set", setting)]
    given += ["--input", options.input] if options.input else []
    given += ["--output", options.output] if options.output else []
    given += ["--scheduler", options.scheduler] if options.scheduler else []
    path = os.pathsep.join(filter(None, (str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH"))))
    for name in STAGES:
        words = [f"--name={options.name}", f"--note={options.note}"] if name == "evaluate" else []
        command = [sys.executable, "-m", "forsys", name, *given, *words]
        code = subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, check=False).returncode
        if code < 0:
            raise DataError(_ended(name, signal.Signals(-code)))
        if code:
            return code
    return 0


def _ended(stage: str, by: signal.Signals) -> str:
    """What to say of a stage whose process was ended by a signal."""
    why = f"most likely since {OUT_OF_MEMORY}" if by == signal.SIGKILL else GOES_ON
    return f"{stage} was ended by {by.name}: {why}"


def run_one_stage(options: argparse.Namespace) -> None:
    """Run it; what `evaluate` has found is kept, with the submission once there is one."""
    run = opened(options, make_sample=not STAGES[options.stage].inputs)
    if options.stage == "evaluate":
        check_name(options.name)
    made = run_stage(run, options.stage)
    words = {"name": options.name, "note": options.note} if options.stage == "evaluate" else {}
    if options.stage not in ("submit", "evaluate") or not is_up_to_date(run, "evaluate"):
        return
    is_lost = options.stage == "evaluate" and not is_kept(run)  # it was ended before it could be kept
    if made or any(words.values()) or is_lost:
        anew = options.stage == "evaluate" and (made or is_lost)
        with locked(run.workspace.out):
            line = keep_run(run, made=anew, submission=is_up_to_date(run, "submit"), **words)
        if line:
            say(f"{options.stage:<10} {line}")


def show_articles(options: argparse.Namespace) -> None:
    """Write the sheet and the page of some articles."""
    from forsys.report.article_page import write_article_page
    from forsys.report.article_sheet import sheets_of, write_sheet

    require_part("content", "content show")

    run = opened(options, make_sample=False)
    require(run, "content")
    sheets = sheets_of(run, options.articles)
    for path in (write_sheet(run, sheets), write_article_page(run, sheets)):
        say(run.workspace.shown(path))


def score_weeks(options: argparse.Namespace) -> None:
    """Score the lists of the last weeks, each as if it were the next one; the result is kept."""
    from forsys.evaluation.backtest import backtest_table, backtest_text, score_folds

    run, start = described(options), time.perf_counter()
    with locked(run.workspace.out), stage_line("backtest") as made:
        made_from = measured_from(run, "backtest")  # now: an input may be touched within the hours
        scored = score_folds(run, options.weeks)
        table, folder = backtest_table(run, scored), run.workspace.evaluation
        about = table.attrs | {"first": str(table.attrs["first"]), "last": str(table.attrs["last"])}
        write_parquet(scored.of_customers(run), folder / "backtest_customers.parquet")
        write_json(about, folder / "backtest.json")
        with atomic_write(folder / "backtest.csv") as part:
            table.to_csv(part, index=False)
        note_measurement(run, "backtest", made_from)
        say(backtest_text(run, table))
        made.append(run.workspace.shown(folder / "backtest.csv"))
        told = {"weeks": options.weeks}
        made.append(keep_result(run, "backtest", folder, scored.score(run), time.perf_counter() - start, told))


def leave_out(options: argparse.Namespace) -> None:
    """Score the lists without each part in turn; the result is kept."""
    from forsys.evaluation.ablation import ablate, ablation_text

    run, start = described(options), time.perf_counter()
    with locked(run.workspace.out), stage_line("ablate") as made:
        made_from = measured_from(run, "ablate")
        found, folder = ablate(run, options.weeks, options.names), run.workspace.evaluation
        for name, table in {"ablation": found.lists, "ablation_candidates": found.candidates}.items():
            with atomic_write(folder / f"{name}.csv") as part:
                table.to_csv(part, index=False)
        note_measurement(run, "ablate", made_from)
        say(ablation_text(run, found))
        made.append(f"{run.workspace.shown(folder)}: ablation.csv, ablation_candidates.csv")
        told = {"weeks": options.weeks} | ({"names": options.names} if options.names else {})
        made.append(keep_result(run, "ablate", folder, found.everything, time.perf_counter() - start, told))


def explain_rank(options: argparse.Namespace) -> None:
    """Print why a customer's articles have their ranks; with --html, as a page too."""
    from forsys.cli.lists_text import explained, explained_text
    from forsys.report.explanation_page import write_explanation_page

    run = opened(options, make_sample=False)
    require(run, "rank")
    if options.html:
        run.refuse_to_replace(options.html)
    found = explained(run, options.customer, options.articles)
    if options.html:
        with writing(options.html):
            write_explanation_page(run, found, options.html)
    print(explained_text(run, found, as_json=options.json))


def recommend_lists(options: argparse.Namespace) -> None:
    """Print the lists of some customers, or that of a basket."""
    from forsys.cli.lists_text import recommend_text

    if bool(options.customers) == bool(options.basket):
        raise DataError("Name either customers, or articles with --basket.")
    run = opened(options, make_sample=False)
    require(run, "rank")
    print(recommend_text(run, options.customers, options.basket, options.k, as_json=options.json))


def export_lists(options: argparse.Namespace) -> None:
    """Write the lists of all customers to a file."""
    from forsys.cli.lists_text import export_text

    run = opened(options, make_sample=False)
    require(run, "rank")
    print(export_text(run, options.file))


def compare_networks(options: argparse.Namespace) -> None:
    """Train and score the recurrent networks and the mixture beside other systems; the result is kept."""
    from forsys.evaluation.comparison import bias_sweep, compare
    from forsys.evaluation.mixture_ablation import mixture_ablation
    from forsys.evaluation.network_ablation import network_ablation
    from forsys.report.comparison_tables import write_comparison

    require_part("recurrent", "compare")
    run, start = described(options), time.perf_counter()
    with locked(run.workspace.out), stage_line("compare") as made:
        made_from = measured_from(run, "compare")
        found = compare(run)
        ablations = (network_ablation(run), mixture_ablation(run)) if options.ablation else None
        say(write_comparison(run, found, bias_sweep(run), ablations))
        note_measurement(run, "compare", made_from)
        made.append(f"{run.workspace.shown(run.workspace.comparison)}: tables, curve, comparison.html")
        told, seconds = {"ablation": True} if options.ablation else {}, time.perf_counter() - start
        made.append(keep_result(run, "compare", run.workspace.comparison, None, seconds, told))


def validate_file(options: argparse.Namespace) -> int:
    """Check a submission; with --json, a fault too is an answer on standard output."""
    from forsys.submission import owner_of
    from forsys.submission_check import validate

    run = opened(options, make_sample=False)
    require(run, "tables")
    try:
        rows = validate(options.file, run.workspace.tables, run.settings.k)
    except DataError as error:
        owner = owner_of(options.file)
        other = f" This file is the submission of {owner}." if owner not in (None, run.workspace.name) else ""
        if not options.json:
            raise DataError(f"{error}{other}") from error
        print(json_text({"file": str(options.file), "valid": False, "fault": f"{error}{other}"}))
        return FAULT
    found = {"file": str(options.file), "valid": True, "customers": rows, "articles_each": run.settings.k}
    text = f"{options.file}: valid, {rows:,} customers with {run.settings.k} articles each."
    print(json_text(found) if options.json else text)
    return 0


def draft_shop_file(options: argparse.Namespace) -> None:
    """Print the draft, or write it to a file that is not there yet."""
    from forsys.onboarding.draft import draft

    target: Path | None = options.to
    if target is not None and target.exists():
        raise DataError(f"{target} exists. Name a new file, or move that one away.")
    first: Path = options.files[0]
    text = draft(options.files, target.parent if target else first if first.is_dir() else first.parent)
    if target is None:
        print(text)
    else:
        with writing(target):
            write_text(text, target)
        uncertain = [line for line in text.splitlines() if "DOUBT" in line or "A GUESS" in line]
        print(
            "\n".join([f"{target}: a draft. Read it, correct it, then: forsys check --input {target}", *uncertain])
        )


def check_data(options: argparse.Namespace) -> int:
    """List faults, doubts and notes; faults give the exit code of a fault."""
    from forsys.onboarding.check import check

    settings = checked_settings(options.preset, overrides(options))
    dataset = find_data(options.input, home_folder(options.output), make_sample=False)
    days, k = settings.holdout_days, settings.k
    report = check(dataset, max_rejected=options.max_rejected, holdout_days=days, k=k, today=date.today())
    print(json_text(asdict(report) | {"next": report.next_step}, indent=1) if options.json else report.text())
    return FAULT if report.faults else 0


def clean_output(options: argparse.Namespace) -> None:
    """Say what runs left behind; with --yes, delete it."""
    from forsys.cleaning import clean

    print(clean(home_folder(options.output), options.names, delete=options.yes))


def print_settings(options: argparse.Namespace) -> None:
    """As TOML that can be used as a preset, or as JSON; also sources whose libraries this machine lacks."""
    from forsys.settings_text import settings_text

    checked_settings(options.preset, overrides(options))
    text = settings_text(load_settings(options.preset, overrides(options)))
    print(json_text(tomllib.loads(text), indent=1) if options.json else text)


def make_sample(options: argparse.Namespace) -> None:
    """Write a generated shop to a new folder, or say how much one is like H&M's."""
    from forsys.sample.full_size import generate_full_size
    from forsys.sample.shop import UNFINISHED, generate

    if options.fidelity:
        from forsys.evaluation.sample_fidelity import check

        return print(check(options.folder))
    if options.folder.is_file():
        raise DataError(f"{options.folder} is a file. Name a new folder for the generated shop.")
    begun = (options.folder / UNFINISHED).exists()  # by a command that was stopped
    if options.folder.exists() and any(options.folder.iterdir()) and not begun:
        raise DataError(f"{options.folder} is not empty. Name a new folder for the generated shop.")
    names = ("customers", "articles", "weeks", "images")
    given = {name: value for name in names if (value := getattr(options, name)) is not None}
    if options.full_size is None:
        generate(options.folder, seed=options.seed, **given)
    elif given.keys() - {"images"}:
        raise DataError(
            f"--full-size sets the {' and '.join(given)} itself. Leave that out; --full-size 0.1 is a smaller shop."
        )
    else:
        generate_full_size(options.folder, options.full_size, seed=options.seed, **given)
    print(f"{options.folder}: a generated shop. Use it with --input {options.folder}.")


def diagnose(options: argparse.Namespace) -> None:
    """What a bug report should say."""
    from forsys.cli.doctor import as_text, examine

    found = examine(options.input, options.output, options.preset, overrides(options))
    print(json_text(found, indent=1) if options.json else as_text(found))
