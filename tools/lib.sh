# shellcheck shell=bash
# Shell functions shared by the scripts beside it.
# Sourced, never run: `source "$(dirname "$0")/lib.sh"`.
#
# What they set:
#   root          the repository root, which is the plugin folder
#   qgis_python   the interpreter QGIS itself uses (never the first python3 on PATH: a pyenv or conda has no QGIS)
#   venv          .venv on top of that interpreter, with the in-process libraries and the test tools
#   cache         .cache: the QGIS profile, the backend environment and the stamps of finished set-ups

set -euo pipefail
export LC_ALL="${LC_ALL:-C.UTF-8}"
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
venv="$root/.venv"
cache="$root/.cache"
qgis_python=/usr/bin/python3

# Qt asks for these; without the first QGIS aborts where there is no display.
export QT_QPA_PLATFORM="${QT_QPA_PLATFORM:-offscreen}"
if [ -z "${XDG_RUNTIME_DIR:-}" ]; then
    export XDG_RUNTIME_DIR="$cache/run"
    mkdir -p "$XDG_RUNTIME_DIR" && chmod 700 "$XDG_RUNTIME_DIR"
fi

started=$SECONDS

# step WORDS...: say what comes next and how long everything took so far.
step() { printf '[%4d s] %s\n' "$((SECONDS - started))" "$*"; }

die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# as_root COMMAND...: run as root, through sudo when we are not.
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null; then sudo "$@"
    else die "cannot run '$*' as $(id -un): run this as root, or install sudo."
    fi
}

# have_package NAME: whether apt has installed it.
have_package() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# need_packages NAME...: install what is missing, with apt.
need_packages() {
    local name missing=()
    for name in "$@"; do have_package "$name" || missing+=("$name"); done
    [ ${#missing[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null || die "these Debian packages are missing and there is no apt-get: ${missing[*]}."
    step "apt: installing ${missing[*]}"
    mkdir -p "$cache"
    # Wait for another apt instead of failing; keep the long listing in a log.
    if ! { as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=600 update &&
           as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=600 install -y \
               --no-install-recommends "${missing[@]}"; } >"$cache/apt.log" 2>&1; then
        tail -n 20 "$cache/apt.log" >&2
        die "apt-get could not install ${missing[*]} (whole log: $cache/apt.log)."
    fi
}

# need_qgis: QGIS with its Python bindings and qgis_process, and what a virtual environment needs.
need_qgis() { need_packages ca-certificates fonts-dejavu-core qgis python3-qgis qgis-providers python3-venv; }

# pip_install PYTHON ARGUMENTS...: quiet pip that shows its output only when it fails.
pip_install() {
    local python="$1"
    shift
    if ! "$python" -m pip install --disable-pip-version-check --no-input "$@" >"$cache/pip.log" 2>&1; then
        tail -n 20 "$cache/pip.log" >&2
        die "pip could not install $* (whole log: $cache/pip.log)."
    fi
}

# pinned_system_versions: constraints that keep QGIS's own numpy, scipy, matplotlib and pandas in charge.
pinned_system_versions() {
    "$qgis_python" - <<'PYTHON'
from importlib.metadata import PackageNotFoundError, version

for name in ("numpy", "scipy", "matplotlib", "pandas"):
    try:
        print(f"{name}=={version(name)}")
    except PackageNotFoundError:
        if name == "pandas":  # QGIS's numpy 1 cannot serve pandas 3; pandas 1.5 and 2 serve both
            print("pandas<3")
if tuple(map(int, version("numpy").split(".")[:2])) < (1, 22):
    print("numba<0.57")  # later ones install beside numpy 1.21 and then refuse it
PYTHON
}

# need_venv: .venv over QGIS's Python, made again when the wanted packages or the system's versions change.
need_venv() {
    local wanted
    mkdir -p "$cache"
    pinned_system_versions >"$cache/constraints.txt"
    wanted="$(cat "$root"/tools/requirements*.txt "$cache/constraints.txt"; "$qgis_python" --version; echo "$venv")"
    if [ -x "$venv/bin/python" ] && [ "$(cat "$venv/stamp" 2>/dev/null)" = "$wanted" ]; then return 0; fi
    step "creating $venv over $("$qgis_python" --version)"
    "$qgis_python" -m venv --clear --system-site-packages "$venv"
    pip_install "$venv/bin/python" --upgrade pip
    pip_install "$venv/bin/python" -c "$cache/constraints.txt" -r "$root/tools/requirements.txt"
    # Of what it asks for, running a model takes numpy only, and Ubuntu 22.04's (1.21.5) does though it asks for 1.21.6.
    pip_install "$venv/bin/python" --no-deps -r "$root/tools/requirements-onnxruntime.txt"
    printf '%s\n' "$wanted" >"$venv/stamp"
}

# need_profile: a QGIS profile of our own in which the plugin, linked to this folder, is enabled.
need_profile() {
    local profile="$cache/qgis/profiles/default"
    mkdir -p "$profile/python/plugins" "$profile/QGIS"
    ln -sfn "$root" "$profile/python/plugins/hybrid_geostatistics"
    printf '[PythonPlugins]\nhybrid_geostatistics=true\n' >"$profile/QGIS/QGIS3.ini"
}

# qgis_process ARGUMENTS...: QGIS's command line with our profile, and .venv first for its Python.
qgis_process() {
    local program=qgis_process
    # bookworm's wrapper passes a flag that its qgis_process does not know; the binary behind it is fine.
    command -v qgis_process.bin >/dev/null && program=qgis_process.bin
    # PYTHONPATH would let .venv be shadowed; first on PATH makes it the prefix of QGIS's Python.
    env -u PYTHONPATH -u PYTHONHOME PATH="$venv/bin:$PATH" QGIS_CUSTOM_CONFIG_PATH="$cache/qgis" "$program" "$@"
}

# algorithm ID PARAMETER=VALUE...: run one of the plugin's algorithms; show its results, keep its log in $logs.
algorithm() {
    local name="$1" log since=$SECONDS
    log="$logs/$name.log"
    shift
    step "$name"
    if ! qgis_process run "hybridgeo:$name" -- "$@" >"$log" 2>&1; then
        tail -n 30 "$log" >&2
        die "$name failed (whole log: $log)."
    fi
    # The results are what follows the last of qgis_process's headings; of texts with many lines only the log knows.
    sed -n '/^Results$/,$p' "$log" | grep -E $'^[A-Z][A-Z0-9_]*:\t' | grep -Ev $'^SCORES:|^OUTPUT:\t#' \
        >"$logs/$name.results" || true
    fold -s -w 110 "$logs/$name.results" | sed 's/^/           /'
    printf '           (%d s)\n' "$((SECONDS - since))"
}

# need_backend: the backend environment, below .cache, made by the plugin's own algorithm unless it is there.
export HYBRIDGEO_BACKEND_DIR="${HYBRIDGEO_BACKEND_DIR:-$cache/backend}"
ask_backend() { (cd "$root" && "$venv/bin/python" -c "from core.backend import environment; $1"); }
need_backend() {
    local logs="$cache"
    ask_backend 'raise SystemExit(not environment.check(run_it=False).trains)' || algorithm setupbackend
}

# test_in_backend ARGUMENTS...: pytest in the backend's Python; pytest itself stays outside that environment.
test_in_backend() {
    local python tools wanted
    python="$(ask_backend 'print(environment.backend_python())')"
    tools="$cache/pytest-$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')"
    if [ ! -d "$tools/pytest" ]; then
        step "pytest for the backend's Python"
        mkdir -p "$cache"
        mapfile -t wanted < <(grep -E '^(pytest|hypothesis)[<>=]' "$root/tools/requirements.txt")
        pip_install "$python" --target "$tools" "${wanted[@]}"
    fi
    step "pytest in the backend's Python: $("$python" --version)"
    (cd "$root" && env -u PYTHONHOME PYTHONPATH="$tools" TF_CPP_MIN_LOG_LEVEL=3 "$python" -m pytest "$@")
}
