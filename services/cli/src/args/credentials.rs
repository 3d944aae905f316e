//! The credentials of `cra`, and the certificate authority that it trusts. Shared by all commands.

use std::path::PathBuf;

use clap::Args;
use cra_private::Secret;

const HEADING: &str = "Identity";

/// Credentials to present, and the authority to trust.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct CredentialArgs {
    /// Token to send; prefer --token-file, because other users can see the command line of a process
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
    /// File of the token; read again for each call, so that it can be renewed
    #[arg(long, global = true, env = "CRA_TOKEN_FILE", value_name = "FILE", help_heading = HEADING)]
    pub(crate) token_file: Option<PathBuf>,
    /// PEM file of the authority that signed the services' certificates [default: the system's authorities]
    #[arg(long, global = true, env = "CRA_CA", value_name = "FILE", help_heading = HEADING)]
    pub(crate) ca: Option<PathBuf>,
    /// PEM file of the client certificate, if a service requires one
    #[arg(long, global = true, env = "CRA_CERT", value_name = "FILE", requires = "key", help_heading = HEADING)]
    pub(crate) cert: Option<PathBuf>,
    /// PEM file of the client certificate's private key
    #[arg(long, global = true, env = "CRA_KEY", value_name = "FILE", requires = "cert", help_heading = HEADING)]
    pub(crate) key: Option<PathBuf>,
}
