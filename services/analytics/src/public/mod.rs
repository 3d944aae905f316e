//! Figures that anybody may see: the counts of a base cell (one department, one month of activity), each rounded to a
//! multiple of a base by fixed random rounding (source: the confidentiality rules of Stats NZ, "FRR3").
//!
//! A count is rounded up with the probability of its remainder, else down, so that sums of cells stay nearly unbiased.
//! The draw comes from a secret of the deployment, the set of CRAs in the cell and the count itself: the same set shows
//! the same numbers in every publication, and equal counts of one set show the same number. Draws that would leave some
//! count fewer than `base` possible values, for a reader who knows every definition, are replaced (`possible`).
//!
//! Pure. Does not decide who sees what, nor which CRAs are in a cell.

mod base;
mod counts;
mod possible;
mod rounding;
#[cfg(test)]
mod tests;

pub use base::Base;
pub use counts::{Counts, HIDDEN_FIELDS, ORDERS};
pub use rounding::{CellName, Rounding, Shown};
