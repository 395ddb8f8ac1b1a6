"""Features in words."""

from math import log

import pytest

from forsys.serving.sentences import one_line, sentence
from world import KAGGLE_ROLES


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("Strap top (1)", "Strap top (1)"),
        ("\x1b[31mred\x1b[0m", " [31mred [0m"),
        ("a\nb\tc\u202ed", "a b c d"),
        ("Büstenhalter 胸罩", "Büstenhalter 胸罩"),
        ("x" * 60, "x" * 60),
        ("x" * 5_000, "x" * 60 + "…"),
    ],
)
def test_names_cannot_steer_a_terminal(text: str, printed: str) -> None:
    assert one_line(text) == printed


@pytest.mark.parametrize(
    ("price", "said"),
    [(0.030492, "0.03049"), (12.95, "12.95"), (129.9, "129.9"), (1299.99, "1,300"), (1_249_900, "1,249,900")],
)
def test_prices_in_any_currency(price: float, said: str) -> None:
    assert sentence("log_price", log(price), {}, KAGGLE_ROLES) == f"Its price is {said}."
    assert sentence("mean_log_price", log(price), {}, KAGGLE_ROLES) == f"The customer usually pays {said}."
