"""`forsys runs`: the memory of experiments, listed, compared, annotated and deleted."""

import argparse
import json

from forsys.cli.opened import opened
from forsys.progress import terminal_width


def list_runs(options: argparse.Namespace) -> None:
    """A line per kept run, or what run.json says of each."""
    from forsys.cli.runs_text import runs_text
    from forsys.evaluation.kept_runs import kept_runs

    run = opened(options, make_sample=False)
    found = [each.model_dump(mode="json") for each in kept_runs(run)]
    print(json.dumps(found, indent=1) if options.json else runs_text(run, terminal_width()))


def diff_runs(options: argparse.Namespace) -> None:
    """The second run against the first."""
    from forsys.cli.runs_text import diff_as_json, diff_text
    from forsys.evaluation.kept_runs import kept_run
    from forsys.evaluation.run_diff import diff

    run = opened(options, make_sample=False)
    earlier, later = (kept_run(run, number) for number in options.numbers)
    found = diff(earlier, later, run.settings.evaluation.bootstrap_samples, run.settings.seed)
    print(json.dumps(diff_as_json(found), indent=1) if options.json else diff_text(found, terminal_width()))


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
