"""The page docs/features.md: `python -m forsys.ranking.features.documentation > docs/features.md`."""

from forsys.ranking.features import GROUPS
from forsys.tables.roles import Roles

# Stand for each of the shop's attributes.
PLACEHOLDERS = Roles(
    ranker=("<attribute>",),
    counted=("product_code", "<attribute>"),
    customers=("<customer attribute>",),
    online=("<channel>",),
    promotions=("<kind>",),
)

HEADING = """# The ranker's features

Made by `python -m forsys.ranking.features.documentation > docs/features.md`; a test fails where it is out of date.
Every feature is computed for a pair of a customer and an article at a cut-off, from purchases before it. `<source>`
stands for each source of the settings, `<attribute>` for each of the article's attributes in use, `<customer
attribute>` for each of the customer's, and `<kind>` for each kind of promotion. A feature that is not known is left
empty. The setting `ranking.features` names the groups in use. What is said to be online is a feature only where the
shop's online channels are known, and promotions where it names some: see [the shop file](shop-file.md).
"""


def page() -> str:
    """The page, as Markdown."""
    parts = [HEADING]
    for group in GROUPS.values():
        summary = (group.build.__doc__ or "").strip().splitlines()[0]
        suffixes = dict.fromkeys(group.categories(PLACEHOLDERS), " (a category)")
        meanings = group.meanings(PLACEHOLDERS)
        rows = [f"\n| `{name}` | {words}{suffixes.get(name, '')} |" for name, words in meanings.items()]
        parts.append(f"## `{group.name}`\n\n{summary}\n\n| feature | meaning |\n|---|---|{''.join(rows)}")
    return "\n\n".join(parts).replace("\n\n\n", "\n\n")


if __name__ == "__main__":
    print(page())
