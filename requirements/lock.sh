#!/bin/sh
# Pins every *.in with hashes for Python 3.11 and later. dev.lock comes first and holds the others to its versions.
set -eu
cd "$(dirname "$0")"
compile() {
  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
    --custom-compile-command "make lock" "$@"
}
compile dev.in --output-file dev.lock
for name in build embedder ingest search model migrate local; do
  compile "$name.in" --constraint dev.lock --output-file "$name.lock"
done
# Without torch, for the reason that torch.in gives.
for name in sentence-transformers export; do
  compile "$name.in" --constraint dev.lock --excludes torch.in --output-file "$name.lock"
done
