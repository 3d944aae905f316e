//! Writes `proto/openapi.json`, from the top of the repository.

use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(cra_openapi::FILE);
    std::fs::write(file, cra_openapi::text()?)?;
    Ok(())
}
