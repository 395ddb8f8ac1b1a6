"""What tuning keeps: every quick source, and slow ones only with a weight."""

import pytest

from forsys.ranking.tuning import Tuned
from forsys.retrieval.fusion import Fusion
from forsys.settings import load_settings

SOURCES = load_settings().retrieval.sources


def tuned(**weights: float) -> Tuned:
    """All default sources with a weight of 1, or of those in `weights`."""
    return Tuned(
        SOURCES, Fusion(dict.fromkeys(SOURCES, 1.0) | weights), ["2024-01-01"], 100, 0.1, {}
    ).without_idle()


@pytest.mark.parametrize("name", ["als", "bpr", "lmf", "next_item"])
def test_slow_sources_without_weight_are_left_out(name: str) -> None:
    found = tuned(**{name: 0.0})
    assert list(found.sources) == list(found.fusion.weights) == [other for other in SOURCES if other != name]
    assert found.left_out == [name]
    assert found.choices()[-1] == f"left out, for no weight: {name}"


@pytest.mark.parametrize("name", ["repurchase", "same_product", "best_sellers", "item_knn"])
def test_quick_sources_stay_for_the_ranker(name: str) -> None:
    found = tuned(**{name: 0.0})
    assert dict(found.sources) == SOURCES
    assert found.left_out == []


def test_a_small_weight_is_a_weight() -> None:
    assert "als" in tuned(als=0.01).sources
