//! One contract by every protocol on one port: gRPC, gRPC-Web and Connect, in JSON and encoded, over HTTP/1.1 and HTTP/2, by
//! clients that others wrote. Each gives the same answers, the same refusals, and lets the same callers in.

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
