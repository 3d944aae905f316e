//! NDJSON: one CRA per line, in the contract's own JSON form. Nothing is left out or put in: what a program that reads
//! the contract needs.

use std::io::{self, Write};

use cra_contracts::{json, v1};

/// Writes one line.
pub fn ndjson(output: &mut impl Write, record: &v1::CraRecord) -> io::Result<()> {
    writeln!(output, "{}", json::to_value(record))
}
