//! NDJSON: a CRA per line, in the contract's JSON, complete and unchanged, for programs that read the contract.
//! Characters that would split a line or change its direction are escaped.

use std::io::{self, Write};

use cra_contracts::{json, v1};

/// Writes one line.
pub fn ndjson(output: &mut impl Write, record: &v1::CraRecord) -> io::Result<()> {
    writeln!(output, "{}", json::line(&json::to_value(record)))
}
