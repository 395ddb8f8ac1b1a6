"""FOR-system: from a shop's purchases to what each customer buys next.

In Python: `forsys.Shop("folder").fit("model").recommend(customer)`; see docs/python.md.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"

if TYPE_CHECKING:
    from forsys.api import Model, Shop, load
    from forsys.errors import DataError
else:

    def __getattr__(name: str) -> Any:
        """Imported when it is first used, so that `import forsys` takes no time."""
        if name in _LAZY:
            return getattr(import_module(_LAZY[name]), name)
        raise AttributeError(f"module 'forsys' has no attribute {name!r}")


__all__ = ["DataError", "Model", "Shop", "__version__", "load"]
_LAZY = {"DataError": "forsys.errors", "Model": "forsys.api", "Shop": "forsys.api", "load": "forsys.api"}


def __dir__() -> list[str]:
    return sorted(__all__)
