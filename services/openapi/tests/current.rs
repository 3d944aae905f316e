//! The document in the repository is the one that the contract yields.

use std::fs;
use std::path::Path;

#[test]
fn the_kept_document_is_that_of_the_contract() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(cra_openapi::FILE);
    let stored = fs::read_to_string(&file).unwrap_or_default();
    let made = cra_openapi::text().unwrap();
    let differs = stored.lines().zip(made.lines()).position(|(stored, made)| stored != made);
    assert!(
        stored == made,
        "{} differs from the contract, first at line {}; write it with `cargo run --package cra-openapi --example write`",
        cra_openapi::FILE,
        differs.unwrap_or_else(|| stored.lines().count().min(made.lines().count())) + 1
    );
}
