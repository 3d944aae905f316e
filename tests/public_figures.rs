//! Public figures say nothing but sums of shown base cells, and no base cell says an exact count: attacked by a reader who
//! knows every definition, asks everything that is answered in every publication, and combines all of it.

mod attack;
mod cells;
mod open_data;
mod pages;
mod publishing;
mod refusals;
