//! The arguments of `cra token`: keys and tokens for trying out identity without an issuer.

use std::path::PathBuf;

use clap::{Args, Subcommand};

const KEYS_DETAILS: &str = "\
DIR receives `private.pem`, which signs tokens and is yours alone, and `jwks.json`, which lets a service check them. What is \
there is never written over. The command prints the settings that a service needs.

For a first try: a real issuer keeps its keys where no service and no operator can read them.";

const ISSUE_DETAILS: &str = "\
Scopes: cra:submit, cra:correct, cra:import, cra:read, statistics:read, statistics:public, operations.

The perimeter says which CRAs are granted: --national, or those of some advisors, structures, departments or regions, of which \
one is enough.";

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Create a signing key, and its key set for the services
    #[command(after_long_help = KEYS_DETAILS)]
    Keys(TokenKeysArgs),
    /// Sign a token with that key and write it
    #[command(after_long_help = ISSUE_DETAILS)]
    Issue(TokenIssueArgs),
}

#[derive(Debug, Args)]
pub(crate) struct TokenKeysArgs {
    /// Folder of the keys
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
    #[command(flatten)]
    pub(crate) parties: PartiesArgs,
}

/// Issuer and audience of the token, as configured in the services.
#[derive(Debug, Args)]
pub(crate) struct PartiesArgs {
    /// Issuer of the tokens
    #[arg(long, value_name = "TEXT", default_value = "cra-first-try")]
    pub(crate) issuer: String,
    /// Audience of the tokens
    #[arg(long, value_name = "TEXT", default_value = "cra")]
    pub(crate) audience: String,
}

#[derive(Debug, Args)]
pub(crate) struct TokenIssueArgs {
    /// Folder of the keys
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
    #[command(flatten)]
    pub(crate) parties: PartiesArgs,
    /// Platform that uses the token
    #[arg(long, value_name = "ID")]
    pub(crate) client: String,
    /// Person or service account on whose behalf the platform acts
    #[arg(long, value_name = "ID")]
    pub(crate) subject: Option<String>,
    /// Scopes, separated by spaces; may be repeated
    #[arg(long, value_name = "SCOPES", required = true)]
    pub(crate) scope: Vec<String>,
    #[command(flatten)]
    pub(crate) perimeter: PerimeterArgs,
    /// Validity of the token, in minutes
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=525_600))]
    pub(crate) minutes: u32,
}

/// The CRAs that the token grants.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Perimeter")]
pub(crate) struct PerimeterArgs {
    /// All CRAs
    #[arg(long, conflicts_with_all = ["advisor", "structure", "department", "region"])]
    pub(crate) national: bool,
    /// The CRAs of an advisor; may be repeated, like the following
    #[arg(long, value_name = "ID")]
    pub(crate) advisor: Vec<String>,
    /// The CRAs of a structure
    #[arg(long, value_name = "ID")]
    pub(crate) structure: Vec<String>,
    /// The CRAs of a department
    #[arg(long, value_name = "CODE")]
    pub(crate) department: Vec<String>,
    /// The CRAs of a region
    #[arg(long, value_name = "CODE")]
    pub(crate) region: Vec<String>,
}
