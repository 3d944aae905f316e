//! The two services, as the command line names them.

use std::fmt;

use clap::ValueEnum;

/// One of the two services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Service {
    Ingestion,
    Projection,
}

impl Service {
    /// One word.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ingestion => "ingestion",
            Self::Projection => "projection",
        }
    }

    pub(crate) fn flag(self) -> String {
        format!("--{}-url", self.name())
    }

    pub(crate) fn binary(self) -> String {
        format!("cra-{}", self.name())
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} service", self.name())
    }
}
