//! What is wrong with a cell of a table.

/// A cell that cannot be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CellFault {
    /// Of its column in the row, from 0.
    pub place: usize,
    /// Of its column, as it is written in the file.
    pub heading: String,
    /// What it holds.
    pub found: String,
    /// In French: what was found, and what is expected.
    pub fault: String,
}
