"""Where everything lies that is made of one data set. All paths of the pipeline are written here."""

import hashlib
import os
import re
from glob import escape
from pathlib import Path

from forsys.calendar import Fold
from forsys.errors import DataError
from forsys.remote import remote_of
from forsys.store import write_text

SAMPLE = "sample"  # the data set that is generated where there are no data; no shop takes its place
DATED = r"-\d{8}-\d{6}"  # pattern of what the name of a submission's dated copy has more
BELONGS_TO = ".belongs-to"  # in an output folder: where the data lie that it was made of


class Workspace:
    """The folders of the data set `name` below `home`, which also has `input/` and `submissions/`.

    `places` says where the data lie, by `places_of`; two data sets never share a workspace, see `workspace_of`.
    """

    def __init__(self, home: Path, name: str, places: tuple[str, ...] = ()) -> None:
        self.home, self.name, self.places = home, name, places
        self.submission = home / "submissions" / "submission.csv"  # of the data set that was run last
        self.own_submission = home / "submissions" / f"{name}-submission.csv"
        self.out = home / "output" / name  # what belongs to this data set alone:
        self.tables = self.out / "tables"  # the checked tables
        self.log = self.out / "log"  # the purchases by customer, an array a file
        self.content = self.out / "content"  # content features of the articles
        self.tuned = self.out / "tuned.json"  # chosen source parameters and fusion weights
        self.folds = self.out / "folds"  # fitted sources and their candidates, by cut-off
        self.rankers = self.out / "rankers"  # by cut-off
        self.all_ranked = self.out / "ranked"  # candidates in the ranker's order, by cut-off
        self.holdout = self.out / "holdout"  # lists of the holdout's buyers
        self.evaluation = self.out / "evaluation"  # scores as CSV and JSON
        self.comparison = self.out / "comparison"  # the systems of `forsys compare`
        self.report = self.out / "report.html"  # the page
        self.runs = self.out / "runs"  # the memory of experiments, a folder per kept run
        self.search = self.out / "search"  # finished trials of `forsys search`

    def candidates(self, fold: Fold) -> Path:
        """Fitted sources and their candidates at a cut-off, a folder per source."""
        return self.folds / str(fold.as_of)

    def ranker(self, fold: Fold) -> Path:
        """The ranker trained for a cut-off."""
        return self.rankers / str(fold.as_of)

    def ranked(self, fold: Fold) -> Path:
        """The candidates at a cut-off in the ranker's order, a file per shard."""
        return self.all_ranked / str(fold.as_of)

    def stamp(self, stage: str) -> Path:
        """What a stage was made from, and the files that it wrote."""
        return self.out / "stamps" / f"{stage}.json"

    def shown(self, path: Path) -> str:
        """A path as it is printed: relative to `home`."""
        return str(path.relative_to(self.home))

    def claim(self) -> None:
        """Write down whose output folder this is; call it with the folder locked.

        Raises DataError where another data set has taken it meanwhile.
        """
        owner = belongs_to(self.out)
        if not owner:
            write_text("".join(f"{place}\n" for place in self.places), self.out / BELONGS_TO)
        elif not {*owner} & {*self.places}:
            raise DataError(
                f"{self.out} has just been taken by the data in {owner[0]}. Run the same command again."
            )


def workspace_of(home: Path, name: str, data: Path) -> Workspace:
    """The workspace of the data in `data`, a folder or a shop file.

    It is `output/NAME`, or `output/NAME-2f3a` where that is of other data; the digits begin a hash of the path. The
    one that belongs to the data is found again though the project was moved, with the data or without them.
    """
    places = places_of(home, data)
    numbered = re.compile(re.escape(name) + "(-[0-9a-f]{4,32})?")
    for out in sorted((home / "output").glob(f"{escape(name)}*")):
        if numbered.fullmatch(out.name) and {*belongs_to(out)} & {*places}:
            return Workspace(home, out.name, places)
    digits = hashlib.sha256(places[0].encode("utf-8", "surrogateescape")).hexdigest()
    names = [name, *(f"{name}-{digits[:length]}" for length in (4, 8, 16, 32))]
    if name == SAMPLE and data != sample_folder(home):
        names.pop(0)
    return Workspace(home, next(each for each in names if not belongs_to(home / "output" / each)), places)


def places_of(home: Path, data: Path) -> tuple[str, ...]:
    """Where data lie: their path, and the way to them from `home`; of data at a URL, that."""
    remote, data = remote_of(data), data.resolve()
    if remote:
        return (remote.url_of(data),)
    paths = (str(data), os.path.relpath(data, home.resolve()))
    return tuple(path.replace("\n", "\\n").replace("\r", "\\r") for path in paths)  # a line of a file each


def belongs_to(out: Path) -> tuple[str, ...]:
    """The `places_of` the data that an output folder was made of; nothing where it does not say."""
    try:
        text = (out / BELONGS_TO).read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ()
    return tuple(line for line in text.split("\n") if line)  # a path may hold other line breaks


def sample_folder(home: Path) -> Path:
    """Where the generated sample lies."""
    return home / "output" / SAMPLE / "input"
