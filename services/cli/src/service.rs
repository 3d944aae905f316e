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

    pub(crate) fn flag(self) -> &'static str {
        match self {
            Self::Ingestion => "--ingestion-url",
            Self::Projection => "--projection-url",
        }
    }

    pub(crate) fn binary(self) -> &'static str {
        match self {
            Self::Ingestion => "cra-ingestion",
            Self::Projection => "cra-projection",
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ingestion => "ingestion service",
            Self::Projection => "projection service",
        })
    }
}
