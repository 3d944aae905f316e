//! Faults in a cell of a table.

/// A cell that cannot be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CellFault {
    /// Index of the column in the row, from 0.
    pub column: usize,
    /// Heading of the column, as written in the file.
    pub heading: String,
    /// Content of the cell.
    pub found: String,
    /// Message in French: what was found, and what is expected.
    pub fault: String,
}
