"""The comparison on a tiny shop: every row, every file, and nothing measured twice."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forsys.errors import DataError
from forsys.evaluation import comparison, mixture_ablation
from forsys.evaluation.comparison import (
    FEATURES,
    MEMORY,
    MIXED,
    MIXTURE,
    PRIORS,
    Comparison,
    bias_sweep,
    compare,
    systems,
)
from forsys.evaluation.kept_runs import keep_result, kept_runs
from forsys.evaluation.mixture_ablation import ALL, ablations
from forsys.evaluation.network_ablation import network_ablation
from forsys.evaluation.next_item_accuracy import ACCURACY_AT
from forsys.recurrent.cells import CELLS, Cell
from forsys.report.comparison_tables import CELL_COLOURS, _network_looks, write_comparison, write_comparison_page
from forsys.retrieval.mixture_features import GROUPS
from forsys.run import Run
from forsys.tables.events import next_item_events
from world import run_on

Output = pytest.CaptureFixture[str]
TINY = {
    "embedding_dim": 8,
    "epochs": 1,
    "batch_size": 16,
    "num_networks": 1,
    "class": "forsys.retrieval.next_item:NextItem",
    "new_article_bias": 0.0,
}
TITLES = [cell.title for cell in CELLS.values()]
NETWORKS = [cell + features + memory for memory in ("", MEMORY) for features in ("", FEATURES) for cell in TITLES]


@pytest.fixture(scope="module")
def run(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    network = ", ".join(f"{key} = {json.dumps(value)}" for key, value in TINY.items())
    return run_on(shop, tmp_path_factory.mktemp("comparison"), compare__network=f"{{ {network} }}")


@pytest.fixture(scope="module")
def found(run: Run) -> Comparison:
    return compare(run)


def test_every_system_has_its_row(found: Comparison) -> None:
    assert list(found.accuracy()["system"]) == [*PRIORS.values(), *NETWORKS, MIXED, MIXTURE]


def test_accuracy_rises_with_k_and_costs_are_there(found: Comparison) -> None:
    table = found.accuracy()
    assert (np.diff(table[[f"@{k}" for k in ACCURACY_AT]].to_numpy(), axis=1) >= 0).all()
    assert (table[["parameters", "seconds", "events/s"]].to_numpy() > 0).all()
    assert (table["low@10"] <= table["@10"]).all() and (table["@10"] <= table["high@10"]).all()


def test_gains_compare_each_cell_with_and_without_features(found: Comparison) -> None:
    gains = found.gains()
    assert list(gains["against"])[:-1] == [c + m for c in TITLES for m in ("", MEMORY)]
    assert list(gains["system"])[:-1] == [c + FEATURES + m for c in TITLES for m in ("", MEMORY)]
    assert (gains["low@10"] <= gains["gain@10"]).all() and (gains["gain@10"] <= gains["high@10"]).all()


def test_the_mixture_is_compared_with_the_best_other_system(found: Comparison) -> None:
    accuracy, last = found.accuracy().set_index("system")["@10"], found.gains().iloc[-1]
    assert last["system"] == MIXTURE and accuracy[last["against"]] == accuracy.drop(MIXTURE).max()
    assert last["gain@10"] == pytest.approx(accuracy[MIXTURE] - accuracy[last["against"]])


def test_only_what_can_score_new_articles_is_judged_by_them(found: Comparison) -> None:
    assert found.never_sold_before.any()
    assert list(found.never_sold()["system"]) == [MIXED, comparison.NEW_ALONE, MIXTURE]


def test_the_mixtures_candidates_are_counted(found: Comparison) -> None:
    rows = found.candidates()
    assert rows["candidates of"][0].startswith("all, ")
    assert {"als", "network", "network.alone"} < set(rows["candidates of"])
    assert rows["recall"][0] == pytest.approx(np.isfinite(found.measured[MIXTURE].ranks).mean())
    assert (rows["recall"][1:] <= rows["recall"][0]).all() and (rows["of no other"][1:] <= rows["recall"][1:]).all()


def test_the_lengths_cover_every_event(found: Comparison) -> None:
    events = found.by_length().iloc[0]
    assert sum(events[name] for name in comparison.LENGTHS) == len(found.events)


def test_what_was_measured_is_not_measured_again(
    run: Run, found: Comparison, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a system was trained again")

    monkeypatch.setattr(comparison, "make_source", refuse)
    again = compare(run)
    assert all((again.measured[name].ranks == row.ranks).all() for name, row in found.measured.items())


def refuse(constant: str) -> None:
    """For json.loads: NaN and infinity are not JSON."""
    raise AssertionError(constant)


def test_everything_is_written(run: Run, found: Comparison) -> None:
    sweep = bias_sweep(run)
    text = write_comparison(run, found, sweep)
    folder = run.workspace.comparison
    assert "GENERATED DATA" in text
    assert list(sweep["new_article_bias"]) == ["none", "-3", "-2", "-1", "+0", "+1"]
    pd.testing.assert_frame_equal(pd.read_csv(folder / "accuracy.csv"), found.accuracy(), check_exact=False)
    assert json.loads((folder / "comparison.json").read_text(), parse_constant=refuse)["generated"] is True
    assert (folder / "comparison.md").read_text().count("| GRU + features + memory |") == 3
    assert (folder / "accuracy.png").read_bytes().startswith(b"\x89PNG")


def test_the_page_has_every_system_and_table(run: Run, found: Comparison) -> None:
    write_comparison_page(run, {"accuracy": found.accuracy(), "gains": found.gains()}, "So many.")
    text = (run.workspace.comparison / "comparison.html").read_text(encoding="utf-8")
    assert "made-up shop" in text and "So many." in text
    assert text.count("<polyline") == 2 * len(found.accuracy())  # its line, and that to its name
    assert text.count("<table") == 2 and "GRU + features + memory" in text


def test_it_is_kept_with_its_settings(run: Run, found: Comparison) -> None:
    write_comparison(run, found, pd.DataFrame())
    keep_result(run, "compare", run.workspace.comparison, None, 1.5, {"ablation": True})
    (kept,) = kept_runs(run)
    assert kept.settings["compare.network.embedding_dim"] == TINY["embedding_dim"]
    assert (kept.kind, kept.options, kept.seconds) == ("compare", {"ablation": True}, 1.5)
    assert (kept.folder / "comparison.json").read_bytes() == (
        run.workspace.comparison / "comparison.json"
    ).read_bytes()


@pytest.mark.usefixtures("found")
def test_each_system_is_said_when_it_is_measured(run: Run, capsys: Output) -> None:
    compare(run)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(systems(run))
    assert lines[0].strip().startswith(f"1 of {len(lines)}: best sellers 0.")


def test_every_cell_has_a_line_however_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    gru, count = CELLS["gru"], len(CELL_COLOURS) + 1
    cells = {f"cell{i}": Cell(f"Cell {i}", gru.layer, gru.num_states, gru.advance) for i in range(count)}
    monkeypatch.setattr("forsys.report.comparison_tables.CELLS", cells)
    looks = _network_looks()
    assert len(looks) == 3 * count
    assert looks[f"Cell {count - 1}"] == looks["Cell 0"] == (CELL_COLOURS[0], ":")


def test_each_source_and_group_is_left_out_once(run: Run) -> None:
    mixture = systems(run)[MIXTURE]
    found = dict(ablations(mixture))
    assert next(iter(found)) == ALL and found[ALL] == mixture
    assert list(found)[1:] == [f"without {name}" for name in (*mixture["members"], *list(GROUPS)[1:])]
    assert set(mixture["members"]) - set(found["without als"]["members"]) == {"als"}
    assert "pairs" not in found["without pairs"]["features"]


def test_the_ablation_is_paired_with_everything(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    members = {name: run.settings.retrieval.sources[name] for name in ("item_knn", "same_attributes")}
    small = systems(run)[MIXTURE] | {"members": members, "num_iterations": 3, "features": ["scores"]}
    monkeypatch.setattr(mixture_ablation, "systems", lambda _: {MIXTURE: small})
    table = mixture_ablation.mixture_ablation(run)
    assert list(table["mixture"]) == [ALL, "without item_knn", "without same_attributes"]
    assert not table.loc[0, ["gain@10", "low@10", "high@10", "gain@100"]].any()
    assert table["@100"].between(0, 1).all()


def test_a_period_in_which_there_is_no_next_item(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "next_item_events", lambda *_: np.zeros(0, np.int64))
    assert bias_sweep(run).empty
    for measured in (network_ablation, mixture_ablation.mixture_ablation):
        with pytest.raises(DataError, match="there is no next item to predict"):
            measured(run)


def test_the_bias_where_no_new_article_was_bought(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    fold, history = run.calendar.holdout.earlier(1), run.history
    events = next_item_events(history, fold)
    old = events[history.sold_before(fold.as_of)[history.article[events]]]
    monkeypatch.setattr(comparison, "next_item_events", lambda *_: old)
    sweep = bias_sweep(run)
    assert sweep["never sold"].isna().all()
    assert (sweep["sold before"] == sweep["all"]).all()


@pytest.mark.usefixtures("found")
def test_what_was_ranked_by_other_code_is_measured_again(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("trained again")

    monkeypatch.setattr(comparison, "make_source", refuse)
    monkeypatch.setattr(comparison, "code_fingerprint", lambda _: "of other code")
    with pytest.raises(RuntimeError, match="trained again"):
        compare(run)
