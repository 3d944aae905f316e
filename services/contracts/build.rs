//! Compiles `proto/cra/v1` with protox, so that no system `protoc` is needed. Keeps the file descriptor set for gRPC
//! reflection and proto JSON.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use prost::Message;

/// gRPC clients and servers are generated only with the feature `grpc`.
const GRPC: &str = "#[cfg(feature = \"grpc\")]";

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    let mut files: Vec<PathBuf> = fs::read_dir(root.join("cra/v1"))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.sort();
    println!("cargo::rerun-if-changed={}", root.display());

    let descriptors = protox::compile(&files, [&root])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("cra.v1.bin"), descriptors.encode_to_vec())?;

    // Proto JSON finds each message by its full name.
    let mut messages = prost_build::Config::new();
    messages.enable_type_names();
    messages.bytes(["."]);
    tonic_prost_build::configure()
        .client_mod_attribute(".", GRPC)
        .server_mod_attribute(".", GRPC)
        .codec_path("crate::codec::MessageCodec")
        // Methods that a service does not implement answer UNIMPLEMENTED.
        .generate_default_stubs(true)
        .compile_fds_with_config(descriptors, messages)?;
    Ok(())
}
