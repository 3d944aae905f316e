//! No bytes from the network or the log make a service panic: the inputs retained by fuzzing (`tests/fuzz/corpus`) and random
//! variations of them are read like any others. `tests/run --soak` searches for new ones.

use std::fs;
use std::path::{Path, PathBuf};

use rand::RngExt as _;

use crate::harness::{chance, either};

mod calls;
mod inputs;

fn retained(target: &str) -> Vec<Vec<u8>> {
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    files.map(|file| fs::read(file.unwrap().path()).unwrap()).collect()
}

/// The names contain the expected result; the accepted ones show that the others are refused for their specific fault.
#[test]
fn of_the_retained_tokens_only_those_signed_by_the_issuer_for_this_service_are_accepted() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/token");
    let mut accepted = Vec::new();
    for file in fs::read_dir(folder).unwrap() {
        let file = file.unwrap();
        if inputs::is_taken(&fs::read_to_string(file.path()).unwrap()) {
            accepted.push(file.file_name().into_string().unwrap());
        }
    }
    accepted.sort_unstable();
    assert_eq!(accepted, ["taken-eddsa", "taken-es256", "taken-rs256"]);
}

#[test]
fn every_retained_input_is_read_without_a_panic() {
    for (target, read) in inputs::ALL {
        let retained = retained(target);
        assert!(!retained.is_empty(), "no input of {target} is retained");
        for input in retained {
            read(&input);
        }
    }
}

#[test]
fn a_retained_input_changed_cut_or_joined_at_random_is_read_without_a_panic() {
    let mut chance = chance();
    let rounds = either(300, 30_000);
    for (target, read) in inputs::ALL {
        let retained = retained(target);
        for _ in 0..rounds {
            let mut input = retained[chance.random_range(0..retained.len())].clone();
            for _ in 0..chance.random_range(1..6) {
                if input.is_empty() {
                    break;
                }
                let at = chance.random_range(0..input.len());
                match chance.random_range(0..4) {
                    0 => input[at] = chance.random(),
                    1 => input[at] ^= 1 << chance.random_range(0..8),
                    2 => input.truncate(at),
                    _ => input.extend_from_slice(&retained[chance.random_range(0..retained.len())]),
                }
            }
            read(&input);
        }
    }
}
