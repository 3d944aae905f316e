//! Public figures are sums of shown base cells, and no base cell reveals an exact count: attacked by a reader who knows
//! every definition, queries everything in every publication, and combines all answers.

mod attack;
mod cells;
mod conditional;
mod open_data;
mod pages;
mod publishing;
mod refusals;
