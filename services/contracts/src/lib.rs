//! The contract `cra.v1` as Rust types: generated from `proto/cra/v1`, and, of stored events, types that borrow from
//! the bytes. The bounds of lists follow from the descriptors ([`bounds`]); what else a message may hold is decided in the
//! domain.

pub mod bounds;
#[cfg(feature = "json")]
pub mod json;
pub mod stored;

/// Messages, clients and servers of `cra.v1`; documented in the proto files themselves.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
pub mod v1 {
    include!(concat!(env!("OUT_DIR"), "/cra.v1.rs"));
}

/// Encoded `google.protobuf.FileDescriptorSet` of the contract and of what it imports.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/cra.v1.bin"));
