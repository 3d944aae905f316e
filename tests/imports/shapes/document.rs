//! The shapes of a value in an older document.

use rand::RngExt as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use serde_json::{Value, json};

/// The shapes to draw from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::imports) enum Shapes {
    /// Plain JSON and every variant of MongoDB's Extended JSON.
    Any,
    /// Database types, in canonical Extended JSON.
    Canonical,
}

/// Draws the shape of each value.
pub(super) struct Shaping<'a> {
    pub(super) chance: &'a mut StdRng,
    pub(super) shapes: Shapes,
}

impl Shaping<'_> {
    /// One of the values; the last `plain` of them are not canonical Extended JSON.
    fn one_of(&mut self, values: &[Value], plain: usize) -> Value {
        let drawn = match self.shapes {
            Shapes::Any => values,
            Shapes::Canonical => &values[..values.len() - plain],
        };
        drawn.choose(self.chance).unwrap().clone()
    }

    /// True with probability one half.
    pub(super) fn half(&mut self) -> bool {
        self.chance.random()
    }

    /// An identifier of 24 hexadecimal digits.
    pub(super) fn id(&mut self, id: &str) -> Value {
        let object_id = json!({"$oid": id});
        let shapes = [
            object_id.clone(),
            json!({"$ref": "autres", "$id": object_id, "$db": "cnum"}),
            json!({"$ref": "autres", "$id": object_id}),
            json!(id),
            json!({"$ref": "autres", "$id": id}),
        ];
        self.one_of(&shapes, 2)
    }

    /// The document's id, which no database stores as a reference.
    pub(super) fn own_id(&mut self, id: &str) -> Value {
        self.one_of(&[json!({"$oid": id}), json!(id)], 1)
    }

    pub(super) fn instant(&mut self, instant: jiff::Timestamp) -> Value {
        let milliseconds = instant.as_millisecond();
        let text = instant.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string();
        let with_offset = instant.to_string().replace('Z', "+00:00");
        let shapes = [
            json!({"$date": {"$numberLong": milliseconds.to_string()}}),
            json!({"$date": text}),
            json!({"$date": milliseconds}),
            json!(text),
            json!({"$date": with_offset}),
            json!(with_offset),
        ];
        self.one_of(&shapes, 5)
    }

    pub(super) fn number(&mut self, number: u32) -> Value {
        let shapes = [
            json!({"$numberInt": number.to_string()}),
            json!({"$numberLong": number.to_string()}),
            json!({"$numberDouble": format!("{number}.0")}),
            json!({"$numberDecimal": number.to_string()}),
            json!(number.to_string()),
            json!(number),
            json!(f64::from(number)),
        ];
        self.one_of(&shapes, 2)
    }

    /// A number of people that may be absent if it is 0.
    pub(super) fn count(&mut self, number: u32) -> Value {
        if number == 0 && self.half() { Value::Null } else { self.number(number) }
    }

    /// A value or none.
    pub(super) fn or_absent(&mut self, value: Value) -> Option<Value> {
        if self.half() { Some(value) } else { None }
    }
}
