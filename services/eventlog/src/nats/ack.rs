//! Interpretation of the server's answer to a publish, by error code, never by text.

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::response::Response;
use async_nats::{Message, RequestError, RequestErrorKind};

use crate::position::Position;

/// The answer to a publish.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ack {
    /// Stored; for a batch, at the position of its last event.
    Stored(Position),
    /// Not stored: the stream's last event is not the expected one. It may be an own earlier try.
    WrongLastSequence,
    /// Not stored, permanently.
    Refused(String),
    /// Not stored; a retry may succeed.
    NotStored(String),
    /// Not stored: the servers have no room.
    NoRoom(String),
    /// Not stored: no stream has the subject. It does not exist yet, or no longer.
    NoStream(String),
    /// Unknown outcome.
    Unknown(String),
}

pub(super) fn read(answer: Result<Message, RequestError>) -> Ack {
    match answer {
        Ok(message) => read_payload(&message.payload),
        Err(error) => match error.kind() {
            RequestErrorKind::NoResponders => Ack::NoStream(error.to_string()),
            RequestErrorKind::InvalidSubject | RequestErrorKind::MaxPayloadExceeded => {
                Ack::Refused(error.to_string())
            }
            RequestErrorKind::TimedOut | RequestErrorKind::Other => Ack::Unknown(error.to_string()),
        },
    }
}

fn read_payload(payload: &[u8]) -> Ack {
    match serde_json::from_slice::<Response<PublishAck>>(payload) {
        Ok(Response::Ok(ack)) => Ack::Stored(Position(ack.sequence)),
        Ok(Response::Err { error }) => match error.error_code() {
            // The first code for a differing sequence, the second while a replicated write is in progress.
            ErrorCode::STREAM_WRONG_LAST_SEQUENCE | ErrorCode::STREAM_WRONG_LAST_SEQUENCE_CONSTANT => {
                Ack::WrongLastSequence
            }
            ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM => Ack::Refused(error.to_string()),
            ErrorCode::INSUFFICIENT_RESOURCES
            | ErrorCode::STORAGE_RESOURCES_EXCEEDED
            | ErrorCode::ACCOUNT_RESOURCES_EXCEEDED
            | ErrorCode::STREAM_STORE_FAILED => Ack::NoRoom(error.to_string()),
            _ => Ack::NotStored(error.to_string()),
        },
        Err(error) => Ack::Unknown(format!("the answer cannot be read: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(code: u64) -> Ack {
        read_payload(
            format!(
                r#"{{"error":{{"code":400,"err_code":{code},"description":"x"}},"stream":"CRA","seq":0}}"#
            )
            .as_bytes(),
        )
    }

    #[test]
    fn both_codes_of_a_wrong_last_sequence_are_understood() {
        assert_eq!(error(10_071), Ack::WrongLastSequence);
        assert_eq!(error(10_164), Ack::WrongLastSequence);
    }

    #[test]
    fn a_message_that_is_too_large_is_refused_and_other_errors_may_be_temporary() {
        assert!(matches!(error(10_054), Ack::Refused(_)));
        assert!(matches!(error(10_008), Ack::NotStored(_)));
        for code in [10_002, 10_023, 10_047, 10_077] {
            assert!(matches!(error(code), Ack::NoRoom(_)), "{code}");
        }
    }

    #[test]
    fn an_ack_has_the_position_of_the_event() {
        assert_eq!(read_payload(br#"{"stream":"CRA","seq":42}"#), Ack::Stored(Position(42)));
        assert_eq!(
            read_payload(br#"{"stream":"CRA","seq":42,"batch":"b","count":7}"#),
            Ack::Stored(Position(42))
        );
    }

    #[test]
    fn an_unreadable_answer_leaves_the_outcome_unknown() {
        assert!(matches!(read_payload(b"+OK"), Ack::Unknown(_)));
    }
}
