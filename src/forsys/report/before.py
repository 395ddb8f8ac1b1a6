"""This run beside the one before it, as the page shows it."""

from typing import Any

from forsys.errors import DataError
from forsys.evaluation.kept_runs import kept_runs, run_before
from forsys.evaluation.records import records
from forsys.evaluation.run_diff import diff
from forsys.run import Run


def difference_to_before(run: Run) -> dict[str, Any]:
    """title, time and note of the kept run before the newest one; settings, scores: rows of `run_diff.RunDiff`.

    Where they cannot be compared, `fault` says why in place of the rows. Nothing where there is no run before.
    """
    earlier = run_before(run)
    if earlier is None:
        return {}
    newest = next(each for each in reversed(kept_runs(run)) if each.kind == "run")
    about = {"title": earlier.title, "time": earlier.time, "note": earlier.note}
    try:
        found = diff(earlier, newest, run.bootstrap)
    except DataError as error:
        return about | {"fault": str(error)}
    return about | {"settings": records(found.settings), "scores": records(found.scores)}
