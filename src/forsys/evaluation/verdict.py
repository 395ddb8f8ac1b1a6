"""The result in a sentence: is the final list better than the best one-line rule?"""

from dataclasses import asdict, dataclass

import polars as pl

from forsys.evaluation.list_names import FINAL
from forsys.metrics.bootstrap import Bootstrap
from forsys.metrics.lists import average_precision
from forsys.retrieval.baselines import BASELINES


@dataclass(frozen=True)
class Verdict:
    """MAP@k of the final list and of the best simple baseline, and the interval of their difference by customer."""

    metric: str
    final: float
    baseline: str
    baseline_score: float
    difference: float
    low: float
    high: float
    clear: bool  # whether the difference is beyond chance

    def __str__(self) -> str:
        numbers = (
            f"{self.metric} {self.final:.4f} against {self.baseline_score:.4f}, difference {self.difference:+.4f} "
            f"(95 % interval {self.low:+.4f} to {self.high:+.4f})"
        )
        if self.clear and self.low > 0:
            return f"The final list beats the best simple baseline, {self.baseline}: {numbers}."
        worse = self.clear and self.high < 0
        not_better = "NOT BETTER" if worse else "NOT CLEARLY BETTER"
        what = "is better than" if worse else "cannot be told apart from"
        return (
            f"{not_better} THAN A ONE-LINE RULE: the simple baseline {self.baseline} {what} the final list on this "
            f"holdout: {numbers}. More customers or a longer log may help."
        )

    def as_json(self) -> dict[str, object]:
        """For scores.json."""
        return asdict(self) | {"text": str(self)}


def verdict(lists: dict[str, pl.DataFrame], labels: pl.DataFrame, k: int, bootstrap: Bootstrap) -> Verdict:
    """Compare the final list with the best of the simple baselines on the same customers."""
    values = {
        name: average_precision(lists[name], labels, k)["average_precision"].to_numpy()
        for name in (FINAL, *BASELINES)
    }
    best = max(BASELINES, key=lambda name: float(values[name].mean()))
    ends = bootstrap.paired(values[FINAL], values[best])
    means = float(values[FINAL].mean()), best, float(values[best].mean())
    return Verdict(f"MAP@{k}", *means, ends.mean, ends.low, ends.high, ends.is_clear)
