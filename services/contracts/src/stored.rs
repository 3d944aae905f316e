//! Stored events, read without copying: texts are borrowed from the bytes. A replay reads every event of the log and
//! uses most texts only for a lookup.
//!
//! Each message of an event that holds a text has a type here, with the same fields under the same numbers (the test
//! `stored` compares them with the contract); messages without texts use the generated types. Like the generated types,
//! these merge repeated fields, skip unknown fields and refuse malformed bytes.

use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
use prost_types::Timestamp;
use smallvec::SmallVec;

use crate::v1::{AgeCounts, Duration, Forgotten, StatusCounts};

/// Why bytes are not a message of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// No valid field key where a field should begin.
    #[error("invalid field key")]
    Key,
    /// A varint has too many bytes.
    #[error("a number has too many bytes")]
    Number,
    /// A value is longer than the remaining bytes.
    #[error("a value is longer than the remaining bytes")]
    CutOff,
    /// A field has a value of the wrong wire type.
    #[error("a field has another wire type than in the contract")]
    Kind,
    /// A text is not UTF-8.
    #[error("a text is not UTF-8")]
    Text,
    /// An unknown field cannot be skipped.
    #[error("an unknown field cannot be skipped")]
    Unknown,
}

/// Values of a repeated number; most lists are short.
pub type Numbers = SmallVec<[i32; 8]>;

/// The value of a field.
trait Value<'a>: Default {
    /// Reads a value from the front of the bytes and merges it.
    fn merge(&mut self, kind: WireType, bytes: &mut &'a [u8]) -> Result<(), Malformed>;
}

macro_rules! numbers {
    ($($type:ty),*) => {$(
        impl<'a> Value<'a> for $type {
            #[inline]
            #[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)] // as the format says
            fn merge(&mut self, kind: WireType, bytes: &mut &'a [u8]) -> Result<(), Malformed> {
                expect(WireType::Varint, kind)?;
                *self = varint(bytes)? as $type;
                Ok(())
            }
        }
    )*};
}

numbers!(i32, i64, u32, u64);

impl<'a> Value<'a> for bool {
    fn merge(&mut self, kind: WireType, bytes: &mut &'a [u8]) -> Result<(), Malformed> {
        expect(WireType::Varint, kind)?;
        *self = varint(bytes)? != 0;
        Ok(())
    }
}

impl<'a> Value<'a> for &'a [u8] {
    #[inline]
    fn merge(&mut self, kind: WireType, bytes: &mut &'a [u8]) -> Result<(), Malformed> {
        expect(WireType::LengthDelimited, kind)?;
        *self = delimited(bytes)?;
        Ok(())
    }
}

impl<'a> Value<'a> for &'a str {
    #[inline]
    fn merge(&mut self, kind: WireType, bytes: &mut &'a [u8]) -> Result<(), Malformed> {
        expect(WireType::LengthDelimited, kind)?;
        *self = std::str::from_utf8(delimited(bytes)?).map_err(|_| Malformed::Text)?;
        Ok(())
    }
}

impl<'a> Value<'a> for Numbers {
    #[inline]
    fn merge(&mut self, kind: WireType, bytes: &mut &'a [u8]) -> Result<(), Malformed> {
        let mut take_one = |kind, bytes: &mut &'a [u8]| {
            let mut number = 0;
            number.merge(kind, bytes)?;
            self.push(number);
            Ok(())
        };
        if kind != WireType::LengthDelimited {
            return take_one(kind, bytes);
        }
        let mut packed = delimited(bytes)?;
        while !packed.is_empty() {
            take_one(WireType::Varint, &mut packed)?;
        }
        Ok(())
    }
}

impl<'a, T: Value<'a>> Value<'a> for Vec<T> {
    fn merge(&mut self, kind: WireType, bytes: &mut &'a [u8]) -> Result<(), Malformed> {
        let mut value = T::default();
        value.merge(kind, bytes)?;
        self.push(value);
        Ok(())
    }
}

impl<'a, T: Value<'a>> Value<'a> for Option<T> {
    #[inline]
    fn merge(&mut self, kind: WireType, bytes: &mut &'a [u8]) -> Result<(), Malformed> {
        self.get_or_insert_default().merge(kind, bytes)
    }
}

impl<'a, T: Value<'a>> Value<'a> for Box<T> {
    fn merge(&mut self, kind: WireType, bytes: &mut &'a [u8]) -> Result<(), Malformed> {
        (**self).merge(kind, bytes)
    }
}

/// Messages of the contract without texts: read into the generated type.
macro_rules! without_texts {
    ($($type:ident { $($number:literal $field:ident,)* })*) => {$(
        impl<'a> Value<'a> for $type {
            fn merge(&mut self, kind: WireType, bytes: &mut &'a [u8]) -> Result<(), Malformed> {
                expect(WireType::LengthDelimited, kind)?;
                let mut bytes = delimited(bytes)?;
                while !bytes.is_empty() {
                    let (number, kind) = key(&mut bytes)?;
                    match number {
                        $($number => self.$field.merge(kind, &mut bytes)?,)*
                        _ => pass_over(number, kind, &mut bytes)?,
                    }
                }
                Ok(())
            }
        }
    )*

        /// Fields of the messages that are read into the generated type, by number.
        pub const FIELDS_WITHOUT_TEXTS: &[(&str, &[(i32, &str)])] =
            &[$((stringify!($type), &[$(($number, stringify!($field)),)*]),)*];
    };
}

without_texts! {
    AgeCounts {
        1 under_12,
        2 from_12_to_18,
        3 from_18_to_35,
        4 from_35_to_60,
        5 over_60,
    }
    StatusCounts {
        1 student,
        2 unemployed,
        3 employed,
        4 retired,
        5 unspecified_or_mixed,
    }
    Duration {
        1 band,
        2 minutes,
    }
    Timestamp {
        1 seconds,
        2 nanos,
    }
    Forgotten {
        1 annotation_at,
        2 reason_at,
        3 organisations_at,
        4 account_at,
        5 advisor_at,
        6 document_at,
    }
}

/// Declares messages: fields by their numbers, then the fields of which one is set.
macro_rules! messages {
    ($(
        $(#[$doc:meta])*
        $name:ident {
            $($number:literal $field:ident: $type:ty,)*
            $(one of $choice:ident: $one:ident {
                $($one_number:literal $one_field:ident: $variant:ident,)+
            })?
        }
    )*) => {$(
        $(#[$doc])*
        #[allow(missing_docs)] // fields are documented in the proto files
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $name<'a> {
            $(pub $field: $type,)*
            $(pub $choice: Option<$one<'a>>,)?
        }

        impl<'a> $name<'a> {
            /// The fields that are read, by number.
            pub const FIELDS: &'static [(i32, &'static str)] = &[
                $(($number, stringify!($field)),)*
                $($(($one_number, stringify!($one_field)),)+)?
            ];

            /// Reads a message.
            pub fn read(bytes: &'a [u8]) -> Result<Self, Malformed> {
                let mut message = Self::default();
                message.merge_fields(bytes)?;
                Ok(message)
            }

            fn merge_fields(&mut self, mut bytes: &'a [u8]) -> Result<(), Malformed> {
                while !bytes.is_empty() {
                    let (number, kind) = key(&mut bytes)?;
                    match number {
                        $($number => self.$field.merge(kind, &mut bytes)?,)*
                        $($($one_number => {
                            if !matches!(self.$choice, Some($one::$variant(_))) {
                                self.$choice = Some($one::$variant(Default::default()));
                            }
                            if let Some($one::$variant(value)) = &mut self.$choice {
                                value.merge(kind, &mut bytes)?;
                            }
                        })+)?
                        _ => pass_over(number, kind, &mut bytes)?,
                    }
                }
                Ok(())
            }
        }

        impl<'a> Value<'a> for $name<'a> {
            fn merge(&mut self, kind: WireType, bytes: &mut &'a [u8]) -> Result<(), Malformed> {
                expect(WireType::LengthDelimited, kind)?;
                self.merge_fields(delimited(bytes)?)
            }
        }
    )*};
}

messages! {
    /// `CraEvent`.
    Event {
        1 event_id: &'a str,
        2 cra_id: &'a str,
        3 revision: u64,
        4 recorded_at: Option<Timestamp>,
        5 origin: Option<Origin<'a>>,
        10 moved: bool,
        11 forgotten: Option<Box<Forgotten>>,
        one of fact: Fact {
            6 submitted: Submitted,
            7 corrected: Corrected,
            8 withdrawn: Withdrawn,
            9 imported: Imported,
        }
    }
    /// `Origin`.
    Origin {
        1 client_id: &'a str,
        2 subject: &'a str,
    }
    /// `CraSubmitted`.
    Submitted {
        1 cra: Option<Cra<'a>>,
        2 defaulted_fields: Vec<&'a str>,
    }
    /// `CraCorrected`.
    Corrected {
        1 cra: Option<Cra<'a>>,
        2 reason: &'a str,
        3 defaulted_fields: Vec<&'a str>,
    }
    /// `CraWithdrawn`.
    Withdrawn {
        1 reason: &'a str,
    }
    /// `LegacyCraImported`.
    Imported {
        1 legacy_id: &'a str,
        2 form_version: u32,
        3 document: &'a [u8],
    }
    /// `Cra`.
    Cra {
        1 advisor_id: &'a str,
        2 structure_id: &'a str,
        3 date: &'a str,
        4 place: Option<Place<'a>>,
        5 activity: i32,
        6 participants: Option<u32>,
        7 returning_participants: u32,
        8 ages: Option<AgeCounts>,
        9 statuses: Option<StatusCounts>,
        10 themes: Numbers,
        11 sub_themes: Numbers,
        12 annotation: &'a str,
        13 duration: Option<Duration>,
        14 follow_up: Option<FollowUp<'a>>,
    }
    /// `Place`.
    Place {
        1 channel: i32,
        2 commune_code: &'a str,
        3 postal_code: &'a str,
        4 venue_id: &'a str,
    }
    /// `FollowUp`.
    FollowUp {
        1 individual: u32,
        2 workshop: u32,
        3 redirections: Vec<Redirection<'a>>,
    }
    /// `Redirection`.
    Redirection {
        3 people: u32,
        one of organisation: Organisation {
            1 known: Known,
            2 other: Other,
        }
    }
}

/// The fact that an [`Event`] records.
#[allow(missing_docs, clippy::large_enum_variant)] // documented in the proto files; most are of the largest kind
#[derive(Clone, Debug, PartialEq)]
pub enum Fact<'a> {
    Submitted(Submitted<'a>),
    Corrected(Corrected<'a>),
    Withdrawn(Withdrawn<'a>),
    Imported(Imported<'a>),
}

/// The organisation of a [`Redirection`].
#[allow(missing_docs)] // documented in the proto files
#[derive(Clone, Debug, PartialEq)]
pub enum Organisation<'a> {
    Known(i32),
    Other(&'a str),
}

#[inline]
fn expect(expected: WireType, found: WireType) -> Result<(), Malformed> {
    if found == expected { Ok(()) } else { Err(Malformed::Kind) }
}

#[allow(clippy::inline_always)] // once for every field: a call costs as much as what is done
#[inline(always)]
fn key(bytes: &mut &[u8]) -> Result<(u32, WireType), Malformed> {
    // Fast path: numbers up to 15 take one byte.
    if let [byte @ 0x08..0x80, rest @ ..] = *bytes {
        *bytes = rest;
        let kind = match byte & 7 {
            0 => WireType::Varint,
            1 => WireType::SixtyFourBit,
            2 => WireType::LengthDelimited,
            3 => WireType::StartGroup,
            4 => WireType::EndGroup,
            5 => WireType::ThirtyTwoBit,
            _ => return Err(Malformed::Key),
        };
        return Ok((u32::from(byte >> 3), kind));
    }
    decode_key(bytes).map_err(|_| Malformed::Key)
}

#[cold]
fn pass_over(number: u32, kind: WireType, bytes: &mut &[u8]) -> Result<(), Malformed> {
    skip_field(kind, number, bytes, DecodeContext::default()).map_err(|_| Malformed::Unknown)
}

#[allow(clippy::inline_always)] // as above
#[inline(always)]
fn varint(bytes: &mut &[u8]) -> Result<u64, Malformed> {
    // Fast path: most values are short.
    if let [byte @ ..0x80, rest @ ..] = *bytes {
        *bytes = rest;
        return Ok(u64::from(*byte));
    }
    decode_varint(bytes).map_err(|_| Malformed::Number)
}

#[allow(clippy::inline_always)] // as above
#[inline(always)]
fn delimited<'a>(bytes: &mut &'a [u8]) -> Result<&'a [u8], Malformed> {
    let length = usize::try_from(varint(bytes)?).map_err(|_| Malformed::CutOff)?;
    let (value, rest) = bytes.split_at_checked(length).ok_or(Malformed::CutOff)?;
    *bytes = rest;
    Ok(value)
}
