#!/usr/bin/env bash
# From the shop's files to submissions/submission.csv: prepares Python once, then calls `forsys`.
#
#   bash run.sh                      everything, on the files in input/ (with none: on a generated sample)
#   bash run.sh --input DIR          everything, on the files in DIR
#   bash run.sh COMMAND [...]        one command; `bash run.sh --help` lists them
#   bash run.sh test [...]           lint, types and tests
#   bash run.sh benchmark [...]      time the hot stages against alternatives; `--help` lists the benchmarks
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

say() { printf '%s\n' "$*" >&2; }

find_python() {
    local candidate
    for candidate in "${PYTHON:-}" python3 python3.13 python3.12 python3.11 python; do
        if [ -n "$candidate" ] && "$candidate" -c \
            'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    say "run.sh: no Python 3.11, 3.12 or 3.13 found. Install one, or name it: PYTHON=/path/to/python bash run.sh"
    exit 2
}

# Make .venv from a lock, once for each content of the lock.
prepare_venv() {
    local lock="$here/$1" venv="$here/.venv" mark
    mark="$venv/.made-from-$1"
    if [ -x "$venv/bin/python" ] && cmp -s "$lock" "$mark"; then return; fi
    say "run.sh: installing $1 into .venv (once)"
    local base
    base=$(find_python)
    if command -v uv >/dev/null 2>&1; then
        [ -x "$venv/bin/python" ] || uv venv --quiet --allow-existing --python "$base" "$venv"
        uv pip install --quiet --require-hashes --python "$venv/bin/python" -r "$lock"
    else
        [ -x "$venv/bin/python" ] && "$venv/bin/python" -m pip --version >/dev/null 2>&1 || "$base" -m venv "$venv"
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$lock"
    fi
    cp "$lock" "$mark"
}

# On Kaggle the notebook's own packages serve where they fit; pip installs only what is missing or too old.
prepare_kaggle() {
    python=$(command -v python3)
    local mark="${TMPDIR:-/tmp}/forsys-kaggle-ready"
    [ -e "$mark" ] && return
    "$python" -m pip install --quiet --disable-pip-version-check -r "$here/requirements.txt"
    : >"$mark"
}

if [ "${1:-}" = test ]; then
    prepare_venv requirements-dev.lock
    cd "$here"
    shift
    .venv/bin/ruff check .
    .venv/bin/ruff format --check .
    .venv/bin/mypy
    exec .venv/bin/python -m pytest -n 2 --dist loadfile "$@"
fi

if [ "${1:-}" = benchmark ]; then
    prepare_venv requirements-dev.lock
    export PYTHONPATH="$here/src:$here" FORSYS_HOME="${FORSYS_HOME:-$here}" OMP_WAIT_POLICY=passive
    exec "$here/.venv/bin/python" -m benchmarks "${@:2}"
fi

if [ -n "${KAGGLE_KERNEL_RUN_TYPE:-}" ]; then
    prepare_kaggle
else
    # An environment made for the tests holds everything that a run needs too.
    lock=requirements.lock
    [ -e "$here/.venv/.made-from-requirements-dev.lock" ] && lock=requirements-dev.lock
    prepare_venv "$lock"
    python="$here/.venv/bin/python"
fi
export PYTHONPATH="$here/src${PYTHONPATH:+:$PYTHONPATH}" FORSYS_HOME="${FORSYS_HOME:-$here}"
# Idle threads of one library otherwise spin while another one works: small fits get 10 times slower.
export OMP_WAIT_POLICY=passive

[ $# -gt 0 ] || set -- run
[ -n "${KAGGLE_KERNEL_RUN_TYPE:-}" ] || exec "$python" -m forsys "$@"

# Kaggle takes submission.csv from its working folder alone, wherever the project was cloned to.
code=0
"$python" -m forsys "$@" || code=$?
made="$FORSYS_HOME/submissions/submission.csv" wanted="${KAGGLE_ROOT:-/kaggle}/working/submission.csv"
if [ -d "${wanted%/*}" ] && [ "$made" -nt "$wanted" ]; then
    cp -- "$made" "$wanted"
    say "run.sh: $wanted is ready to be submitted"
fi
exit "$code"
