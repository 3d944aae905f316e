//! The trace of an event: the `traceparent` of the W3C's Trace Context, version 00.
//!
//! It helps to analyse latency and is not part of the fact: no decision depends on it, and backups omit it.

use std::fmt;
use std::str::FromStr;

const TRACE_ID_BYTES: usize = 16;
const SPAN_ID_BYTES: usize = 8;
const SAMPLED: u8 = 1;

/// The span that an event was appended in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent {
    trace_id: [u8; TRACE_ID_BYTES],
    span_id: [u8; SPAN_ID_BYTES],
    flags: u8,
}

/// The text is not a `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a traceparent of version 00")]
pub struct NotATraceParent;

impl TraceParent {
    /// Number of bytes of [`Self::to_bytes`].
    pub(crate) const BYTES: usize = TRACE_ID_BYTES + SPAN_ID_BYTES + 1;

    /// The trace, not all zeros.
    #[must_use]
    pub fn trace_id(&self) -> [u8; TRACE_ID_BYTES] {
        self.trace_id
    }

    /// The span in it, not all zeros.
    #[must_use]
    pub fn span_id(&self) -> [u8; SPAN_ID_BYTES] {
        self.span_id
    }

    /// Whether the trace is sampled.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.flags & SAMPLED == SAMPLED
    }

    /// A span of a trace; `None` if an id is all zeros, which means no id.
    #[must_use]
    pub fn new(
        trace_id: [u8; TRACE_ID_BYTES],
        span_id: [u8; SPAN_ID_BYTES],
        is_sampled: bool,
    ) -> Option<Self> {
        let flags = if is_sampled { SAMPLED } else { 0 };
        Self { trace_id, span_id, flags }.checked()
    }

    pub(crate) fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..TRACE_ID_BYTES].copy_from_slice(&self.trace_id);
        bytes[TRACE_ID_BYTES..Self::BYTES - 1].copy_from_slice(&self.span_id);
        bytes[Self::BYTES - 1] = self.flags;
        bytes
    }

    pub(crate) fn from_bytes(bytes: [u8; Self::BYTES]) -> Option<Self> {
        let (trace_id, rest) = bytes.split_first_chunk()?;
        let (span_id, rest) = rest.split_first_chunk()?;
        Self { trace_id: *trace_id, span_id: *span_id, flags: *rest.first()? }.checked()
    }

    fn checked(self) -> Option<Self> {
        let is_named =
            self.trace_id.iter().any(|byte| *byte != 0) && self.span_id.iter().any(|byte| *byte != 0);
        is_named.then_some(self)
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let trace_id = u128::from_be_bytes(self.trace_id);
        let span_id = u64::from_be_bytes(self.span_id);
        write!(f, "00-{trace_id:032x}-{span_id:016x}-{:02x}", self.flags)
    }
}

impl FromStr for TraceParent {
    type Err = NotATraceParent;

    fn from_str(text: &str) -> Result<Self, NotATraceParent> {
        let mut parts = text.split('-');
        let [Some("00"), Some(trace_id), Some(span_id), Some(flags), None] =
            [parts.next(), parts.next(), parts.next(), parts.next(), parts.next()]
        else {
            return Err(NotATraceParent);
        };
        let read = Self { trace_id: hex(trace_id)?, span_id: hex(span_id)?, flags: hex::<1>(flags)?[0] };
        read.checked().ok_or(NotATraceParent)
    }
}

/// Decodes exactly `N` bytes of lowercase hexadecimal, as the specification requires.
fn hex<const N: usize>(text: &str) -> Result<[u8; N], NotATraceParent> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Ok(byte - b'0'),
        b'a'..=b'f' => Ok(byte - b'a' + 10),
        _ => Err(NotATraceParent),
    };
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return Err(NotATraceParent);
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EXAMPLE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_traceparent_is_read_as_it_was_written() {
        let read: TraceParent = EXAMPLE.parse().unwrap();
        assert_eq!(read.to_string(), EXAMPLE);
        assert!(read.is_sampled());
        assert_eq!(TraceParent::from_bytes(read.to_bytes()), Some(read));
        assert_eq!(TraceParent::new(read.trace_id(), read.span_id(), true), Some(read));
    }

    #[test]
    fn a_malformed_traceparent_is_refused() {
        for text in [
            "",
            "00",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e47éé-00f067aa0ba902b7-01",
        ] {
            assert_eq!(text.parse::<TraceParent>(), Err(NotATraceParent), "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_accepted_text_is_written_unchanged_and_nothing_panics(text in "\\PC{0,60}") {
            if let Ok(read) = text.parse::<TraceParent>() {
                prop_assert_eq!(read.to_string(), text);
            }
        }
    }
}
