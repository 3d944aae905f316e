//! The stream's configuration while a restore has it: it listens to subjects that only a restore publishes to.

use async_nats::jetstream::stream::{Config, SubjectTransform};

use super::metadata;
use crate::lineage::Origin;

/// The designed configuration with what a restore changes: subjects and metadata.
pub(super) fn closed(open: &Config, subject_prefix: &str, origin: &Origin) -> Config {
    let mut config = open.clone();
    let prefix = restore_prefix(subject_prefix);
    config.subjects = vec![format!("{prefix}.*")];
    config.subject_transform = Some(SubjectTransform {
        source: format!("{prefix}.*"),
        destination: format!("{subject_prefix}.{{{{wildcard(1)}}}}"),
    });
    metadata::set_restored(&mut config, Some(&origin.log));
    config
}

/// Prefix of a restore's subjects, which no service may publish to.
pub(super) fn restore_prefix(subject_prefix: &str) -> String {
    format!("{subject_prefix}-restore")
}
