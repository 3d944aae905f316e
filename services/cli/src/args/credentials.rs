//! The arguments by which `cra` proves to a service who it is, and knows that it is the service. Shared by all commands.

use std::path::PathBuf;

use clap::Args;
use cra_private::Secret;

const HEADING: &str = "Identity";

/// What the services are shown, and trusted by.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct CredentialArgs {
    /// Token to carry; a file is better, for others see a process's command line
    #[arg(
        long,
        global = true,
        env = "CRA_TOKEN",
        hide_env_values = true,
        value_name = "TOKEN",
        conflicts_with = "token_file",
        help_heading = HEADING
    )]
    pub(crate) token: Option<Secret>,
    /// File of the token; read again for each call, so it may be renewed meanwhile
    #[arg(long, global = true, env = "CRA_TOKEN_FILE", value_name = "FILE", help_heading = HEADING)]
    pub(crate) token_file: Option<PathBuf>,
    /// PEM file of the authority that signed the services' certificates [default: those of the system]
    #[arg(long, global = true, env = "CRA_CA", value_name = "FILE", help_heading = HEADING)]
    pub(crate) ca: Option<PathBuf>,
    /// PEM file of the certificate to show, where a service asks for one
    #[arg(long, global = true, env = "CRA_CERT", value_name = "FILE", requires = "key", help_heading = HEADING)]
    pub(crate) cert: Option<PathBuf>,
    /// PEM file of its private key
    #[arg(long, global = true, env = "CRA_KEY", value_name = "FILE", requires = "cert", help_heading = HEADING)]
    pub(crate) key: Option<PathBuf>,
}
