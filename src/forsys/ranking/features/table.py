"""The table of all features, docs/features.md: `python -m forsys.ranking.features.table > docs/features.md`."""

from forsys.ranking.features import GROUPS

HEADING = """# The ranker's features

Made by `python -m forsys.ranking.features.table > docs/features.md`; a test fails where it is out of date. Every
feature is worked out for a pair of a customer and an article at a cut-off, from purchases before it. `<source>`
stands for each source of the settings; a feature that is not known is left empty. The setting `ranking.features`
names the groups in use.
"""


def table() -> str:
    """The page, as Markdown."""
    parts = [HEADING]
    for group in GROUPS.values():
        words = (group.build.__doc__ or "").strip().splitlines()[0]
        parts.append(f"## `{group.name}`\n\n{words}\n\n| feature | meaning |\n|---|---|")
        kinds = dict.fromkeys(group.categories, " (a category)")
        parts[-1] += "".join(
            f"\n| `{name}` | {words}{kinds.get(name, '')} |" for name, words in group.meanings.items()
        )
    return "\n\n".join(parts).replace("\n\n\n", "\n\n")


if __name__ == "__main__":
    print(table())
