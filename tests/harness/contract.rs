//! The methods of the contract, from its descriptors.

use std::collections::BTreeMap;

use cra_runtime::identity::access::Shape;
use prost::Message as _;
use prost_types::FileDescriptorSet;

/// Path and shape of every method of the contract.
pub(crate) fn contract() -> BTreeMap<String, Shape> {
    let files = FileDescriptorSet::decode(cra_contracts::FILE_DESCRIPTOR_SET).unwrap().file;
    let services = files.into_iter().filter(|file| file.package() == "cra.v1").flat_map(|file| file.service);
    let methods = services.flat_map(|service| {
        let name = service.name().to_owned();
        service.method.into_iter().map(move |method| {
            let shape = match (method.client_streaming(), method.server_streaming()) {
                (false, false) => Shape::Single,
                (false, true) => Shape::Answers,
                (true, _) => Shape::Both,
            };
            (format!("/cra.v1.{name}/{}", method.name()), shape)
        })
    });
    methods.collect()
}
