"""Features of the pair's scores in the lists of the candidate sources.

Only those in the lists: to ask every source about every pair took more than half of the ranker's time, and MAP@12
was lower by .0011 (-.0009 to .0032 on the 6 weeks before the generated sample's holdout).
"""

from forsys.ranking.features.group import Columns, FeatureGroup
from forsys.ranking.pairs import Pairs

MEANINGS = {
    "<source>_score": "the source's own score of the pair; unknown where it is not in its list",
    "<source>_score_gap": "the source's best score for the customer less its score of the pair",
}


def build(pairs: Pairs) -> Columns:
    """With which score the sources found the pair."""
    columns: Columns = {}
    for name, score in pairs.score.items():
        columns[f"{name}_score"] = score
        columns[f"{name}_score_gap"] = pairs.best_score[name][pairs.row] - score
    return columns


GROUP = FeatureGroup("scores", MEANINGS, build)
