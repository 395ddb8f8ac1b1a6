"""Fingerprints of values and of code: what changes when an artifact must be made again.

The code that an artifact depends on is not listed by hand: it follows from the imports of the module that makes it.
"""

import ast
import hashlib
import json
from functools import cache
from importlib.util import find_spec, resolve_name
from pathlib import Path
from typing import Any

PACKAGE = __name__.partition(".")[0]
BESIDE = (".html", ".css", ".js", ".toml")  # files that are read like code


def fingerprint(*parts: Any) -> str:
    """A short hash of JSON-like values: the same parts give the same 16 hex digits in every process."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]


@cache
def code_fingerprint(module: str) -> str:
    """Hash of the source of `module` and of all that it imports, directly or not; see `imported_modules`.

    Templates of pages (HTML, CSS, JS) and TOML tables beside these modules count as their source.
    """
    files = {name: _source_file(name) for name in imported_modules(module)}
    folders = sorted({file.parent for file in files.values()})
    beside = [path for folder in folders for path in sorted(folder.iterdir()) if path.suffix in BESIDE]
    sources = [[name, file.read_text(encoding="utf-8")] for name, file in sorted(files.items())]
    return fingerprint(sources, [path.read_text(encoding="utf-8") for path in beside])


@cache
def imported_modules(module: str) -> frozenset[str]:
    """`module` and the modules that it imports, directly or not, of this package and of the module's own.

    Read from the source, also within functions, but not under `if TYPE_CHECKING`.
    """
    found: set[str] = set()
    waiting = {module}
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting |= _imports_of(name) - found
    return frozenset(found)


@cache
def _imports_of(module: str) -> frozenset[str]:
    """The modules named by the import statements of a module."""
    file, roots = _source_file(module), {PACKAGE, module.partition(".")[0]}
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    found: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(file.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting += node.orelse
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = resolve_name("." * node.level + (node.module or ""), package)
            if base.partition(".")[0] in roots:
                members = {f"{base}.{alias.name}" for alias in node.names}
                modules = {name for name in members if _find_source(name)}
                found |= modules | ({base} if modules != members and _find_source(base) else set())
        waiting += ast.iter_child_nodes(node)
    return frozenset(name for name in found if name.partition(".")[0] in roots)


@cache
def _source_file(module: str) -> Path:
    """The file of a module, found without importing the packages that it is in."""
    file = _find_source(module)
    if file is None:
        raise ModuleNotFoundError(f"{module} has no source file")
    return file


def has_source(module: str) -> bool:
    """Whether a module has a source file, by which a change of it can be told."""
    return _find_source(module) is not None


@cache
def _find_source(module: str) -> Path | None:
    root, *inner = module.split(".")
    try:
        spec = find_spec(root)
    except ValueError:  # of __main__, when it is a script
        return None
    if spec is None:
        return None
    if not inner:
        return Path(spec.origin) if spec.origin else None
    paths = [Path(folder, *inner) for folder in spec.submodule_search_locations or ()]
    files = (file for path in paths for file in (path.with_suffix(".py"), path / "__init__.py"))
    return next((file for file in files if file.is_file()), None)
