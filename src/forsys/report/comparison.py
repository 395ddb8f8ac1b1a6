"""The comparison as people read it: text, Markdown, CSV, JSON and a curve."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from forsys.evaluation.comparison import CELLS, FEATURES, MEMORY, PRIORS, Comparison
from forsys.evaluation.evaluate import GENERATED, show
from forsys.report.drawing import ACCENT, BASELINE_GREY, FAINT, LINES, house_style, new_axes
from forsys.run import Run
from forsys.store import whole, write_json

LARGEST = 100  # articles shown, of the curve
TITLES = {
    "accuracy": "Next-item accuracy at k, parameters, seconds of training, purchases learned a second:",
    "gains": "What the features add, paired, with 95 % intervals by customer:",
    "never_sold": "On the events whose article was never sold before the cut-off:",
    "by_length": "Accuracy at 10 by the number of purchases before:",
    "mixing": "New arrivals between the others, accuracy at 100 by offset, on the period before the holdout:",
    "ablation": "GRU without memory, groups of features left out and alone, on the period before the holdout:",
}


def write_comparison(run: Run, found: Comparison, mixed: pd.DataFrame, ablation: pd.DataFrame | None = None) -> str:
    """Write every table as CSV, all of them as Markdown and JSON, and the curve as PNG; return the text."""
    folder = run.out / "comparison"
    tables = {
        "accuracy": found.accuracy(),
        "gains": found.gains(),
        "never_sold": found.never_sold(),
        "by_length": found.by_length(),
        "mixing": mixed,
        **({} if ablation is None else {"ablation": ablation}),
    }
    heading = (
        f"{len(found.events):,} purchases from {found.fold.as_of} up to {found.fold.until} (not included), each "
        "predicted from those before it by models fixed at the first day; ties count against the model."
    )
    heading = f"{GENERATED}\n{heading}" if run.dataset.generated else heading
    for name, table in tables.items():
        with whole(folder / f"{name}.csv") as part:
            table.to_csv(part, index=False)
    with whole(folder / "comparison.md") as part:
        part.write_text("\n\n".join([heading, *_markdown(tables)]) + "\n", encoding="utf-8")
    records = {name: table.to_dict(orient="records") for name, table in tables.items()}
    write_json(
        {"data": run.dataset.name, "generated": run.dataset.generated, **records}, folder / "comparison.json"
    )
    draw_curve(found, folder / "accuracy.png")
    return "\n\n".join(
        [heading, *(f"{TITLES[name]}\n{show(table)}" for name, table in tables.items() if len(table))]
    )


def _markdown(tables: dict[str, pd.DataFrame]) -> list[str]:
    parts = []
    for name, table in tables.items():
        rows = [["" if pd.isna(cell) else f"{cell:.4f}" if isinstance(cell, float) else str(cell) for cell in row]
                for row in table.itertuples(index=False)]  # fmt: skip
        lines = [list(map(str, table.columns)), ["---"] * len(table.columns), *rows]
        parts += [TITLES[name], "\n".join(f"| {' | '.join(line)} |" for line in lines)]
    return parts


def draw_curve(found: Comparison, path: Path) -> None:
    """Accuracy over k, 1 to 100: a colour a cell, a line style a variant, the prior models in grey behind them."""
    ks = np.arange(1, LARGEST + 1)
    with house_style():
        figure, ax = new_axes(7.2, 4.6)
        ends: dict[str, float] = {}
        for name, measured in found.measured.items():
            accuracy = [float((measured.ranks <= k).mean()) for k in ks]
            if name in PRIORS.values():
                ax.plot(ks, accuracy, color=BASELINE_GREY, linewidth=1.0)
                ends[name] = accuracy[-1]
            elif (look := _look(name)) is not None:
                colour, style, width = look
                ax.plot(ks, accuracy, color=colour, linestyle=style, linewidth=width, label=name)
        _name_ends(ax, ends)
        ax.set_xscale("log")
        ax.set_xticks([1, 5, 10, 50, 100], labels=["1", "5", "10", "50", "100"])
        ax.set_xlim(1, LARGEST)
        ax.set_xlabel("articles shown (k)")
        ax.set_title("Is the next article among the k best?")
        ax.grid(axis="y")
        ax.legend(frameon=False, fontsize=7)
        with whole(path) as part:
            figure.savefig(part, format="png", dpi=150)


def _look(name: str) -> tuple[str, str, float] | None:
    """Colour, style and width of a network's line; None for one that is left out."""
    variants = {"": ":", FEATURES: "--", FEATURES + MEMORY: "-"}
    for cell, colour in zip(CELLS.values(), (LINES[0], LINES[1], ACCENT), strict=True):
        style = variants.get(name.removeprefix(cell)) if name.startswith(cell) else None
        if style is not None:
            return colour, style, 1.8 if style == "-" else 1.1
    return None


def _name_ends(ax: Axes, ends: dict[str, float]) -> None:
    """The names of the lines behind their ends, a line of text apart."""
    height, least = -1.0, (max(ends.values(), default=0) or 1) / 18
    for name, end in sorted(ends.items(), key=lambda item: item[1]):
        height = max(end, height + least)
        ax.annotate(name, (LARGEST, height), xytext=(4, -2), textcoords="offset points", fontsize=7, color=FAINT)
