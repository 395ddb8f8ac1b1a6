"""Features: what the article is, as categories. Not in the default settings.

MAP@12 with 45 trees was .0245 with these features and .0249 without on 50 weeks before 2019-09-25 of the H&M
cohort, and .0805 and .0809 on the 6 weeks before the sample's holdout. What sells is known from sales.
"""

import numpy as np

from forsys.ranking.features.group import Columns, FeatureGroup, attribute_feature
from forsys.ranking.pairs import Pairs
from forsys.tables.roles import Roles


def of_attributes(roles: Roles) -> dict[str, str]:
    """The attributes of the article that the role `ranker` names."""
    return {attribute_feature("article", name): f"the article's {roles.spelled(name)}" for name in roles.ranker}


def build(pairs: Pairs) -> Columns:
    """What the article is: codes of its attributes. Not in the default settings, since it gained nothing."""
    codes = {name: pairs.history.codes(name)[pairs.article] for name in pairs.history.roles.ranker}
    return {
        attribute_feature("article", name): np.where(code < 0, np.nan, code).astype(np.float32)
        for name, code in codes.items()
    }


GROUP = FeatureGroup("attributes", {}, build, of_attributes, lambda roles: list(of_attributes(roles)))
