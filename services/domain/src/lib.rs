//! The CRA as its users know it: vocabulary, places, rules, events, older forms. Pure: no I/O, no clock, no randomness;
//! time and identifiers are arguments.

pub mod collation;
pub mod cra;
pub mod definitions;
pub mod event;
pub mod french;
pub mod legacy;
pub mod perimeter;
pub mod period;
pub mod selection;
pub mod spelling;
pub mod spreadsheet;
pub mod steps;
pub mod territory;
pub mod vocabulary;
