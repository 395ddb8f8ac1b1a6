"""`forsys runs`: the memory of experiments, listed, compared, annotated and deleted."""

import argparse
import time

from forsys.cli.opened import described, opened, overrides
from forsys.locking import locked
from forsys.opening import checked_settings
from forsys.optional_parts import require_part
from forsys.progress import say, stage_line, terminal_width
from forsys.store import json_text


def list_runs(options: argparse.Namespace) -> None:
    """A line per kept run, or what run.json says of each."""
    from forsys.cli.runs_text import runs_text
    from forsys.evaluation.kept_runs import kept_runs

    run = opened(options, make_sample=False)
    found = [each.model_dump(mode="json") for each in kept_runs(run)]
    print(json_text(found, indent=1) if options.json else runs_text(run, terminal_width()))


def diff_runs(options: argparse.Namespace) -> None:
    """The second run against the first."""
    from forsys.cli.runs_text import diff_as_json, diff_text
    from forsys.evaluation.kept_runs import kept_run
    from forsys.evaluation.run_diff import diff

    run = opened(options, make_sample=False)
    earlier, later = (kept_run(run, number) for number in options.numbers)
    found = diff(earlier, later, run.bootstrap)
    print(json_text(diff_as_json(found), indent=1) if options.json else diff_text(found, terminal_width()))


def search_settings(options: argparse.Namespace) -> None:
    """Try settings, say whether the best is more than noise, and keep the result."""
    require_part("search", "search")
    from forsys.evaluation.kept_runs import Score, keep_result
    from forsys.search.report import found_text, write_found
    from forsys.search.space import DEFAULT_SPACE, Space
    from forsys.search.study import search

    settings = checked_settings(options.preset, overrides(options))
    space = Space.read(options.space or DEFAULT_SPACE, settings)  # before anything is made
    run, start = described(options), time.perf_counter()
    with locked(run.workspace.out), stage_line("search") as made:
        found = search(run, space, options.trials, options.weeks)
        write_found(run, found)
        say(f"{found_text(run, found)}\n")
        made.append(f"{run.workspace.shown(run.workspace.search)}: trials.csv, search.json, best.toml")
        if found.new_trials:
            best, rows = found.best_score, found.customer_weeks
            metric = f"MAP@{run.settings.k}"
            score = Score(metric=metric, mean=best.mean, low=best.low, high=best.high, customers=rows)
            told, seconds = {"trials": options.trials, "weeks": options.weeks}, time.perf_counter() - start
            made.append(keep_result(run, "search", run.workspace.search, score, seconds, told))


def score_run(options: argparse.Namespace) -> None:
    """Note what a leaderboard gave."""
    from forsys.evaluation.kept_runs import set_leaderboard

    kept = set_leaderboard(opened(options, make_sample=False), options.number, options.score)
    offline = f" Offline it has {kept.score.metric} {kept.score.mean:.4f}." if kept.score else ""
    print(f"{kept.title}: leaderboard {kept.leaderboard:g}.{offline}")


def clean_kept_runs(options: argparse.Namespace) -> None:
    """Say what deleting kept runs would free; delete them with --yes."""
    from forsys.cleaning import clean_runs

    print(clean_runs(opened(options, make_sample=False), options.numbers, delete=options.yes))
