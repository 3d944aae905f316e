//! Determines the commit of the build: `SOURCE_COMMIT` if it is set, otherwise git's in a release build. Other builds
//! are marked `development`, so that a commit does not rebuild everything.

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
        // Changes with each commit, also in a linked worktree.
        if let Some(log) = git(&["rev-parse", "--path-format=absolute", "--git-path", "logs/HEAD"]) {
            println!("cargo::rerun-if-changed={log}");
        }
        git(&["rev-parse", "--short=12", "HEAD"]).unwrap_or_else(|| "unknown".to_owned())
    });
    // It is used in a metric label and in the output of `--version`.
    let commit: String = commit.chars().filter(char::is_ascii_alphanumeric).take(40).collect();
    // Without the prefix of the settings, because `cargo run` and `cargo test` pass it to child processes.
    println!("cargo::rustc-env=BUILD_COMMIT={commit}");
}

/// Output of git; `None` without git, or outside a repository.
fn git(arguments: &[&str]) -> Option<String> {
    let answer = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(answer.stdout).ok()?;
    (answer.status.success() && !text.trim().is_empty()).then(|| text.trim().to_owned())
}
