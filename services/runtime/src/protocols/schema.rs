//! The methods that are served, by path, with the descriptors of their messages: the contract's, and those of health and
//! reflection.

use std::collections::HashMap;
use std::sync::Arc;

use prost_reflect::{DescriptorPool, MessageDescriptor};
use prost_types::method_options::IdempotencyLevel;

use crate::identity::access::{self, Method, Shape};

/// A method that is served.
pub(super) struct Served {
    /// Row of the method in the table of its service.
    pub(super) method: Method,
    /// Whether it has one answer and no side effect, as its `idempotency_level` says: then it may be called by GET.
    pub(super) is_read: bool,
    pub(super) request: MessageDescriptor,
    pub(super) answer: MessageDescriptor,
}

/// Every method that is served.
pub(super) struct Schema(HashMap<String, Arc<Served>>);

impl Schema {
    /// Of these rows. Descriptors are made by the build: a method that none describes is served by gRPC alone.
    pub(super) fn of(tables: &[&[Method]]) -> Self {
        let sets = [
            tonic_health::pb::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
        ];
        let others = sets.into_iter().filter_map(|set| DescriptorPool::decode(set).ok());
        let mut served = HashMap::new();
        for pool in std::iter::once(cra_contracts::json::descriptors().clone()).chain(others) {
            let methods = pool.services().flat_map(|service| service.methods().collect::<Vec<_>>());
            for described in methods {
                let path = format!("/{}/{}", described.parent_service().full_name(), described.name());
                let Some(method) = access::find(tables, &path) else { continue };
                let options = described.method_descriptor_proto().options.as_ref();
                let level = options.map(prost_types::MethodOptions::idempotency_level);
                let is_read = method.shape == Shape::Single && level == Some(IdempotencyLevel::NoSideEffects);
                let (request, answer) = (described.input(), described.output());
                served.insert(path, Arc::new(Served { method, is_read, request, answer }));
            }
        }
        Self(served)
    }

    pub(super) fn find(&self, path: &str) -> Option<&Arc<Served>> {
        self.0.get(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_and_reflection_are_described_and_read_only_what_says_so() {
        let schema = Schema::of(&[access::HEALTH, access::REFLECTION]);
        for method in access::HEALTH.iter().chain(access::REFLECTION) {
            let served = schema.find(method.path).unwrap();
            assert_eq!(served.method, *method);
            assert!(!served.is_read, "{} says nothing of its effects", method.path);
        }
        assert!(schema.find("/cra.v1.StatisticsService/GetStatistics").is_none(), "it has no row here");
    }
}
