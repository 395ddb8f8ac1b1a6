"""Where everything lies that is made of one data set. All paths of the pipeline are written here."""

from pathlib import Path

from forsys.calendar import Fold


class Workspace:
    """The folders of the data set `name` below `home`, which also has `input/` and `submissions/`."""

    def __init__(self, home: Path, name: str) -> None:
        self.home, self.name = home, name
        self.submission = home / "submissions" / "submission.csv"
        self.out = home / "output" / name  # what belongs to this data set alone:
        self.tables = self.out / "tables"  # the checked tables
        self.content = self.out / "content"  # content features of the articles
        self.tuned = self.out / "tuned.json"  # chosen source parameters and fusion weights
        self.holdout = self.out / "holdout"  # lists of the holdout's buyers
        self.evaluation = self.out / "evaluation"  # scores as CSV and JSON
        self.comparison = self.out / "comparison"  # the systems of `forsys compare`
        self.report = self.out / "report.html"  # the page

    def candidates(self, fold: Fold) -> Path:
        """Fitted sources and their candidates at a cut-off, a folder per source."""
        return self.out / "folds" / str(fold.as_of)

    def ranker(self, fold: Fold) -> Path:
        """The ranker trained for a cut-off."""
        return self.out / "rankers" / str(fold.as_of)

    def ranked(self, fold: Fold) -> Path:
        """The candidates at a cut-off in the ranker's order, a file per shard."""
        return self.out / "ranked" / str(fold.as_of)

    def stamp(self, stage: str) -> Path:
        """What a stage was made from, and the files that it wrote."""
        return self.out / "stamps" / f"{stage}.json"

    def shown(self, path: Path) -> str:
        """A path as it is printed: relative to `home`."""
        return str(path.relative_to(self.home))
