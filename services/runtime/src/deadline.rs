//! The caller's deadline, from the `grpc-timeout` header: for handlers that wait, for example for a position of the
//! log, and want to answer in time.
//!
//! The gRPC shell enforces it: it ends a call at the shorter of this and the server's limit.

use std::time::Duration;

use tonic::codegen::http::{HeaderMap, HeaderName, HeaderValue};
use tonic::metadata::MetadataMap;

const HEADER: &str = "grpc-timeout";
pub(crate) const HEADER_NAME: HeaderName = HeaderName::from_static(HEADER);
/// Limit of the gRPC specification; also prevents overflow below.
const MAX_DIGITS: usize = 8;

/// The caller's timeout, from the request's arrival. `None` without a timeout, or with one that the gRPC specification
/// does not allow, which the shell ignores too.
#[must_use]
pub fn deadline(metadata: &MetadataMap) -> Option<Duration> {
    parse(metadata.get(HEADER)?.to_str().ok()?)
}

pub(crate) fn of_headers(headers: &HeaderMap) -> Option<Duration> {
    parse(headers.get(HEADER)?.to_str().ok()?)
}

/// A deadline as the header gives it; whole seconds, where it has too many milliseconds for the header.
pub(crate) fn written(deadline: Duration) -> HeaderValue {
    const MILLIS_MAX: u128 = 99_999_999;
    let millis = deadline.as_millis();
    let text = if millis <= MILLIS_MAX {
        format!("{millis}m")
    } else {
        format!("{}S", deadline.as_secs().min(99_999_999))
    };
    HeaderValue::from_str(&text).unwrap_or_else(|_| unreachable!("digits and a letter are a header's value"))
}

fn parse(text: &str) -> Option<Duration> {
    let unit_at = text.len().checked_sub(1)?;
    let (digits, unit) = text.split_at_checked(unit_at)?;
    let plain = (1..=MAX_DIGITS).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !plain {
        return None;
    }
    let value: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(value * 3600)),
        "M" => Some(Duration::from_secs(value * 60)),
        "S" => Some(Duration::from_secs(value)),
        "m" => Some(Duration::from_millis(value)),
        "u" => Some(Duration::from_micros(value)),
        "n" => Some(Duration::from_nanos(value)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NANOS_OF_UNIT: [(char, u128); 6] = [
        ('H', 3_600_000_000_000),
        ('M', 60_000_000_000),
        ('S', 1_000_000_000),
        ('m', 1_000_000),
        ('u', 1_000),
        ('n', 1),
    ];

    proptest! {
        #[test]
        fn every_timeout_of_the_specification_is_read_exactly(
            value in 0_u64..100_000_000,
            (unit, nanos) in prop::sample::select(&NANOS_OF_UNIT[..]),
        ) {
            let read = parse(&format!("{value}{unit}")).map(|duration| duration.as_nanos());
            prop_assert_eq!(read, Some(u128::from(value) * nanos));
        }

        #[test]
        fn any_other_text_is_ignored_without_a_panic(text in "\\PC{0,12}") {
            let allowed = text.strip_suffix(['H', 'M', 'S', 'm', 'u', 'n']).is_some_and(|digits| {
                (1..=8).contains(&digits.len()) && digits.chars().all(|digit| digit.is_ascii_digit())
            });
            prop_assert_eq!(parse(&text).is_some(), allowed);
        }
    }

    #[test]
    fn what_is_written_is_read() {
        for millis in [0, 1_500, 99_999_999, 9_999_999_000] {
            let deadline = Duration::from_millis(millis);
            assert_eq!(parse(written(deadline).to_str().unwrap()), Some(deadline), "{millis}");
        }
    }

    #[test]
    fn malformed_timeouts_are_no_deadline() {
        for text in ["", "S", "1", "+1S", "-1S", "1 S", "123456789S", "1x", "1é", "é"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_deadline_is_read_from_the_request_metadata() {
        let mut request = tonic::Request::new(());
        assert_eq!(deadline(request.metadata()), None);
        request.set_timeout(Duration::from_millis(1500));
        assert_eq!(deadline(request.metadata()), Some(Duration::from_millis(1500)));
    }
}
