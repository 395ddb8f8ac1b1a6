"""One colour per list, readable on both backgrounds."""

from itertools import combinations

import pytest

from forsys.evaluation.list_names import FINAL, FUSION, UNION
from forsys.report.colours import OTHERS, SOURCES, Palette, contrast, swatch, variables
from forsys.retrieval.baselines import BASELINES


@pytest.mark.parametrize(("scheme", "background"), [(0, "#ffffff"), (1, "#191c22")])
def test_every_colour_stands_out(scheme: int, background: str) -> None:
    colours = [pair[scheme] for pair in (*SOURCES, *OTHERS.values())]
    assert min(contrast(colour, background) for colour in colours) >= 3  # WCAG's bound for charts
    assert all(a != b for a, b in combinations(colours, 2))


def test_there_are_enough_for_all_sources() -> None:
    assert len(SOURCES) >= 12


def test_a_source_has_one_colour_wherever_it_is_named() -> None:
    palette = Palette.of(["als", "item_knn"], ["item kNN", "GRU", "GRU + memory"])
    assert palette.colour("item kNN") == palette.colour("item_knn") == "var(--s1)"  # forsys compare's title
    assert palette.colour("GRU") == "var(--s2)"
    names = ("als", "GRU", FINAL, FUSION, UNION, *BASELINES)
    assert len({palette.colour(name) for name in names}) == len(names)


def test_past_the_last_colour_they_begin_again_as_rings() -> None:
    names = [f"s{i:02}" for i in range(len(SOURCES) + 1)]
    palette = Palette.of(names)
    assert palette.colour(names[-1]) == palette.colour(names[0])
    assert [palette.is_ring(name) for name in (names[0], names[-1])] == [False, True]


def test_variables_of_both_schemes() -> None:
    assert "--s0: #2171cc;" in variables(False)
    assert "--s0: #7eb6ff;" in variables(True)


@pytest.mark.parametrize(
    ("colour", "expected"),
    [("Black", "#000000"), ("White", "#ffffff"), ("Off White", "#ffffe4"), ("Light Gray", "#d8dcd6")],
)
def test_swatches_have_the_colour_of_the_article(colour: str, expected: str) -> None:
    assert swatch(colour, "Dress")[0] == expected


@pytest.mark.parametrize("colour", ["None", "1", "0.5", "C1", "r", "#12"])
def test_what_only_a_program_reads_as_a_colour_is_none(colour: str) -> None:
    """Such as the codes of a shop."""
    assert swatch(colour, "Dress")[0] not in {"#000000", "#ffffff", "#808080", "#ff7f0e", "#ff0000"}


@pytest.mark.parametrize("colour", ["Black", "Other Pink", "weiß", "", "Greyish Beige", "<b>"])
def test_what_stands_on_a_swatch_can_be_read(colour: str) -> None:
    background, ink = swatch(colour, "Kleid")
    assert contrast(background, ink) >= 4.5
    assert swatch(colour, "Kleid") == (background, ink)
