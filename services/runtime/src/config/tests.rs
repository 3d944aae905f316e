//! Precedence, unknown keys in each source, secrets.

use std::io::Write as _;
use std::net::SocketAddr;

use serde::Deserialize;
use serde_json::json;
use tempfile::NamedTempFile;

use super::*;
use cra_private::Secret;

#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    listen: SocketAddr,
    name: String,
    limits: Limits,
    servers: Vec<String>,
    password: Option<Secret>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:1".parse().unwrap(),
            name: "from the defaults".to_owned(),
            limits: Limits::default(),
            servers: Vec::new(),
            password: None,
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Limits {
    appends_in_flight: u32,
    imports_in_flight: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { appends_in_flight: 1, imports_in_flight: 1 }
    }
}

fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn read(text: &str, variables: &[(&str, &str)]) -> Result<Settings, ConfigError> {
    read_with(text, variables, json!(null))
}

fn read_with(
    text: &str,
    variables: &[(&str, &str)],
    flags: serde_json::Value,
) -> Result<Settings, ConfigError> {
    let file = file(text);
    assemble(Some(file.path()), variables_of(variables), flags)
}

fn variables_of(variables: &[(&str, &str)]) -> impl Iterator<Item = (OsString, OsString)> {
    variables.iter().map(|(name, value)| (name.into(), value.into()))
}

fn only_problem(outcome: Result<Settings, ConfigError>) -> Problem {
    match outcome {
        Err(ConfigError::Invalid { mut problems }) if problems.len() == 1 => problems.remove(0),
        other => panic!("expected one problem: {other:?}"),
    }
}

#[test]
fn the_command_line_overrides_the_environment_the_file_and_the_defaults() {
    let text = "listen = '127.0.0.1:2'\nname = 'from the file'\n[limits]\nappends_in_flight = 2";
    let settings = read(text, &[]).unwrap();
    assert_eq!(settings.name, "from the file");
    assert_eq!(settings.limits.appends_in_flight, 2);
    assert_eq!(settings.limits.imports_in_flight, 1, "a table in the file keeps the other defaults");

    let variables = [("CRA_LISTEN", "127.0.0.1:3"), ("CRA_LIMITS__APPENDS_IN_FLIGHT", "3")];
    let settings = read(text, &variables).unwrap();
    assert_eq!(settings.listen.port(), 3);
    assert_eq!(settings.limits.appends_in_flight, 3);
    assert_eq!(settings.name, "from the file");

    let flags = json!({"listen": "127.0.0.1:4", "limits": {"appends_in_flight": 4}});
    let settings = read_with(text, &variables, flags).unwrap();
    assert_eq!(settings.listen.port(), 4);
    assert_eq!(settings.limits.appends_in_flight, 4);
}

#[test]
fn without_any_source_the_defaults_apply() {
    let settings: Settings = assemble(None, std::iter::empty(), ()).unwrap();
    assert_eq!(settings.name, "from the defaults");
}

#[test]
fn an_unknown_key_in_the_file_is_refused_with_its_path_the_file_and_the_known_keys() {
    let problem = only_problem(read("[limits]\nappend_in_flight = 2", &[]));
    assert_eq!(problem.key, "limits.append_in_flight");
    assert!(problem.origin.starts_with("the file /"), "{problem}");
    assert!(problem.message.contains("`appends_in_flight`"), "{problem}");
}

#[test]
fn an_unknown_key_in_the_environment_is_refused_with_the_variable() {
    for (name, key) in [("CRA_LISTENS", "listens"), ("CRA_LIMITS__APPENDS", "limits.appends")] {
        let problem = only_problem(read("", &[(name, "2")]));
        assert_eq!(problem.key, key);
        assert_eq!(problem.origin, format!("the environment variable {name}"));
        assert!(problem.message.contains("expected"), "{problem}");
    }
    for malformed in ["CRA_", "CRA___X", "CRA_LIMITS__", "CRA_LIMITS___X"] {
        let problem = only_problem(read("", &[(malformed, "2")]));
        assert!(problem.to_string().contains("CRA_TABLE__KEY"), "{malformed}: {problem}");
    }
}

#[test]
fn an_unknown_key_on_the_command_line_is_refused() {
    let outcome = assemble::<Settings>(None, std::iter::empty(), BTreeMap::from([("listn", 1)]));
    let problem = only_problem(outcome);
    assert_eq!((problem.key.as_str(), problem.origin.as_str()), ("listn", COMMAND_LINE));
}

#[test]
fn a_value_of_the_wrong_type_is_refused_with_what_was_expected() {
    let problem = only_problem(read("", &[("CRA_LIMITS__APPENDS_IN_FLIGHT", "many")]));
    assert_eq!(problem.key, "limits.appends_in_flight");
    assert!(problem.message.contains("expected u32"), "{problem}");
}

#[test]
fn variables_that_are_not_settings_are_ignored() {
    let variables = [
        ("CRA_CONFIG", "x"),
        ("CRA_LOG", "debug"),
        ("CRA_NATS_SERVER", "x"),
        ("CRA_TEST_ANYTHING", "x"),
        ("PATH", "/bin"),
        ("SCRA_X", "1"),
    ];
    assert!(read("", &variables).is_ok());
}

#[test]
fn a_list_in_the_environment_is_parsed_as_toml() {
    let settings = read("", &[("CRA_SERVERS", "[\"a:1\", \"b:2\"]")]).unwrap();
    assert_eq!(settings.servers, ["a:1", "b:2"]);
}

#[test]
fn a_secret_in_the_environment_keeps_its_exact_text() {
    for text in [
        "hunter2", "007", "42", "-42", "4.50", "4.5", "1e5", "true", "NaN", "a,b=c", "'x'", " x ", "[x",
        "{x}", "\"x\"",
    ] {
        let settings = read("", &[("CRA_PASSWORD", text)]).unwrap();
        assert_eq!(settings.password.unwrap().expose(), text);
    }
}

#[test]
fn a_secret_without_quotes_in_the_file_keeps_its_exact_text() {
    for text in
        ["0123", "1e5", "42", "-7", "1_000", "0xff", "4.50", "true", "1979-05-27", "123456789012345678901"]
    {
        let file = format!("name = 'x'\npassword = {text} # kept\n[limits]\nappends_in_flight = 1_0");
        let settings = read(&file, &[]).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(settings.password.unwrap().expose(), text);
        assert_eq!(settings.limits.appends_in_flight, 10);
    }
}

#[test]
fn every_secret_setting_is_listed_as_one() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("..")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().is_some_and(|name| name == "settings.rs") {
                let source = fs::read_to_string(path).unwrap();
                let fields = source
                    .lines()
                    .filter(|line| line.contains(": Option<Secret>,") || line.contains(": Secret,"));
                found.extend(fields.map(|line| {
                    line.trim().trim_start_matches("pub ").split(':').next().unwrap().to_owned()
                }));
            }
        }
    }
    assert!(found.len() >= 2, "{found:?}");
    assert!(found.iter().all(|name| SECRET_SETTINGS.contains(&name.as_str())), "{found:?}");
}

#[test]
fn the_printed_configuration_can_be_read_back_and_hides_secrets() {
    let settings = read("password = 'hunter2'\n[limits]\nappends_in_flight = 7", &[]).unwrap();
    let printed = print(&settings).unwrap();
    assert!(!printed.contains("hunter2"), "{printed}");
    assert!(!format!("{settings:?}").contains("hunter2"));
    assert!(printed.contains("password = \"***\""), "{printed}");
    let again = read(&printed, &[]).unwrap();
    assert_eq!(again.limits.appends_in_flight, 7);
}

#[test]
fn a_malformed_file_is_refused_with_its_line_and_without_its_content() {
    let error = read("name = 'x'\npassword = hunter2 x", &[]).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, ConfigError::NotToml { line: 2, .. }), "{error:?}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn a_missing_file_is_an_error() {
    let error =
        assemble::<Settings>(Some(Path::new("/nowhere/cra.toml")), std::iter::empty(), ()).unwrap_err();
    assert!(error.to_string().contains("/nowhere/cra.toml"));
    assert!(error.to_string().contains("--config"));
}

#[test]
fn service_links_of_an_orchestrator_are_not_settings() {
    let links = [
        ("CRA_SERVICE_HOST", "10.0.0.1"),
        ("CRA_SERVICE_PORT", "443"),
        ("CRA_SERVICE_PORT_GRPC", "443"),
        ("CRA_PORT", "tcp://10.0.0.1:443"),
        ("CRA_PORT_443_TCP", "tcp://10.0.0.1:443"),
        ("CRA_PORT_443_TCP_ADDR", "10.0.0.1"),
        ("CRA_INGESTION_PORT_50051_TCP_PROTO", "tcp"),
    ];
    assert!(links.iter().all(|(name, _)| is_service_link(name)));
    let settings = assemble::<Settings>(None, variables_of(&links), json!(null)).unwrap();
    assert_eq!(settings.name, "from the defaults");
    for name in
        ["CRA_LISTEN", "CRA_LIMITS__APPENDS_IN_FLIGHT", "CRA_PORTS", "CRA_PORT_OF_CALL", "CRA_PORT_443_ICMP"]
    {
        assert!(!is_service_link(name), "{name}");
    }
}
