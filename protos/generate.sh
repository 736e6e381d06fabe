#!/bin/sh
# Writes protos/gen from the .proto files. `make generate` runs it; CI runs it and refuses a difference.
set -eu
cd "$(dirname "$0")"
rm -rf gen/sagwan
mkdir -p gen
# shellcheck disable=SC2046  # the list of files is meant to be split
python -m grpc_tools.protoc --proto_path=. \
  --python_out=gen --mypy_out=quiet:gen --grpc_python_out=gen --mypy_grpc_out=quiet,generate_concrete_servicer_stubs:gen \
  $(find sagwan -name '*.proto' | sort)
