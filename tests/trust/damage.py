"""What a disk, a copy or a kill can do to an artifact, and whether the stages heal it."""

from collections.abc import Callable
from pathlib import Path

from forsys.store import digest

# One file of every kind: the stage that makes it, and its path below the output folder (the first that matches).
KINDS = {
    "tables": (
        *(f"tables/{name}.parquet" for name in ("articles", "customers", "transactions", "submission_customers")),
        "tables/rejected.parquet",
        "tables/tables.json",
        "stamps/tables.json",
    ),
    "content": (
        "content/features.arrow",
        *(f"content/{name}.parquet" for name in ("keywords", "vocabulary", "pictures", "descriptions")),
        "content/words.npz",
        "content/attributes.json",
        "content/content.json",
        "content/.descriptions.parquet.made-from",
        "stamps/content.json",
    ),
    "tune": ("tuned.json", "stamps/tune.json"),
    "retrieve": (
        "folds/2024-07-01/als-*/model.npz",
        "folds/2024-06-24/item_knn-*/model.npz",
        "folds/2024-07-01/bpr-*/part-00001.parquet",
        "folds/2024-06-24/repurchase-*/part-00000.parquet",
        "folds/2024-07-01/als-*/.model.npz.made-from",
        "folds/2024-07-01/als-*/.part-00000.parquet.made-from",
        "stamps/retrieve.json",
    ),
    "rank": (
        "rankers/2024-07-01/ranker.json",
        "rankers/2024-06-24/model-0.txt",
        "ranked/2024-07-01/part-00000.parquet",
        "stamps/rank.json",
    ),
    "submit": (
        "../../submissions/submission.csv",
        "holdout/submission.csv",
        "holdout/predictions.parquet",
        "stamps/submit.json",
    ),
    "evaluate": (
        *(f"evaluation/{name}" for name in ("scores.json", "scores.csv", "scores.txt", "next_item.csv")),
        "evaluation/segments.csv",
        "evaluation/importance.csv",
        "evaluation/calibration.csv",
        "evaluation/sources.csv",
        "evaluation/popularity.csv",
        "evaluation/customers.parquet",
        "evaluation/next_item_ranks.parquet",
        "stamps/evaluate.json",
    ),
    "report": ("report.html", "report.json", "stamps/report.json"),
}
EARLIER_WEEK = ("folds/2024-06-17/als-*/model.npz", "folds/2024-06-17/als-*/part-00000.parquet")  # read by `tune`


def flip(path: Path) -> None:
    """One bit in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def cut(path: Path) -> None:
    """The second half is missing."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    """0 bytes."""
    path.write_bytes(b"")


def overwrite(path: Path) -> None:
    """As many bytes of something else."""
    path.write_bytes((b"what a disk has lost, " * path.stat().st_size)[: path.stat().st_size])


def remove(path: Path) -> None:
    """The file is gone."""
    path.unlink()


DAMAGES: tuple[Callable[[Path], None], ...] = (flip, cut, empty, overwrite)


def find(home: Path, pattern: str) -> Path:
    """The first artifact of the tiny shop that matches a pattern."""
    return min((home / "output" / "tiny").glob(pattern)).resolve()


def results(home: Path) -> dict[str, str | None]:
    """Hashes of all that people or other programs take away: lists, scores, tuned values and tables."""
    out = home / "output" / "tiny"
    files = [home / "submissions" / "submission.csv", out / "holdout" / "submission.csv", out / "tuned.json"]
    files += sorted((out / "evaluation").glob("[!.]*")) + sorted((out / "tables").glob("[!.]*"))
    return {str(file.relative_to(home)): digest(file) for file in files}
