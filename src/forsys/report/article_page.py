"""The sheet of articles as a page, in the look of the report: what `forsys content show` writes beside the PNG."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from forsys.content.decoding import decode
from forsys.report.article_sheet import Sheet, cut_out, sheet_path
from forsys.report.articles import articles_of, files_of, pictures_of
from forsys.report.rows import Row
from forsys.report.templates import write_page
from forsys.report.thumbnails import as_webp, data_uri, thumbnail
from forsys.run import Run

LARGE = 320  # pixels of the picture of an article; the similar ones are small


def write_article_page(run: Run, sheets: Sequence[Sheet]) -> Path:
    """Write one section per article: picture, garment, palette, keywords, attributes, similar articles."""
    target = sheet_path(run, sheets, ".html")
    rows = [each for sheet in sheets for each in (sheet.article, *sheet.similar)]
    ids = [row["article_id"] for row in rows]
    files = files_of(run, ids)
    shown = dict(zip(ids, articles_of(run, [row["article"] for row in rows]), strict=True))
    small = dict(zip(ids, pictures_of(run, ids), strict=True))
    write_page(
        "articles.html", target, run=run, sheets=[_section(run, each, shown, small, files) for each in sheets]
    )
    return target


def _section(
    run: Run, sheet: Sheet, shown: Mapping[str, Row], small: Mapping[str, str], files: Mapping[str, Path]
) -> dict[str, Any]:
    """What the template shows of an article; addresses of pictures are "" where there is none."""
    row = sheet.article
    file = files.get(row["article_id"])
    pixels, status = decode(file) if file else (None, "missing")
    large = thumbnail(file, LARGE) if file else None
    return {
        "article": shown[row["article_id"]],
        "picture": data_uri(large) if large else "",
        "garment": "" if pixels is None else data_uri(as_webp(Image.fromarray(cut_out(pixels)[1]))),
        "status": status,
        "palette": sheet.palette,
        "keywords": sheet.keywords,
        "attributes": [(run.roles.spelled(name), row[name]) for name in run.roles.attributes if row.get(name)],
        "similar": [(shown[each["article_id"]], small[each["article_id"]]) for each in sheet.similar],
    }
