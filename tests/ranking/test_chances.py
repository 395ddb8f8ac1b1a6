"""From what a chance is learned, and from what it is not."""

import numpy as np
import pytest

from forsys.ranking.calibration import MIN_HITS, Calibration, Listed


@pytest.mark.parametrize(("hits", "others"), [(MIN_HITS - 1, 50), (MIN_HITS + 1, 0)])
def test_lists_with_few_hits_or_nothing_else_teach_no_chance(hits: int, others: int) -> None:
    inputs = np.random.default_rng(1).random((hits + others, 6))
    found = Calibration.fit(
        Listed(inputs, np.arange(len(inputs)) < hits, np.ones(len(inputs)), np.arange(len(inputs))), []
    )
    assert np.isnan(found.chance(inputs)).all()
    assert found.metadata == {"learned_from": [], "rows": hits + others, "hits": hits}


def test_others_teach_one() -> None:
    inputs = np.random.default_rng(1).random((100, 6))
    found = Calibration.fit(Listed(inputs, inputs[:, 0] > 0.6, np.ones(100), np.arange(100)), [])
    assert np.corrcoef(found.chance(inputs), inputs[:, 0])[0, 1] > 0.9
