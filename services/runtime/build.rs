//! Tells the crate which commit it is built from: `SOURCE_COMMIT` where it is set, else what git says in a release build.
//! Other builds say `development`, so that a commit does not build everything again.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=SOURCE_COMMIT");
    let given = env::var("SOURCE_COMMIT").ok().filter(|commit| !commit.is_empty());
    let commit = given.unwrap_or_else(|| {
        if env::var("PROFILE").as_deref() != Ok("release") {
            return "development".to_owned();
        }
        // Moves with each commit, also in a linked worktree.
        if let Some(log) = git(&["rev-parse", "--path-format=absolute", "--git-path", "logs/HEAD"]) {
            println!("cargo::rerun-if-changed={log}");
        }
        git(&["rev-parse", "--short=12", "HEAD"]).unwrap_or_else(|| "unknown".to_owned())
    });
    // It ends up in a label and in what `--version` prints.
    let commit: String = commit.chars().filter(char::is_ascii_alphanumeric).take(40).collect();
    println!("cargo::rustc-env=BUILD_COMMIT={commit}");
}

/// What git says; `None` without git, or outside a repository.
fn git(arguments: &[&str]) -> Option<String> {
    let answer = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(answer.stdout).ok()?;
    (answer.status.success() && !text.trim().is_empty()).then(|| text.trim().to_owned())
}
