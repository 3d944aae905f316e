//! Fields that a JSON text gives twice, by one name or by both of the names that proto JSON has for a field. JSON
//! readers silently keep the last value; here the repetition is an error, so that no value is lost.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::faults::{FAULTS_MAX, JsonFault};

/// Maximum depth examined; no message of the contract is deeper.
const DEPTH_MAX: usize = 32;

/// The repeated fields, in the text's order; bounded. For a text that is not JSON: those before the syntax error.
pub(super) fn fields(text: &str) -> Vec<JsonFault> {
    let mut found = Vec::new();
    let mut source = serde_json::Deserializer::from_str(text);
    // The parser reports a text that is not JSON.
    let _ = Level { path: String::new(), depth: 0, found: &mut found }.deserialize(&mut source);
    let fault = |path| JsonFault {
        path,
        found: "this field a second time".to_owned(),
        expected: "each field once".to_owned(),
        meant: None,
    };
    found.into_iter().map(fault).collect()
}

struct Level<'a> {
    path: String,
    depth: usize,
    found: &'a mut Vec<String>,
}

impl Level<'_> {
    fn below(&mut self, path: String) -> Level<'_> {
        Level { path, depth: self.depth + 1, found: self.found }
    }
}

impl<'de> DeserializeSeed<'de> for Level<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<(), D::Error> {
        if self.depth == DEPTH_MAX {
            return source.deserialize_ignored_any(IgnoredAny).map(drop);
        }
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Level<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        let mut seen = HashSet::new();
        while let Some(name) = map.next_key::<String>()? {
            let path = if self.path.is_empty() { name.clone() } else { format!("{}.{name}", self.path) };
            // `craId` and `cra_id` name one field.
            let is_new = seen.insert(name.replace('_', "").to_ascii_lowercase());
            if !is_new && self.found.len() < FAULTS_MAX {
                self.found.push(path.clone());
            }
            map.next_value_seed(self.below(path))?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        for index in 0.. {
            let path = format!("{}[{index}]", self.path);
            if items.next_element_seed(self.below(path))?.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}
