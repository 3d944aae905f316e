//! No bytes from the network or from the log make a service panic: the inputs that fuzzing has kept (`fuzz/corpus`), and
//! chance changes of them, are read like any others. `tests/run --soak` looks for new ones.

use std::fs;
use std::path::{Path, PathBuf};

use rand::RngExt as _;

use crate::harness::{chance, either};

mod calls;
mod inputs;

fn kept(target: &str) -> Vec<Vec<u8>> {
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    files.map(|file| fs::read(file.unwrap().path()).unwrap()).collect()
}

/// The names say which: those that are taken show that the others are refused for what they are.
#[test]
fn of_the_kept_tokens_those_are_taken_that_the_issuer_signed_for_this_service() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/token");
    let mut taken = Vec::new();
    for file in fs::read_dir(folder).unwrap() {
        let file = file.unwrap();
        if inputs::is_taken(&fs::read_to_string(file.path()).unwrap()) {
            taken.push(file.file_name().into_string().unwrap());
        }
    }
    taken.sort_unstable();
    assert_eq!(taken, ["taken-eddsa", "taken-es256", "taken-rs256"]);
}

#[test]
fn every_kept_input_is_read_without_a_panic() {
    for (target, read) in inputs::ALL {
        let kept = kept(target);
        assert!(!kept.is_empty(), "no input of {target} is kept");
        for input in kept {
            read(&input);
        }
    }
}

#[test]
fn changed_by_chance_cut_or_joined_a_kept_input_is_read_without_a_panic() {
    let mut chance = chance();
    let rounds = either(300, 30_000);
    for (target, read) in inputs::ALL {
        let kept = kept(target);
        for _ in 0..rounds {
            let mut input = kept[chance.random_range(0..kept.len())].clone();
            for _ in 0..chance.random_range(1..6) {
                if input.is_empty() {
                    break;
                }
                let at = chance.random_range(0..input.len());
                match chance.random_range(0..4) {
                    0 => input[at] = chance.random(),
                    1 => input[at] ^= 1 << chance.random_range(0..8),
                    2 => input.truncate(at),
                    _ => input.extend_from_slice(&kept[chance.random_range(0..kept.len())]),
                }
            }
            read(&input);
        }
    }
}
