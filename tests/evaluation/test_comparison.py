"""The comparison on a tiny shop: every row, every file, and nothing measured twice."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forsys.evaluation import comparison
from forsys.evaluation.comparison import AT, CELLS, FEATURES, MEMORY, MIXED, PRIORS, Comparison, compare, mixing
from forsys.pipeline import make_content
from forsys.report.comparison import write_comparison
from forsys.run import Run
from world import run_on, shop

__all__ = ["shop"]
TINY = {
    "dimension": 8,
    "epochs": 1,
    "rows": 16,
    "class": "next_item.NextItem",
    "arrivals": 0.0,
}
NETWORKS = [cell + kind + memory for memory in ("", MEMORY) for kind in ("", FEATURES) for cell in CELLS.values()]


@pytest.fixture(scope="module")
def run(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    network = ", ".join(f"{key} = {json.dumps(value)}" for key, value in TINY.items())
    run = run_on(shop, tmp_path_factory.mktemp("comparison"), compare__network=f"{{ {network} }}")
    make_content(run)
    return run


@pytest.fixture(scope="module")
def found(run: Run) -> Comparison:
    return compare(run)


def test_every_system_has_its_row(found: Comparison) -> None:
    assert list(found.accuracy()["system"]) == [*PRIORS.values(), *NETWORKS, MIXED]


def test_accuracy_rises_with_k_and_costs_are_there(found: Comparison) -> None:
    table = found.accuracy()
    assert (np.diff(table[[f"@{k}" for k in AT]].to_numpy(), axis=1) >= 0).all()
    assert (table[["parameters", "seconds", "events/s"]].to_numpy() > 0).all()
    assert (table["low@10"] <= table["@10"]).all() and (table["@10"] <= table["high@10"]).all()


def test_gains_compare_each_cell_with_its_twin(found: Comparison) -> None:
    assert list(found.gains()["features added to"]) == [c + m for c in CELLS.values() for m in ("", MEMORY)]


def test_only_what_scores_new_arrivals_is_judged_by_them(found: Comparison) -> None:
    assert found.never.any()
    assert list(found.never_sold()["system"]) == [MIXED, comparison.ARRIVALS]


def test_the_lengths_hold_every_event(found: Comparison) -> None:
    events = found.by_length().iloc[0]
    assert sum(events[kind] for kind in comparison.LENGTHS) == len(found.events)


def test_what_was_measured_is_not_measured_again(
    run: Run, found: Comparison, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a system was trained again")

    monkeypatch.setattr(comparison, "make_source", refuse)
    again = compare(run)
    assert all((again.measured[name].ranks == row.ranks).all() for name, row in found.measured.items())


def test_everything_is_written(run: Run, found: Comparison) -> None:
    mixed = mixing(run)
    text = write_comparison(run, found, mixed)
    folder = run.out / "comparison"
    assert "GENERATED DATA" in text
    assert list(mixed["offset"]) == ["none", "-3", "-2", "-1", "+0", "+1"]
    pd.testing.assert_frame_equal(pd.read_csv(folder / "accuracy.csv"), found.accuracy(), check_exact=False)
    assert json.loads((folder / "comparison.json").read_text())["generated"] is True
    assert (folder / "comparison.md").read_text().count("| GRU + features + memory |") == 2
    assert (folder / "accuracy.png").read_bytes().startswith(b"\x89PNG")
