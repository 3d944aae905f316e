//! See `tests/hostile/inputs.rs`.
#![no_main]

#[path = "../../hostile/inputs.rs"]
#[allow(dead_code)]
mod inputs;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| inputs::submission(bytes));
