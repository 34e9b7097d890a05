#!/usr/bin/env bash
# Measures all peers, first those in Rust, then those in Python, and renews results/. Stops at the first that gives a wrong answer.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

cargo run --release --locked -- results/rust.json
./run_python.sh peers.py results/python.json
./run_python.sh report.py results/rust.json results/python.json results
