//! The deployment files are accepted by the programs that read them, and contain settings that the services accept.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::harness::{Ended, Kind, Pair, eventually, probes_of, readers, run_cra, run_to_end};

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy").canonicalize().unwrap()
}

/// All values of a key, at any depth.
fn all<'a>(value: &'a Value, key: &str) -> Vec<&'a Value> {
    match value {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, field)| if name == key { vec![field] } else { all(field, key) })
            .collect(),
        Value::Array(values) => values.iter().flat_map(|value| all(value, key)).collect(),
        _ => Vec::new(),
    }
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// The effective settings of a service; fails the test if it refuses them.
fn settings(kind: Kind, arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let dir = tempfile::tempdir().unwrap();
    let arguments: Vec<_> = arguments.iter().copied().chain(["--print-config"]).collect();
    run_to_end(kind, dir.path(), &arguments, environment).succeeded().stdout
}

fn kind_of(name: &str) -> Kind {
    match name {
        "ingestion" => Kind::Ingestion,
        "projection" => Kind::Projection,
        "web" => Kind::Web,
        other => panic!("{other} is no service"),
    }
}

#[test]
fn the_services_accept_the_deployed_settings() {
    for name in ["ingestion", "projection"] {
        let file = deploy().join(format!("config/{name}.toml"));
        let settings_text = settings(kind_of(name), &["--config", file.to_str().unwrap()], &[]);
        assert!(settings_text.contains(&format!("user = \"{name}\"")), "{settings_text}");
        assert!(settings_text.contains("metrics_listen"), "{settings_text}");
    }
    let file = deploy().join("config/web.toml");
    let settings_text = settings(Kind::Web, &["--config", file.to_str().unwrap()], &[]);
    assert!(settings_text.contains("token_from = \"x-forwarded-access-token\""), "{settings_text}");
}

#[test]
fn compose_is_valid_refers_to_existing_files_and_publishes_no_port_beyond_this_machine() {
    let compose = readers::run("read_compose.py", &[deploy().join("compose.yaml")]);
    let services = compose["services"].as_object().unwrap();
    let names: BTreeSet<_> = services.keys().map(String::as_str).collect();
    let expected = [
        "nats-1",
        "nats-2",
        "nats-3",
        "log-setup",
        "backup",
        "ingestion-1",
        "ingestion-2",
        "projection-1",
        "projection-2",
        "web",
        "prometheus",
        "grafana",
    ];
    assert_eq!(names, expected.into());
    for (name, service) in services {
        assert_eq!(service["read_only"], true, "{name}");
        assert_eq!(texts(&service["cap_drop"]), ["ALL"], "{name}");
        for port in texts(&service["ports"]) {
            assert!(port.starts_with("127.0.0.1:"), "{name} is open to the network: {port}");
        }
        for file in texts(&service["volumes"]).into_iter().filter(|volume| volume.starts_with("./")) {
            let file = deploy().join(file.split(':').next().unwrap());
            assert!(file.exists(), "{name}: {}", file.display());
        }
        if ["nats-", "ingestion", "projection", "web"].iter().any(|kind| name.starts_with(kind)) {
            assert!(service["healthcheck"]["test"].is_array(), "{name} is not probed");
        }
        // A health command that the command line does not know would always fail.
        let probe = texts(&service["healthcheck"]["test"]);
        if let ["CMD", "cra", command @ ..] = &probe[..] {
            let dir = tempfile::tempdir().unwrap();
            // The settings of both services enable their metrics.
            assert_eq!(
                command[..2],
                ["health", "--probe"],
                "{name}: probed on the port that callers cannot exhaust"
            );
            let port = command[2].rsplit(':').next().unwrap();
            let settings = deploy().join("config").join(format!("{}.toml", name.split('-').next().unwrap()));
            assert!(fs::read_to_string(settings).unwrap().contains(&format!(":{port}\"")), "{name}: {port}");
            let help: Vec<_> = command.iter().copied().take(1).chain(["--help"]).collect();
            run_cra(dir.path(), &help, &[]).succeeded();
        }
    }
    // Only the log's servers are in the network of routes, and the log's network excludes the pages and the servers of the figures.
    let members = |network: &str| -> BTreeSet<&str> {
        let is_in = |service: &Value| match &service["networks"] {
            Value::Object(names) => names.contains_key(network),
            names => texts(names).contains(&network),
        };
        services.iter().filter(|(_, service)| is_in(service)).map(|(name, _)| name.as_str()).collect()
    };
    assert_eq!(members("routes"), ["nats-1", "nats-2", "nats-3"].into());
    for (name, service) in services {
        assert!(!service["networks"].is_null(), "{name} is in every network");
        let is_in_front = ["web", "prometheus", "grafana"].contains(&name.as_str());
        assert_eq!(members("log").contains(name.as_str()), !is_in_front, "{name}");
    }
    for network in ["routes", "log"] {
        assert_eq!(compose["networks"][network]["internal"], true, "{network}");
    }
    let listens = |name: &str| services[name]["environment"]["CRA_NATS_ROUTES_LISTEN"].clone();
    assert_eq!(listens("nats-1"), "routes-1:6222", "routes are listened for in their network alone");
    let dockerfile = fs::read_to_string(deploy().join("Dockerfile")).unwrap();
    let last_stage = dockerfile.rsplit("\nFROM ").next().unwrap();
    assert!(last_stage.contains("\nUSER 10001:10001\n"), "the image runs as root");
    assert!(dockerfile.contains("cargo build --profile dist --locked"));
}

#[test]
fn manifests_match_the_schemas_of_their_kinds_and_are_restricted() {
    let folder = deploy().join("kubernetes");
    let kustomization = fs::read_to_string(folder.join("kustomization.yaml")).unwrap();
    let listed: Vec<_> = kustomization.lines().filter_map(|line| line.strip_prefix("  - ")).collect();
    let files: Vec<_> = listed.iter().map(|name| folder.join(name)).filter(|file| file.is_file()).collect();
    assert_eq!(files.len(), fs::read_dir(&folder).unwrap().count() - 1, "all are applied");
    let documents = readers::run("read_kubernetes.py", &files);
    let documents = documents.as_array().unwrap();
    let of_kind =
        |kind: &str| documents.iter().filter(|document| document["kind"] == kind).collect::<Vec<_>>();
    let workloads: Vec<_> = of_kind("Deployment").into_iter().chain(of_kind("StatefulSet")).collect();
    assert_eq!(workloads.len(), 4);
    for workload in workloads {
        let name = workload["metadata"]["name"].as_str().unwrap();
        let labels = &workload["spec"]["selector"]["matchLabels"];
        assert_eq!(&workload["spec"]["template"]["metadata"]["labels"], labels, "{name}");
        let budget =
            of_kind("PodDisruptionBudget").into_iter().find(|budget| budget["metadata"]["name"] == name);
        assert_eq!(&budget.unwrap()["spec"]["selector"]["matchLabels"], labels, "{name}");
        let pod = &workload["spec"]["template"]["spec"];
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true, "{name}");
        assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault", "{name}");
        assert_eq!(pod["automountServiceAccountToken"], false, "{name}");
        for container in pod["containers"].as_array().unwrap() {
            let context = &container["securityContext"];
            assert_eq!(context["allowPrivilegeEscalation"], false, "{name}");
            assert_eq!(context["readOnlyRootFilesystem"], true, "{name}");
            assert_eq!(texts(&context["capabilities"]["drop"]), ["ALL"], "{name}");
            for probe in ["readinessProbe", "livenessProbe"] {
                assert!(container[probe].is_object(), "{name} has no {probe}");
            }
            assert!(container["resources"]["requests"]["memory"].is_string(), "{name}");
            // The settings of a service are valid.
            if name != "nats" {
                let found: Vec<_> = container["env"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .filter_map(|one| Some((one["name"].as_str()?, one["value"].as_str()?)))
                    .collect();
                let settings_text = settings(kind_of(name), &[], &found);
                let of_production = if name == "web" { "tls_by_proxy = true" } else { "replicas = 3" };
                assert!(settings_text.contains(of_production), "{settings_text}");
            }
        }
    }
    let [backup, forget] = of_kind("CronJob")[..] else { panic!("other jobs") };
    backups_are_made_on_a_schedule(backup);
    the_log_is_copied_without_what_is_to_be_forgotten(forget);
    let policies = of_kind("NetworkPolicy");
    let closed =
        policies.iter().find(|policy| policy["spec"]["podSelector"] == serde_json::json!({})).unwrap();
    assert_eq!(texts(&closed["spec"]["policyTypes"]), ["Ingress", "Egress"], "default deny");
    assert!(closed["spec"]["ingress"].is_null() && closed["spec"]["egress"].is_null());
    let to_routes: Vec<_> = policies
        .iter()
        .filter_map(|policy| policy["spec"]["ingress"].as_array())
        .flatten()
        .filter(|rule| all(&rule["ports"], "port").iter().any(|port| **port == "cluster" || **port == 6222))
        .map(|rule| rule["from"].clone())
        .collect();
    let servers = serde_json::json!([{"podSelector": {"matchLabels": {"app.kubernetes.io/name": "nats"}}}]);
    assert_eq!(to_routes, [servers], "only the log's servers reach the routes");
    let documents = Value::Array(documents.clone());
    // Callers cannot exhaust the connections of that port.
    let probed = all(&documents, "httpGet");
    let of_services = probed.iter().filter(|probe| probe["port"] == "metrics");
    let paths: Vec<_> = of_services.filter_map(|probe| probe["path"].as_str()).collect();
    assert_eq!(paths.iter().filter(|path| **path == "/livez").count(), 4, "all live, one starts: {paths:?}");
    assert_eq!(
        paths.iter().filter(|path| **path == "/readyz").count(),
        3,
        "both services and the pages: {paths:?}"
    );
}

/// The Job of Kubernetes: one at a time, restricted as the services are; it exports, then verifies.
fn backups_are_made_on_a_schedule(job: &Value) {
    assert_eq!(job["spec"]["concurrencyPolicy"], "Forbid");
    let pod = &job["spec"]["jobTemplate"]["spec"]["template"]["spec"];
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(pod["automountServiceAccountToken"], false);
    let commands = [&pod["initContainers"][0], &pod["containers"][0]].map(|container| {
        let context = &container["securityContext"];
        assert_eq!(context["readOnlyRootFilesystem"], true);
        assert_eq!(texts(&context["capabilities"]["drop"]), ["ALL"]);
        texts(&container["command"])
    });
    for (command, verb) in commands.iter().zip(["export", "verify"]) {
        assert_eq!(command[..3], ["cra", "log", verb]);
        is_understood(command.iter().copied());
    }
}

/// The Job that copies for a forgetting is the operator's: it neither seals nor destroys.
fn the_log_is_copied_without_what_is_to_be_forgotten(job: &Value) {
    assert_eq!(job["spec"]["concurrencyPolicy"], "Forbid");
    let pod = &job["spec"]["jobTemplate"]["spec"]["template"]["spec"];
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(pod["automountServiceAccountToken"], false);
    let [container] = &pod["containers"].as_array().unwrap()[..] else { panic!("{pod}") };
    assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
    assert_eq!(texts(&container["securityContext"]["capabilities"]["drop"]), ["ALL"]);
    let command = texts(&container["command"]);
    assert_eq!(command[..3], ["cra", "log", "forget"]);
    assert!(!command.contains(&"--finish"), "{command:?}");
    is_understood(command.iter().copied());
    let user = container["env"].as_array().unwrap().iter().find(|it| it["name"] == "CRA_LOG__USER");
    assert_eq!(user.unwrap()["value"], "operator");
    let has = |name: &str| container["env"].as_array().unwrap().iter().any(|it| it["name"] == name);
    assert!(has("CRA_TOKEN_FILE") && has("CRA_PROJECTION_URL"), "the projection verifies the right");
}

#[test]
fn the_image_is_built_from_sources_only() {
    let root = deploy().join("..");
    let rules = fs::read_to_string(root.join(".dockerignore")).unwrap();
    let rules: Vec<_> = rules.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    assert_eq!(rules[0], "*", "what is not named stays out");
    let last_let_in = rules.iter().rposition(|rule| rule.starts_with('!')).unwrap();
    for secret in ["**/secrets", "**/*.key", "**/*.pem", "**/*.env", "**/jwks.json"] {
        let stays_out = rules.iter().rposition(|rule| *rule == secret);
        assert!(stays_out > Some(last_let_in), "{secret} may be let in");
    }
    let dockerfile = fs::read_to_string(deploy().join("Dockerfile")).unwrap();
    let last_stage = dockerfile.rsplit("\nFROM ").next().unwrap();
    assert!(!last_stage.contains("\nRUN "), "the base of the image has no shell");
}

/// Runs a copy of the advisories script with a fake `cargo-deny` that records its arguments, reports findings or none,
/// and uses no network.
fn advisories(copy: Option<&Path>, finds: bool) -> (bool, String) {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("source/.ci")).unwrap();
    fs::copy(deploy().join("../.ci/advisories"), dir.path().join("source/.ci/advisories")).unwrap();
    let checker = dir.path().join("cargo-deny");
    let ends = i32::from(finds);
    let script =
        format!("#!/bin/sh\necho \"called $*\"\ncase \"$*\" in *fetch*) exit 1;; esac\nexit {ends}\n");
    fs::write(&checker, script).unwrap();
    fs::set_permissions(&checker, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new(dir.path().join("source/.ci/advisories"));
    command.arg(&checker).env_remove("CRA_ADVISORIES");
    if let Some(copy) = copy {
        command.env("CRA_ADVISORIES", copy);
    }
    let Ended { status, stdout, stderr } = Ended::of(&mut command);
    (status.success(), stdout + &stderr)
}

#[test]
fn advisories_are_checked_or_the_run_fails() {
    let copy = tempfile::tempdir().unwrap();
    let (succeeded, output) = advisories(Some(copy.path()), false);
    assert!(!succeeded && output.contains("NOT CHECKED"), "{output}");
    fs::create_dir_all(copy.path().join("crates/serde")).unwrap();
    let advisory =
        "```toml\n[advisory]\nid = \"RUSTSEC-2020-0001\"\npackage = \"serde\"\ndate = \"2020-01-02\"\n```\n";
    fs::write(copy.path().join("crates/serde/RUSTSEC-2020-0001.md"), advisory).unwrap();
    let (succeeded, output) = advisories(Some(copy.path()), false);
    assert!(succeeded && output.contains("2020-01-02, ") && output.contains(" days ago"), "{output}");
    assert!(output.contains("called --offline --all-features check advisories"), "{output}");
    let (succeeded, output) = advisories(Some(copy.path()), true);
    assert!(!succeeded, "{output}");
    let (succeeded, output) = advisories(None, false);
    assert!(!succeeded && output.contains("CRA_ADVISORIES"), "{output}");
}

/// Asserts that the command line knows a command of `cra log`; otherwise it would always fail.
fn is_understood<'a>(command: impl Iterator<Item = &'a str>) {
    let command: Vec<_> = command.collect();
    let [program, "log", verb, ..] = command[..] else { return };
    assert!(program.ends_with("cra"), "{command:?}");
    let dir = tempfile::tempdir().unwrap();
    run_cra(dir.path(), &["log", verb, "--help"], &[]).succeeded();
}

/// The settings of a unit; each line must be a setting, a section, a comment or empty.
fn unit(text: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut settings: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with(['#', '['])) {
        let (key, value) = line.split_once('=').unwrap_or_else(|| panic!("no setting: {line}"));
        settings.entry(key).or_default().push(value);
    }
    settings
}

#[test]
fn units_are_accepted_by_systemd_and_have_minimal_rights() {
    let dir = tempfile::tempdir().unwrap();
    let programs = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().to_owned();
    let mut copies = Vec::new();
    for entry in fs::read_dir(deploy().join("systemd")).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let settings = unit(&text);
        let rights = [("DynamicUser", "yes"), ("NoNewPrivileges", "yes"), ("ProtectSystem", "strict")];
        // A timer runs no program itself.
        let runs = path.extension().is_some_and(|extension| extension == "service");
        for (key, value) in rights.into_iter().filter(|_| runs) {
            assert_eq!(settings[key], [value], "{}", path.display());
        }
        for command in settings.get("ExecStart").into_iter().flatten() {
            is_understood(command.split(' '));
        }
        // The programs are installed elsewhere here.
        let copy = dir.path().join(path.file_name().unwrap());
        let text = text
            .replace("/usr/bin/cra", &format!("{}/cra", programs.display()))
            .replace("/usr/bin/nats-server", "/bin/true");
        fs::write(&copy, text).unwrap();
        copies.push(copy);
    }
    assert_eq!(copies.len(), 8);
    match Command::new("systemd-analyze").arg("verify").args(&copies).output() {
        Ok(verified) => {
            let found = String::from_utf8_lossy(&verified.stderr).into_owned();
            assert!(verified.status.success() && found.is_empty(), "{found}");
        }
        // Without systemd, only the syntax is checked, above.
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound),
    }
}

#[tokio::test]
async fn health_is_reported_to_people_to_programs_and_by_the_exit_code() {
    let metrics = ("TELEMETRY__METRICS_LISTEN", "127.0.0.1:0");
    let mut pair = Pair::start_with(&[metrics]).await;
    let dir = tempfile::tempdir().unwrap();
    let probe = format!("http://{}", probes_of(&pair.ingestion));
    let (ingestion, projection) =
        (format!("http://{}", pair.ingestion.address()), format!("http://{}", pair.projection.address()));
    let environment =
        [("CRA_INGESTION_URL", ingestion.as_str()), ("CRA_PROJECTION_URL", projection.as_str())];
    let ask = |arguments: &[&str]| run_cra(dir.path(), arguments, &environment);
    let both = ask(&["health"]).succeeded();
    assert_eq!(both.stdout, "ingestion   SERVING\nprojection  SERVING\n");
    let one = ask(&["health", "projection", "--json"]);
    assert_eq!(one.stdout, "{\"service\":\"projection\",\"status\":\"SERVING\"}\n");

    let probed = || ask(&["health", "--probe", &probe]);
    assert_eq!((probed().status.code(), probed().stdout.as_str()), (Some(0), "probe       SERVING\n"));
    ask(&["health", "--probe", &ingestion]).exited(2);

    pair.nats.kill();
    eventually("ingestion says that it cannot be asked", async || {
        let one = ask(&["health", "ingestion"]);
        let found = (one.status.code(), one.stdout.as_str());
        if found == (Some(1), "ingestion   NOT_SERVING\n") { Ok(()) } else { Err(format!("{found:?}")) }
    })
    .await;
    assert_eq!((probed().status.code(), probed().stdout.as_str()), (Some(1), "probe       NOT_SERVING\n"));
    pair.ingestion.kill();
    ask(&["health", "ingestion"]).exited(2);
    probed().exited(2);
}

#[test]
fn each_program_prints_its_version_and_the_commit_of_its_build() {
    let dir = tempfile::tempdir().unwrap();
    for (kind, name) in
        [(Kind::Ingestion, "cra-ingestion"), (Kind::Projection, "cra-projection"), (Kind::CommandLine, "cra")]
    {
        let found = run_to_end(kind, dir.path(), &["--version"], &[]).stdout;
        let commit = found.strip_prefix(&format!("{name} {} (", env!("CARGO_PKG_VERSION")));
        let commit = commit.and_then(|rest| rest.strip_suffix(")\n"));
        assert!(commit.is_some_and(|commit| !commit.is_empty()), "{found:?}");
    }
}
