"""The tiny shop with all stages run and a few pictures, for the tests of its page."""

from pathlib import Path

import pytest
from PIL import Image

from forsys.content.pictures import standard_name
from forsys.run import Run
from forsys.stages import STAGES, run_stage
from world import make_shop, run_on


@pytest.fixture(scope="package")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Run:
    root = tmp_path_factory.mktemp("page")
    shop = root / "tiny"
    make_shop(shop)
    articles = (shop / "articles.csv").read_text(encoding="utf-8").splitlines()[1:30]
    for line in articles:
        draw(shop, line.partition(",")[0])
    run = run_on(shop, root / "home")
    for name in list(STAGES)[2:]:
        run_stage(run, name)
    return run


def draw(folder: Path, article_id: str) -> None:
    """A picture of an article."""
    path = folder / "images" / standard_name(article_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (200, 300), "teal").save(path)
