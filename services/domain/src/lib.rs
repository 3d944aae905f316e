//! The CRA as its users know it: words, places, rules, events, older forms. Pure: no input or output, no clock
//! and no randomness; time and identifiers come in as arguments.

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
