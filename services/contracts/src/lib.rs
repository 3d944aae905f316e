//! The contract `cra.v1` as Rust types: the types generated from `proto/cra/v1`, and types for stored events that
//! borrow from the bytes. The limits of lists follow from the descriptors ([`bounds`]); all other rules are in the
//! domain.

pub mod bounds;
#[cfg(feature = "grpc")]
pub mod codec;
#[cfg(feature = "json")]
pub mod files;
#[cfg(feature = "json")]
pub mod json;
#[cfg(feature = "json")]
pub mod query;
pub mod stored;

/// Messages, clients and servers of `cra.v1`; documented in the proto files themselves.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
pub mod v1 {
    include!(concat!(env!("OUT_DIR"), "/cra.v1.rs"));
}

/// Domain of the reasons in `google.rpc.ErrorInfo`.
pub const ERROR_DOMAIN: &str = "cra.v1";

/// OpenAPI 3.1 of the contract, in JSON: its unary methods and its files. `services/openapi` makes it.
pub const OPENAPI: &str = include_str!("../../../proto/openapi.json");

/// Encoded `google.protobuf.FileDescriptorSet` of the contract and its imports.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/cra.v1.bin"));
