"""Tables as a terminal shows them: aligned, cut into parts where they are too wide, texts shortened."""

import pandas as pd
import pytest

from forsys.evaluation.text import shortened, table_text
from forsys.progress import say_below

TABLE = pd.DataFrame(
    {"list": ["als", "best sellers"], "MAP@12": [0.25, float("nan")], "n": [7, 12], "share": ["1.5%", "10.0%"]}
)


def test_texts_to_the_left_and_numbers_to_the_right() -> None:
    assert table_text(TABLE) == (
        "list          MAP@12   n  share\n"
        "als           0.2500   7   1.5%\n"
        "best sellers          12  10.0%"
    )  # fmt: skip


def test_a_wide_table_comes_in_parts_that_begin_with_the_first_column() -> None:
    assert table_text(TABLE, 24) == (
        "list          MAP@12   n\n"
        "als           0.2500   7\n"
        "best sellers          12\n"
        "\n"
        "list          share\n"
        "als            1.5%\n"
        "best sellers  10.0%"
    )  # fmt: skip


def test_every_column_is_shown_however_narrow_the_terminal() -> None:
    text = table_text(TABLE, 5)
    assert [line.split()[-1] for line in text.splitlines() if line.startswith("list")] == ["MAP@12", "n", "share"]


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_texts_are_cut_to_the_width(width: int) -> None:
    table = pd.DataFrame({"run": [1, 2], "settings": ["a=1, " * 20, "b=2"], "note": ["some words " * 4, ""]})
    text = table_text(shortened(table, {"settings": 2, "note": 1}, width))
    assert max(map(len, text.splitlines())) <= width
    assert ("…" in text) == (width < 200)


def test_a_short_text_leaves_its_room_to_the_others() -> None:
    table = pd.DataFrame({"settings": ["x" * 100], "note": ["short"]})
    cut = shortened(table, {"settings": 1, "note": 1}, 60)
    assert cut["note"][0] == "short"
    assert len(cut["settings"][0]) > 45


def test_a_line_below_a_stage_is_wrapped(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    say_below("weights: " + ", ".join(f"source_{i} {i}" for i in range(9)))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 2 and max(map(len, lines)) < 50
    assert all(line.startswith(" " * 11) for line in lines)
