//! `cra token`: a signing key with its key set, and tokens signed with it, to try out identity without an issuer.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use cra_private::{AtomicFile, Existing, make_dir};
use cra_runtime::identity::{Claims, OneOrMany, PerimeterClaim, Scope, SigningKey, key_set};
use jiff::Timestamp;

use super::{CommandResult, Outcome};
use crate::args::{TokenCommand, TokenIssueArgs, TokenKeysArgs};
use crate::output::{Output, notice};

const PRIVATE: &str = "private.pem";
const PUBLIC: &str = "jwks.json";

pub(crate) fn run(command: TokenCommand, output: &mut Output) -> CommandResult {
    match command {
        TokenCommand::Keys(args) => keys(&args, output),
        TokenCommand::Issue(args) => issue(args, output),
    }
}

fn keys(args: &TokenKeysArgs, output: &mut Output) -> CommandResult {
    let TokenKeysArgs { dir, parties } = args;
    make_dir(dir).with_context(|| format!("{} cannot be made", dir.display()))?;
    let key = SigningKey::generate_ed25519()?;
    let public = dir.join(PUBLIC);
    write_new(&dir.join(PRIVATE), &key.to_pem())?;
    write_new(&public, &format!("{:#}\n", key_set(&[&key])))?;
    let public = fs::canonicalize(&public).context("the key set was written but cannot be found")?;
    notice("settings of both services, as a file for --config or as CRA_IDENTITY__TOKENS__… variables:");
    let settings = toml_of(&parties.issuer, &parties.audience, &public);
    output.write(&settings)?;
    Ok(Outcome::Done)
}

/// Every JSON text is also a TOML text.
fn toml_of(issuer: &str, audience: &str, jwks_file: &Path) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    format!(
        "[identity.tokens]\nissuer = {}\naudience = {}\njwks_file = {}\n",
        quoted(issuer),
        quoted(audience),
        quoted(&jwks_file.display().to_string())
    )
}

/// Never overwrites: a lost key cannot be recreated.
fn write_new(path: &Path, text: &str) -> anyhow::Result<()> {
    let written = AtomicFile::write_whole(path, text.as_bytes(), Existing::Keep);
    written.with_context(|| format!("{} cannot be written", path.display()))
}

fn issue(args: TokenIssueArgs, output: &mut Output) -> CommandResult {
    let path = args.dir.join(PRIVATE);
    let pem = fs::read_to_string(&path)
        .with_context(|| format!("{} cannot be read; create it with `cra token keys`", path.display()))?;
    let key = SigningKey::from_pem(&pem).with_context(|| path.display().to_string())?;
    output.line(&key.sign(&claims(args, Timestamp::now())?)?)?;
    Ok(Outcome::Done)
}

fn claims(args: TokenIssueArgs, now: Timestamp) -> anyhow::Result<Claims> {
    let scope = args.scope.join(" ");
    for word in scope.split_whitespace() {
        let known = || Scope::ALL.map(Scope::name).join(", ");
        anyhow::ensure!(
            Scope::from_name(word).is_some(),
            "`{word}` is not a scope; expected some of {}",
            known()
        );
    }
    let perimeter = PerimeterClaim {
        national: args.perimeter.national,
        advisors: args.perimeter.advisor,
        structures: args.perimeter.structure,
        departments: args.perimeter.department,
        regions: args.perimeter.region,
    };
    let claims = Claims {
        iss: args.parties.issuer,
        aud: OneOrMany::One(args.parties.audience),
        exp: now.as_second() + i64::from(args.minutes) * 60,
        iat: Some(now.as_second()),
        sub: args.subject,
        azp: Some(args.client),
        scope: OneOrMany::One(scope),
        perimeter: (perimeter != PerimeterClaim::default()).then_some(perimeter),
        ..Claims::default()
    };
    // The check of the services.
    claims.check().map_err(|why| anyhow::anyhow!("the services would refuse this token: {why}"))?;
    Ok(claims)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::super::fake::written;
    use super::*;
    use crate::args::{Arguments, Command};

    fn token(arguments: &[&str]) -> (String, CommandResult) {
        let Command::Token(command) = Arguments::parse_from([&["cra", "token"], arguments].concat()).command
        else {
            panic!("{arguments:?}")
        };
        written(|output| run(command, output))
    }

    #[test]
    fn keys_are_created_once_are_private_to_their_owner_and_sign_tokens() {
        let dir = tempfile::tempdir().unwrap();
        let keys = dir.path().join("keys").display().to_string();
        let (settings, outcome) = token(&["keys", &keys]);
        assert_eq!(outcome.unwrap(), Outcome::Done);
        assert!(settings.contains("jwks.json") && settings.contains("cra-first-try"), "{settings}");
        let before = fs::read(dir.path().join("keys").join(PRIVATE)).unwrap();
        assert!(token(&["keys", &keys]).1.is_err(), "the key was overwritten");
        assert_eq!(fs::read(dir.path().join("keys").join(PRIVATE)).unwrap(), before);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(dir.path().join("keys").join(PRIVATE)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        let (signed, outcome) =
            token(&["issue", &keys, "--client", "c", "--scope", "cra:submit cra:read", "--department", "35"]);
        outcome.unwrap();
        assert_eq!(signed.trim_end().split('.').count(), 3, "{signed}");
    }

    #[test]
    fn a_token_that_the_services_would_refuse_is_not_issued() {
        let dir = tempfile::tempdir().unwrap();
        let keys = dir.path().display().to_string();
        token(&["keys", &keys]).1.unwrap();
        let issue = ["issue", &keys, "--client", "c", "--scope"];
        for refused in
            [&["everything"][..], &["cra:read", "--department", "1"], &["cra:read", "--advisor", "é"]]
        {
            let (signed, outcome) = token(&[&issue, refused].concat());
            assert!(outcome.is_err() && signed.is_empty(), "{refused:?}: {signed}");
        }
    }
}
