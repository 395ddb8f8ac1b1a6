"""Ids as text and as dense ids."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_series_equal

from forsys.tables.ids import ArticleIds, dense_ids

texts = st.text("ab0", min_size=1, max_size=4)


@given(ids=st.lists(texts, unique=True), rows=st.lists(st.none() | texts, max_size=30))
def test_dense_ids_are_positions_among_the_ids(ids: list[str], rows: list[str | None]) -> None:
    known, frame = pl.Series("id", ids, pl.String), pl.DataFrame({"id": rows, "row": range(len(rows))})
    frame = frame.cast({"id": pl.String})
    found = dense_ids(frame.lazy(), "id", known).collect(engine="streaming")
    expected = [ids.index(row) if row in ids else None for row in rows]
    assert_series_equal(found["id"], pl.Series("id", expected, pl.Int32))
    assert found["row"].to_list() == list(range(len(rows)))


def test_an_article_id_has_up_to_ten_digits_and_nothing_else() -> None:
    given_ids = ["0108775015", "108775015", "0", "12345678901", "+108775015", "-1", " 1", "1.0", "shoe", "", None]
    number = pl.DataFrame({"id": given_ids}).select(ArticleIds(10, 7).key("id"))["id"]
    assert number.to_list() == [108775015, 108775015, 0, *[None] * 8]
    text = number.to_frame().select(ArticleIds(10, 7).text(pl.col("id")))["id"].to_list()
    assert text == ["0108775015", "0108775015", "0000000000", *[None] * 8]
