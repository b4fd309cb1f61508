#!/bin/sh
# Makes .venv with everything a checkout needs, on a machine that may have neither uv nor Python's venv module.
set -eu
cd "$(dirname "$0")/.."

say() { printf '  · %s\n' "$*" >&2; }
fail() { printf 'error: %s\n  → %s\n' "$1" "$2" >&2; exit 1; }

debian() {
    say "Debian packages: $*"
    command -v apt-get >/dev/null || fail "this machine lacks $*, and has no apt-get" "install them with your package manager"
    [ "$(id -u)" = 0 ] || fail "this machine lacks $*" "run \`sudo apt-get install $*\`, then this again"
    apt-get update -q >/dev/null
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" >/dev/null
}

find_uv() {
    if command -v uv >/dev/null; then command -v uv; return; fi
    [ -x .venv/bin/uv ] && { echo .venv/bin/uv; return; }
    kept="${XDG_CACHE_HOME:-$HOME/.cache}/slipway/uv"
    if [ ! -x "$kept/bin/uv" ]; then
        command -v python3 >/dev/null || debian python3 python3-venv ca-certificates
        rm -rf "$kept"
        python3 -m venv "$kept" 2>/dev/null || { rm -rf "$kept"; debian python3-venv; python3 -m venv "$kept"; }
        say "uv, from its pinned wheel"
        "$kept/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt >&2
    fi
    echo "$kept/bin/uv"
}

uv=$(find_uv)
if [ ! -x .venv/bin/python ]; then
    "$uv" venv --quiet --python '>=3.11,<3.14' .venv ||
        fail "no Python 3.11 to 3.13 was found" "install one (on Debian 12: \`apt-get install python3\`)"
fi
say "Python packages (about 6 GB with torch; taken from the cache where they are there)"
"$uv" pip sync --quiet --python .venv/bin/python --require-hashes requirements/dev.txt
"$uv" pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation -e . -e bentos/kit
