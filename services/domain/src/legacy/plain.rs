//! A document as plain values. Decodes MongoDB Extended JSON v2 (canonical and relaxed) and v1, so that the readers of
//! fields see an identifier, an instant or a number whatever notation the export used.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// A decoded value. Two values are equal if they mean the same, whatever their notation.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Plain {
    Null,
    Bool(bool),
    /// A number without fraction, `90.0` included.
    Whole(i128),
    Fraction(f64),
    Text(String),
    /// `$oid`, or the `$id` of a reference to another document.
    Id(String),
    /// `$date`.
    Instant(Timestamp),
    List(Vec<Self>),
    Object(BTreeMap<String, Self>),
}

/// A decoded document, and the paths of the keys that occur twice; the last value counts.
pub(super) struct Parsed {
    pub(super) root: Plain,
    pub(super) repeated: Vec<String>,
}

/// Decodes a JSON text.
pub(super) fn parse(text: &[u8]) -> Result<Parsed, serde_json::Error> {
    let mut repeated = Vec::new();
    let mut source = serde_json::Deserializer::from_slice(text);
    let node = Node { path: &Path::Root, repeated: &mut repeated };
    let root = node.deserialize(&mut source)?;
    source.end()?;
    Ok(Parsed { root, repeated })
}

impl Plain {
    /// The value under a key of an object.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Object(fields) => fields.get(key),
            _ => None,
        }
    }

    /// The value at a path such as `cra.canal`.
    pub(super) fn at(&self, path: &str) -> Option<&Self> {
        path.split('.').try_fold(self, |value, key| value.get(key))
    }

    /// The value at a path, mutable.
    pub(super) fn at_mut(&mut self, path: &str) -> Option<&mut Self> {
        path.split('.').try_fold(self, |value, key| match value {
            Self::Object(fields) => fields.get_mut(key),
            _ => None,
        })
    }

    /// A text, trimmed.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text.trim()),
            _ => None,
        }
    }

    /// The text of an identifier.
    pub(super) fn id(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Id(text) => Some(text),
            _ => None,
        }
    }

    /// An instant: `$date`, an ISO 8601 text with its offset, or a day, which means midnight in UTC.
    pub(super) fn instant(&self) -> Option<Timestamp> {
        match self {
            Self::Instant(instant) => Some(*instant),
            Self::Text(text) => instant(text),
            _ => None,
        }
    }

    /// A whole number, also if written as a text.
    pub(super) fn whole(&self) -> Option<i128> {
        match self {
            Self::Whole(number) => Some(*number),
            Self::Text(text) => digits(text.trim()),
            _ => None,
        }
    }
}

impl From<&Plain> for serde_json::Value {
    fn from(plain: &Plain) -> Self {
        match plain {
            Plain::Null => Self::Null,
            Plain::Bool(value) => (*value).into(),
            Plain::Whole(number) => {
                i64::try_from(*number).map_or_else(|_| number.to_string().into(), Self::from)
            }
            Plain::Fraction(number) => (*number).into(),
            Plain::Text(text) | Plain::Id(text) => text.as_str().into(),
            Plain::Instant(instant) => instant.to_string().into(),
            Plain::List(values) => values.iter().map(Self::from).collect(),
            Plain::Object(fields) => {
                fields.iter().map(|(key, value)| (key.clone(), Self::from(value))).collect()
            }
        }
    }
}

/// As JSON, for notes and faults.
impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        serde_json::Value::from(self).fmt(f)
    }
}

fn instant(text: &str) -> Option<Timestamp> {
    const DAY_LENGTH: usize = "YYYY-MM-DD".len();
    let text = text.trim();
    if text.len() == DAY_LENGTH {
        let day: Date = text.parse().ok()?;
        return Some(day.to_zoned_datetime(TimeZone::UTC).ok()?.timestamp());
    }
    text.parse().ok()
}

fn digits(text: &str) -> Option<i128> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { text.parse().ok() } else { None }
}

fn number(number: f64) -> Plain {
    // Whole numbers below this value are exact in `f64`.
    const EXACT_BELOW: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() < EXACT_BELOW {
        #[allow(clippy::cast_possible_truncation, reason = "whole and far below the largest")]
        return Plain::Whole(number as i128);
    }
    Plain::Fraction(number)
}

/// The whole number that a decimal such as `5`, `5.00` or `5E+1` is.
fn whole_decimal(text: &str) -> Option<i128> {
    const ZEROS_MAX: usize = 30;
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let scale = exponent.parse::<i32>().ok()?.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    let digits = format!("{whole}{fraction}");
    match usize::try_from(scale) {
        Ok(zeros) if zeros <= ZEROS_MAX => format!("{digits}{}", "0".repeat(zeros)).parse().ok(),
        Ok(_) => None,
        Err(_) => {
            let dropped = usize::try_from(scale.unsigned_abs()).ok()?;
            let (digits_before, dropped) = digits.split_at_checked(digits.len().checked_sub(dropped)?)?;
            let is_whole = dropped.bytes().all(|byte| byte == b'0');
            if is_whole { digits_before.parse().ok() } else { None }
        }
    }
}

/// The value of an Extended JSON object; any other object unchanged. Additional keys are ignored: a reference may have
/// some.
fn decoded(fields: BTreeMap<String, Plain>) -> Plain {
    if !fields.keys().any(|key| key.starts_with('$')) {
        return Plain::Object(fields);
    }
    let field = |key: &str| fields.get(key);
    let value = match (field("$oid"), field("$date"), field("$id").filter(|_| fields.contains_key("$ref"))) {
        (Some(oid), _, _) => oid.id().map(|id| Plain::Id(id.to_owned())),
        (_, Some(date), _) => decoded_date(date).map(Plain::Instant),
        (_, _, Some(id)) => id.id().map(|id| Plain::Id(id.to_owned())),
        _ => decoded_number(&field).or_else(|| match (field("$symbol"), field("$undefined")) {
            (Some(Plain::Text(text)), _) => Some(Plain::Text(text.clone())),
            (_, Some(_)) => Some(Plain::Null),
            _ => None,
        }),
    };
    value.unwrap_or(Plain::Object(fields))
}

fn decoded_date(date: &Plain) -> Option<Timestamp> {
    match date {
        Plain::Text(text) => instant(text),
        Plain::Whole(milliseconds) => Timestamp::from_millisecond(i64::try_from(*milliseconds).ok()?).ok(),
        _ => None,
    }
}

fn decoded_number<'a>(field: &impl Fn(&str) -> Option<&'a Plain>) -> Option<Plain> {
    if let Some(value) = field("$numberInt").or_else(|| field("$numberLong")) {
        return match value {
            Plain::Text(text) => text.parse().ok().map(Plain::Whole),
            Plain::Whole(number) => Some(Plain::Whole(*number)),
            _ => None,
        };
    }
    if let Some(value) = field("$numberDouble") {
        return match value {
            Plain::Text(text) => text.parse().ok().filter(|number: &f64| number.is_finite()).map(number),
            Plain::Whole(_) | Plain::Fraction(_) => Some(value.clone()),
            _ => None,
        };
    }
    match field("$numberDecimal")? {
        Plain::Text(text) => whole_decimal(text).map(Plain::Whole),
        Plain::Whole(number) => Some(Plain::Whole(*number)),
        _ => None,
    }
}

/// Path of a value in its document.
enum Path<'a> {
    Root,
    Key(&'a Self, &'a str),
    Index(&'a Self, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Key(Self::Root, key) => f.write_str(key),
            Self::Key(parent, key) => write!(f, "{parent}.{key}"),
            Self::Index(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

/// Reads one value.
struct Node<'a> {
    path: &'a Path<'a>,
    repeated: &'a mut Vec<String>,
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Plain;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Plain, D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Plain;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Plain, E> {
        Ok(Plain::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Plain, E> {
        Ok(Plain::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Plain, E> {
        Ok(Plain::Whole(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Plain, E> {
        Ok(Plain::Whole(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Plain, E> {
        Ok(number(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Plain, E> {
        Ok(Plain::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Plain, E> {
        Ok(Plain::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut source: A) -> Result<Plain, A::Error> {
        let mut values = Vec::new();
        loop {
            let path = Path::Index(self.path, values.len());
            match source.next_element_seed(Node { path: &path, repeated: &mut *self.repeated })? {
                Some(value) => values.push(value),
                None => return Ok(Plain::List(values)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut source: A) -> Result<Plain, A::Error> {
        let mut fields = BTreeMap::new();
        while let Some(key) = source.next_key::<String>()? {
            let path = Path::Key(self.path, &key);
            if fields.contains_key(&key) {
                self.repeated.push(path.to_string());
            }
            let value = source.next_value_seed(Node { path: &path, repeated: &mut *self.repeated })?;
            fields.insert(key, value);
        }
        Ok(decoded(fields))
    }
}
