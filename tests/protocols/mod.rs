//! One contract by every protocol on one port: gRPC, gRPC-Web and Connect, in JSON and in protobuf, over HTTP/1.1 and
//! HTTP/2, by third-party clients. Each gives the same answers and refusals, and admits the same callers.

mod answers;
mod before_calls;
mod browsers;
pub(crate) mod buf;
mod conditional;
mod connect;
mod curl;
mod hostile;
mod matrix;
mod requests;
mod time_limits;
mod transport;
pub(crate) mod ways;
