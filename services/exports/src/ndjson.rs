//! NDJSON: one CRA per line, in the contract's own JSON form. Nothing is left out or put in: what a program that reads
//! the contract needs. What would part a line or turn its direction is escaped.

use std::io::{self, Write};

use cra_contracts::{json, v1};

/// Writes one line.
pub fn ndjson(output: &mut impl Write, record: &v1::CraRecord) -> io::Result<()> {
    writeln!(output, "{}", json::line(&json::to_value(record)))
}
