//! A service with invalid settings, or settings that would expose it, does not start and names what to change.

use std::fs;
use std::path::Path;

use crate::harness::{Ended, Kind, run_to_end};

const KINDS: [Kind; 2] = [Kind::Ingestion, Kind::Projection];

fn run(kind: Kind, arguments: &[&str], environment: &[(&str, &str)]) -> Ended {
    let dir = tempfile::tempdir().unwrap();
    run_to_end(kind, dir.path(), arguments, environment)
}

fn assert_refused(ended: &Ended, names: &[&str]) {
    assert!(!ended.status.success(), "it started: {}", ended.stderr);
    for name in names {
        assert!(ended.stderr.contains(name), "`{name}` is not in: {}", ended.stderr);
    }
}

fn file_with(dir: &Path, text: &str) -> String {
    let file = dir.join("settings.toml");
    fs::write(&file, text).unwrap();
    file.display().to_string()
}

#[test]
fn an_unknown_variable_is_refused_with_its_name() {
    for kind in KINDS {
        let ended = run(kind, &[], &[("CRA_LOGG__URL", "nats://127.0.0.1:4222")]);
        assert_refused(&ended, &["CRA_LOGG__URL", "logg"]);
        let ended = run(kind, &[], &[("CRA_LOG__URI", "nats://127.0.0.1:4222")]);
        assert_refused(&ended, &["CRA_LOG__URI", "uri"]);
    }
}

#[test]
fn a_user_in_a_url_is_refused_with_the_setting_to_use_and_without_the_secret() {
    let dir = tempfile::tempdir().unwrap();
    let file = file_with(dir.path(), "[log]\nurl = \"nats://a:4222,nats://cra:hunter2@b:4222\"\n");
    for kind in KINDS {
        for (arguments, variable) in [
            (vec!["--config", file.as_str()], ("CRA_UNUSED_HERE", "")),
            (vec!["--print-config"], ("CRA_LOG__URL", "tls://hunter2@b:4222")),
            (vec![], ("CRA_TELEMETRY__TRACES_ENDPOINT", "http://u:hunter2@c:4317")),
            (vec![], ("CRA_IDENTITY__TOKENS__JWKS_URL", "https://u:hunter2@issuer/keys")),
        ] {
            let variables: Vec<_> =
                Some(variable).into_iter().filter(|(_, value)| !value.is_empty()).collect();
            let ended = run(kind, &arguments, &variables);
            assert_refused(&ended, &["holds an `@`"]);
            assert!(!(ended.stderr + &ended.stdout).contains("hunter2"));
        }
    }
    for (service, flag) in [("ingestion", "--ingestion-url"), ("projection", "--projection-url")] {
        let ended = run(Kind::CommandLine, &["health", service, flag, "http://u:hunter2@127.0.0.1:1"], &[]);
        assert_refused(&ended, &[flag, "--token-file"]);
        assert!(!(ended.stderr + &ended.stdout).contains("hunter2"));
    }
}

#[test]
fn a_password_is_used_as_written_and_never_printed() {
    let dir = tempfile::tempdir().unwrap();
    let file = file_with(dir.path(), "[log]\nuser = \"u\"\npassword = 0123\n");
    for kind in KINDS {
        for (arguments, variables) in [
            (vec!["--config", file.as_str()], vec![]),
            (vec![], vec![("CRA_LOG__USER", "u"), ("CRA_LOG__PASSWORD", "1e5")]),
            (vec![], vec![("CRA_LOG__USER", "u"), ("CRA_LOG__PASSWORD", "[0123")]),
        ] {
            let arguments: Vec<_> = arguments.into_iter().chain(["--print-config"]).collect();
            let ended = run(kind, &arguments, &variables).succeeded().shows("password = \"***\"");
            assert!(!ended.stdout.contains("0123") && !ended.stdout.contains("1e5"), "{}", ended.stdout);
        }
    }
}

#[test]
fn an_unknown_key_of_the_file_is_refused_with_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let file = file_with(dir.path(), "[server]\ndrain_deadline_sm = 1\n");
    for kind in KINDS {
        let ended = run(kind, &["--config", &file], &[]);
        assert_refused(&ended, &["drain_deadline_sm", "settings.toml"]);
        let ended = run(kind, &[], &[("CRA_CONFIG", &file)]);
        assert_refused(&ended, &["drain_deadline_sm", "settings.toml"]);
    }
}

#[test]
fn a_value_of_the_wrong_type_is_refused_with_its_key() {
    for kind in KINDS {
        let ended = run(kind, &[], &[("CRA_LISTEN", "everywhere")]);
        assert_refused(&ended, &["CRA_LISTEN", "listen"]);
        let ended = run(kind, &[], &[("CRA_SERVER__DRAIN_DEADLINE_MS", "0")]);
        assert_refused(&ended, &["CRA_SERVER__DRAIN_DEADLINE_MS", "drain_deadline_ms"]);
    }
}

#[test]
fn an_address_beyond_loopback_without_identity_is_refused() {
    for kind in KINDS {
        for address in ["0.0.0.0:0", "[::]:0"] {
            let ended = run(kind, &["--listen", address], &[]);
            assert_refused(&ended, &[address, "no identity is configured"]);
            let ended = run(kind, &[], &[("CRA_LISTEN", address)]);
            assert_refused(&ended, &[address, "no identity is configured"]);
        }
    }
}

#[test]
fn an_identity_that_admits_every_caller_or_none_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let keys = dir.path().join("keys.json");
    fs::write(&keys, r#"{"keys": []}"#).unwrap();
    let keys = keys.display().to_string();
    let tokens = [("CRA_IDENTITY__TOKENS__ISSUER", "i"), ("CRA_IDENTITY__TOKENS__AUDIENCE", "a")];
    let with = |more: &[(&'static str, &'static str)]| [&tokens, more].concat();
    for kind in KINDS {
        for (environment, names) in [
            (with(&[]), &["jwks_file", "jwks_url"][..]),
            (with(&[("CRA_IDENTITY__TOKENS__JWKS_URL", "http://192.0.2.1/keys")]), &["https", "192.0.2.1"]),
            (with(&[("CRA_IDENTITY__TOKENS__JWKS_FILE", "/absent/keys.json")]), &["/absent/keys.json"]),
            (vec![("CRA_IDENTITY__TLS__CERT_FILE", "/absent/cert.pem")], &["key_file"]),
            (
                vec![
                    ("CRA_IDENTITY__TLS__CERT_FILE", "/absent/cert.pem"),
                    ("CRA_IDENTITY__TLS__KEY_FILE", "/absent/key.pem"),
                ],
                &["/absent/cert.pem"],
            ),
            (vec![("CRA_IDENTITY__TOKEN", "x")], &["CRA_IDENTITY__TOKEN"]),
        ] {
            assert_refused(&run(kind, &[], &environment), names);
        }
        // No caller could be authenticated.
        let environment = [&tokens[..], &[("CRA_IDENTITY__TOKENS__JWKS_FILE", &*keys)]].concat();
        assert_refused(&run(kind, &[], &environment), &["can verify a token"]);
    }
}

#[test]
fn print_config_prints_the_effective_settings_without_secrets_and_exits() {
    let dir = tempfile::tempdir().unwrap();
    let file = file_with(
        dir.path(),
        "listen = \"127.0.0.1:1\"\n[log]\nurl = \"nats://from-the-file:4222\"\nstream = \"OF_THE_FILE\"\n",
    );
    let environment = [
        ("CRA_LOG__URL", "nats://from-the-environment:4222"),
        ("CRA_LOG__TOKEN", "tell-nobody"),
        ("CRA_LISTEN", "127.0.0.1:2"),
    ];
    for kind in KINDS {
        let arguments = ["--config", &file, "--listen", "127.0.0.1:3", "--print-config"];
        let ended = run(kind, &arguments, &environment).succeeded();
        for expected in [
            "listen = \"127.0.0.1:3\"",
            "url = \"nats://from-the-environment:4222\"",
            "stream = \"OF_THE_FILE\"",
            "drain_deadline_ms = ",
        ] {
            assert!(ended.stdout.contains(expected), "`{expected}` is not in:\n{}", ended.stdout);
        }
        assert!(!ended.stdout.contains("tell-nobody"));
    }
}

#[test]
fn the_output_of_print_config_is_a_valid_settings_file() {
    for kind in KINDS {
        let printed = run(kind, &["--print-config"], &[]).stdout;
        let dir = tempfile::tempdir().unwrap();
        let file = file_with(dir.path(), &printed);
        let ended = run(kind, &["--config", &file, "--print-config"], &[]).succeeded();
        assert_eq!(ended.stdout, printed);
    }
}
