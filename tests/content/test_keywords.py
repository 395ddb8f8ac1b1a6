"""Keywords of descriptions: two examples, the cache, and texts that are not English."""

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from forsys.content import keywords
from forsys.content.keywords import (
    KEYWORDS,
    analyse_description,
    analyse_descriptions,
    extract_keywords,
    language_of,
)

JERSEY = "Jersey top with narrow shoulder straps."
DENIER = "Opaque matt tights. 200 denier."
FRENCH = "Top en jersey avec des bretelles étroites et une poche dans le dos."
JAPANESE = "細いストラップのジャージートップ"


def articles(*texts: str | None) -> pl.DataFrame:
    ids = pl.Series("article", range(len(texts)), pl.Int32)
    return pl.DataFrame([ids, pl.Series("detail_desc", texts, pl.String)])


def extracted(articles: pl.DataFrame, folder: Path, max_keywords: int) -> pl.DataFrame:
    return extract_keywords(articles, analyse_descriptions(articles["detail_desc"], folder, max_keywords))


def test_the_best_keyword_of_two_examples(tmp_path: Path) -> None:
    found = extracted(articles(JERSEY, DENIER), tmp_path, 10)
    assert found.filter(pl.col("rank") == 1)["keyword"].to_list() == ["Jersey", "denier"]


def test_the_table(tmp_path: Path) -> None:
    found = extracted(articles(DENIER, None, JERSEY, DENIER, "", "  ", "123."), tmp_path, 3)
    assert dict(found.schema) == KEYWORDS
    assert found["article"].to_list() == [0, 0, 0, 2, 2, 2, 3, 3, 3]
    assert found["rank"].to_list() == [1, 2, 3] * 3
    first, _, third = found.partition_by("article")
    assert_frame_equal(first.drop("article"), third.drop("article"))
    for part in found.partition_by("article"):
        assert part["score"].is_sorted()


def test_no_descriptions_at_all(tmp_path: Path) -> None:
    assert dict(extracted(articles(None, None), tmp_path, 10).schema) == KEYWORDS


@pytest.mark.parametrize("cores", [1, 2])
def test_workers_change_nothing(cores: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"{word} top with {other} straps" for word in ("Red", "Soft", "Lace") for other in ("lace", "thin")]
    alone = extracted(articles(*texts), tmp_path / "alone", 10)
    monkeypatch.setattr(keywords, "WORTH_A_WORKER", 1)
    monkeypatch.setattr(keywords, "CHUNK", 2)
    monkeypatch.setattr(keywords, "BATCH", 4)
    monkeypatch.setattr(keywords, "available_cores", lambda: cores)
    together = extracted(articles(*texts), tmp_path / "together", 10)
    assert_frame_equal(alone, together, check_exact=True)


def test_only_a_changed_description_is_analysed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    analysed = []

    def recording(text: str, max_keywords: int) -> keywords.Analysis:
        analysed.append(text)
        return analyse_description(text, max_keywords)

    monkeypatch.setattr(keywords, "analyse_description", recording)
    first = extracted(articles(JERSEY, DENIER), tmp_path, 10)
    assert sorted(analysed) == [JERSEY, DENIER]
    assert_frame_equal(extracted(articles(JERSEY, DENIER), tmp_path, 10), first)
    assert len(analysed) == 2
    changed = extracted(articles(JERSEY, "Lace bra."), tmp_path, 10)
    assert analysed[2:] == ["Lace bra."]
    assert_frame_equal(changed.filter(pl.col("article") == 0), first.filter(pl.col("article") == 0))
    extracted(articles(JERSEY), tmp_path, 9)
    assert analysed[3:] == [JERSEY]


def test_a_stopped_run_resumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["Lace bra.", "Thin socks.", "Warm hat.", "Wide belt."]  # in the order of their analysis
    analysed = []

    def stopping(text: str, max_keywords: int) -> keywords.Analysis:
        analysed.append(text)
        if len(analysed) == 4:
            raise KeyboardInterrupt
        return analyse_description(text, max_keywords)

    monkeypatch.setattr(keywords, "BATCH", 2)
    monkeypatch.setattr(keywords, "analyse_description", stopping)
    with pytest.raises(KeyboardInterrupt):
        extracted(articles(*texts), tmp_path, 10)
    extracted(articles(*texts), tmp_path, 10)
    assert analysed == texts + texts[2:]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        (JERSEY, "en"),
        (DENIER, "en"),
        (FRENCH, "fr"),
        (JAPANESE, "??"),
        ("Cotton sun hat. Lined.", "en"),
        ("", "en"),
    ],
)
def test_languages(text: str, language: str) -> None:
    assert language_of(text) == language


def test_a_french_stop_word_is_not_a_keyword() -> None:
    found = analyse_description(FRENCH, 10)[2]
    assert "jersey" in found
    assert not {"avec", "des", "dans", "une"} & set(found)


@pytest.mark.parametrize("text", [JAPANESE, "\x00\x01", "😀😀", "x" * 20_000, "a", "-", "Robe. " * 300])
def test_odd_texts_are_analysed(text: str) -> None:
    assert analyse_description(text, 10)[0] == text


def test_more_keywords_than_a_byte_can_count(tmp_path: Path) -> None:
    text = " ".join(f"{first}{second}ing" for first in "bcdfghjklmnpqrst" for second in "aeiouylrwh" for _ in "12")
    found = extracted(articles(f"{text}. {text.replace('ing', 'ers')}."), tmp_path, 1_000)
    assert len(found) > 255
    assert found["rank"].to_list() == list(range(1, len(found) + 1))
