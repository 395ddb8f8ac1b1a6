"""What a bug report should say: versions, machine, and what was found where. Nothing here changes a file."""

import os
import platform
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import forsys
from forsys.content.workers import available_cores
from forsys.errors import DataError
from forsys.opening import checked_settings, find_data, home_folder
from forsys.optional_parts import PARTS, how_to_install, missing_modules
from forsys.remote import remote_of
from forsys.submission import owner_of
from forsys.tables.dataset import tables_of
from forsys.versions import package_versions
from forsys.workspace import belongs_to


def examine(folder: str | None, output: str | None, preset: str, overrides: Sequence[str]) -> dict[str, Any]:
    """Everything by section and key, as JSON-like values; a fault is a value too."""
    home = home_folder(output)
    return {
        "forsys": {
            "version": forsys.__version__,
            "from": str(Path(forsys.__file__).parent),
            "python": f"{platform.python_version()} ({sys.executable})",
        },
        "machine": _machine(home),
        "packages": package_versions(),
        "optional parts": {part: _part(part) for part in PARTS},
        "environment": {
            name: re.sub("//[^/]*@|[?].*", "//…", value)  # no credentials, though a URL with such is refused
            for name, value in sorted(os.environ.items())
            if name.startswith("FORSYS_")
        },
        "settings": _settings(preset, overrides),
        "data": _data(folder, home),
        "output": _output(home),
    }


def as_text(found: dict[str, Any]) -> str:
    """The sections one below the other."""
    lines = []
    for section, values in found.items():
        lines.append(section)
        lines += [f"  {key:<18}{value}" for key, value in values.items()] or ["  none"]
    return "\n".join(lines)


def _machine(home: Path) -> dict[str, Any]:
    there = next(folder for folder in (home, *home.resolve().parents) if folder.is_dir())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "system": platform.platform(),
        "cores": available_cores(),
        "memory GiB": round(memory / 2**30, 1),
        "free disk GiB": round(shutil.disk_usage(there).free / 2**30, 1),
    }


def _part(part: str) -> str:
    missing = missing_modules(part)
    return f"without {', '.join(missing)}: {how_to_install(part)}" if missing else "installed"


def _settings(preset: str, overrides: Sequence[str]) -> dict[str, Any]:
    try:
        settings = checked_settings(preset, overrides)
    except DataError as error:
        return {"preset": preset, "fault": str(error)}
    sources = ", ".join(settings.retrieval.sources)
    return {"preset": preset, "changed": ", ".join(overrides) or "nothing", "sources": sources}


def _data(folder: str | None, home: Path) -> dict[str, Any]:
    try:
        dataset = find_data(folder, home, make_sample=False)
    except DataError as error:
        return {"fault": str(error)}
    about = {"folder": str(dataset.folder), "found by": dataset.origin, "generated": dataset.generated}
    try:
        files = tables_of(dataset)
    except DataError as error:
        return about | {"fault": str(error)}
    return about | {path.name: f"{_size(path) / 2**20:,.1f} MiB" for path in files}


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def _output(home: Path) -> dict[str, Any]:
    """Per data set where its data lie and which stages have finished; then whose the submission is."""
    remote = remote_of(home)
    found: dict[str, Any] = {"folder": f"{remote.url} (copy in {home})" if remote else str(home)}
    for out in sorted(path for path in (home / "output").glob("*") if path.is_dir()):
        stages = sorted(file.stem for file in (out / "stamps").glob("*.json"))
        found[out.name] = (
            f"{next(iter(belongs_to(out)), 'unknown data')}; finished: {', '.join(stages) or 'nothing'}"
        )
    submission = home / "submissions" / "submission.csv"
    if submission.exists():
        found["submission.csv"] = owner_of(submission) or "of no data set that is known"
    return found
