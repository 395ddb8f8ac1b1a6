"""Versions of the program and of the libraries that its results depend on."""

import platform
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version

PACKAGES = (
    "implicit", "jinja2", "keras", "lightgbm", "matplotlib", "numpy", "optuna", "pandas", "pillow", "polars",
    "pydantic", "scikit-image", "scikit-learn", "scipy", "tensorflow", "threadpoolctl", "tqdm", "yake",
)  # fmt: skip


def package_versions() -> dict[str, str]:
    """Package -> version, or "not installed"."""
    return {name: package_version(name) for name in PACKAGES}


def all_versions() -> dict[str, str]:
    """Those of the program, Python and the installed packages."""
    installed = {name: found for name, found in package_versions().items() if found != "not installed"}
    program = sys.modules[__name__.partition(".")[0]]  # not imported, since its __init__ names the API, far above
    return {"forsys": program.__version__, "python": platform.python_version(), **installed}


@cache
def package_version(package: str) -> str:
    """The version of an installed package, or "not installed"."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
