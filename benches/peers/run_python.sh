#!/usr/bin/env bash
# run_python.sh SCRIPT ARGUMENT...: a script of this directory with the packages of requirements.txt, in an environment of its own.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

venv=target/venv
[[ -d $venv ]] || python3 -m venv $venv
$venv/bin/pip install --quiet --disable-pip-version-check -r requirements.txt ../../bindings/python
$venv/bin/python "$@"
