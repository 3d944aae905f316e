# Short names for what the scripts do; `just` alone lists them. Each recipe runs without `just`, too.

set positional-arguments := true

_list:
    @just --list --unsorted

# Both services in one process, with a fictitious month
run *ARGS:
    cargo run --release -- standalone --sample "$@"

# Unit tests of the crates: no servers, no installation
fast *NAMES:
    cargo test --workspace --all-features --locked --lib --bins -- "$@"

# Every test on real servers, or those whose names contain a word; --soak for minutes of faults
test *NAMES:
    tests/run "$@"

# Format and lints
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --all-features --locked -- --deny warnings

# Documentation of the crates
doc:
    cargo doc --workspace --no-deps --all-features --locked

# The description of the contract, proto/openapi.json, after a change of the contract
openapi:
    cargo run --package cra-openapi --example write

# Everything that must hold before a change lands
ci:
    .ci/run
