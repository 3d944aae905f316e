//! TLS: only clients that trust the service's authority can connect, and only those with a certificate if one is
//! required; new certificates take effect without a restart.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use cra_contracts::v1 as pb;
use cra_eventlog::testing::NatsServer;
use pb::reference_service_client::ReferenceServiceClient;
use tempfile::TempDir;
use tonic::Request;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::harness::{
    Authority, Certified, Issuer, Service, carrying, eventually, national, new_id, run_cra, service_pair,
    submission, workshop,
};

pub(super) async fn over_tls(
    address: SocketAddr,
    authority: &Authority,
    shown: Option<&Certified>,
) -> Result<Channel, String> {
    let mut tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(authority.pem()));
    if let Some(Certified { cert, key, .. }) = shown {
        tls = tls.identity(Identity::from_pem(cert, key));
    }
    let endpoint = Endpoint::from_shared(format!("https://localhost:{}", address.port())).unwrap();
    let endpoint = endpoint.tls_config(tls).unwrap();
    endpoint.connect().await.map_err(|error| format!("{error:?}"))
}

/// Makes a call without a token; with TLS 1.3 a missing client certificate is only reported then.
async fn answers(channel: &Channel) -> Result<(), String> {
    let mut client = ReferenceServiceClient::new(channel.clone());
    let answer = client.get_vocabulary(Request::new(pb::GetVocabularyRequest {})).await;
    answer.map(drop).map_err(|status| status.to_string())
}

async fn reaches(
    address: SocketAddr,
    authority: &Authority,
    shown: Option<&Certified>,
) -> Result<Channel, String> {
    let channel = over_tls(address, authority, shown).await?;
    answers(&channel).await.map(|()| channel)
}

struct Setup {
    dir: TempDir,
    issuer: Issuer,
    service: Service,
    _nats: NatsServer,
}

/// Ingestion with a certificate, not started yet.
fn set_up(own: &Certified, more: &[(&str, &str)]) -> Setup {
    let dir = tempfile::tempdir().unwrap();
    let nats = NatsServer::start(dir.path()).unwrap();
    let [cert, key] = own.write(dir.path()).map(|path| path.display().to_string());
    let issuer = Issuer::new();
    let mut settings = issuer.settings();
    let mut set = |name: &str, value: &str| settings.push((name.to_owned(), value.to_owned()));
    set("IDENTITY__TLS__CERT_FILE", &cert);
    set("IDENTITY__TLS__KEY_FILE", &key);
    set("IDENTITY__TLS__RELOAD_S", "1");
    for (name, value) in more {
        set(name, value);
    }
    let settings: Vec<_> = settings.iter().map(|(name, value)| (&**name, &**value)).collect();
    let (service, _) = service_pair(dir.path(), &nats.url(), &settings);
    Setup { dir, issuer, service, _nats: nats }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_with_a_certificate_is_reached_over_tls_by_those_who_trust_its_authority() {
    let (authority, other) = (Authority::new(), Authority::new());
    let mut setup = set_up(&authority.certify(), &[]);
    setup.service.start().await;
    let address = setup.service.address();
    eventually("it is reached", async || reaches(address, &authority, None).await).await;
    assert!(reaches(address, &other, None).await.is_err(), "its certificate is of another authority");
    let in_clear = Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await;
    if let Ok(channel) = in_clear {
        assert!(answers(&channel).await.is_err(), "it is reached without TLS");
    }
    // A silent caller does not block others.
    let _silent = std::net::TcpStream::connect(address).unwrap();
    reaches(address, &authority, None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn new_certificates_count_for_new_connections_without_a_restart_and_broken_ones_do_not() {
    let (former, new) = (Authority::new(), Authority::new());
    let mut setup = set_up(&former.certify(), &[]);
    setup.service.start().await;
    let address = setup.service.address();
    let channel = eventually("it is reached", async || reaches(address, &former, None).await).await;

    fs::write(setup.dir.path().join("cert.pem"), "half a certifica").unwrap();
    eventually("the broken certificate is reported", async || {
        let reported = setup.service.output().contains("could not be read again");
        reported.then_some(()).ok_or_else(|| "nothing is reported".to_owned())
    })
    .await;
    reaches(address, &former, None).await.unwrap();

    new.certify().write(setup.dir.path());
    eventually("the new certificate is shown", async || reaches(address, &new, None).await).await;
    assert!(reaches(address, &former, None).await.is_err());
    answers(&channel).await.expect("existing connections continue");
    setup.service.is_unharmed();
}

#[tokio::test(flavor = "multi_thread")]
async fn at_sighup_files_are_read_again_calls_continue_and_unreadable_files_leave_the_former_ones() {
    let (former, new) = (Authority::new(), Authority::new());
    // With an interval so long that only SIGHUP reloads within the test.
    let more = [("IDENTITY__TLS__RELOAD_S", "3600"), ("IDENTITY__TOKENS__REFRESH_S", "3600")];
    let mut setup = set_up(&former.certify(), &more);
    setup.service.start().await;
    let address = setup.service.address();
    let channel = eventually("it is reached", async || reaches(address, &former, None).await).await;
    let mut health = HealthClient::new(channel.clone());
    let mut watch = health.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert!(watch.message().await.unwrap().is_some());

    fs::write(setup.dir.path().join("cert.pem"), "half a certifica").unwrap();
    let says = async |setup: &Setup, what: &str| {
        eventually("it is logged", async || {
            let is_logged = setup.service.output().contains(what);
            is_logged.then_some(()).ok_or_else(|| format!("no `{what}`"))
        })
        .await;
    };
    setup.service.hang_up();
    says(&setup, "the certificates could not be read again").await;
    reaches(address, &former, None).await.unwrap();

    new.certify().write(setup.dir.path());
    setup.issuer.hide_keys();
    setup.service.hang_up();
    says(&setup, "new certificates are used from now on").await;
    says(&setup, "the issuer's keys could not be read again").await;
    reaches(address, &new, None).await.unwrap();
    assert!(reaches(address, &former, None).await.is_err());
    answers(&channel).await.expect("existing connections continue");
    let next = tokio::time::timeout(std::time::Duration::from_millis(500), watch.message()).await;
    assert!(next.is_err(), "the open stream has ended: {next:?}");
    setup.service.is_unharmed();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_server_ends_at_sighup() {
    let mut pair = crate::harness::Pair::start().await;
    let mut standalone = crate::harness::Standalone::start().await;
    standalone.hang_up();
    for service in [&mut pair.ingestion, &mut pair.projection] {
        service.hang_up();
        eventually("SIGHUP is logged", async || {
            let is_logged = service.output().contains("SIGHUP");
            is_logged.then_some(()).ok_or_else(|| service.output())
        })
        .await;
        service.is_unharmed();
        service.serving().await;
    }
    standalone.is_unharmed();
}

#[tokio::test(flavor = "multi_thread")]
async fn where_callers_must_show_a_certificate_only_those_of_the_authority_come_in() {
    let (authority, of_callers, other) = (Authority::new(), Authority::new(), Authority::new());
    let dir = tempfile::tempdir().unwrap();
    let callers = dir.path().join("callers.pem");
    fs::write(&callers, of_callers.pem()).unwrap();
    let own = authority.certify();
    let mut setup = set_up(&own, &[("IDENTITY__TLS__CLIENT_CA_FILE", &callers.display().to_string())]);
    setup.service.start().await;
    let address = setup.service.address();
    let caller = of_callers.certify();
    eventually("it is reached", async || reaches(address, &authority, Some(&caller)).await).await;
    assert!(reaches(address, &authority, None).await.is_err(), "a caller without a certificate was accepted");
    let foreign = other.certify();
    assert!(
        reaches(address, &authority, Some(&foreign)).await.is_err(),
        "a foreign certificate was accepted"
    );

    // A certificate grants nothing: calls still need their token.
    let channel = reaches(address, &authority, Some(&caller)).await.unwrap();
    let mut client = crate::harness::Ingestion::new(channel);
    let request = || submission(&new_id(), workshop(5));
    let refused = client.submit_cra(request()).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::Unauthenticated);
    let token = setup.issuer.token("cra:submit", &national());
    client.submit_cra(carrying(&token, request())).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_uses_the_configured_authority_certificate_and_token() {
    let (authority, of_callers) = (Authority::new(), Authority::new());
    let dir = tempfile::tempdir().unwrap();
    let in_dir = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let callers = in_dir("callers.pem", &of_callers.pem());
    let own = authority.certify();
    let mut setup = set_up(&own, &[("IDENTITY__TLS__CLIENT_CA_FILE", &callers)]);
    setup.service.start().await;
    let address = setup.service.address();
    let caller = of_callers.certify();
    eventually("it is reached", async || reaches(address, &authority, Some(&caller)).await).await;

    let ca = in_dir("ca.pem", &authority.pem());
    let (cert, key) = (in_dir("caller.pem", &caller.cert), in_dir("caller-key.pem", &caller.key));
    let token = in_dir("token", &setup.issuer.token("cra:submit cra:read", &national()));
    let id = new_id();
    let cra = cra_contracts::json::to_value(&submission(&id, workshop(5))).to_string();
    let file = in_dir("one.json", &cra);
    let url = format!("https://localhost:{}", address.port());
    let trusting = ["--ingestion-url", &url, "--ca", &ca, "--cert", &cert, "--key", &key];
    let run = |arguments: &[&str]| run_cra(Path::new(dir.path()), arguments, &[]);
    let carrying = [&trusting[..], &["--token-file", &token]].concat();
    run(&[&["submit", &file], &carrying[..]].concat()).succeeded();
    run(&[&["history", &id], &carrying[..]].concat()).succeeded().shows(&id);

    run(&[&["history", &id], &trusting[..]].concat()).reports("TOKEN_REQUIRED");
    run(&["history", &id, "--ingestion-url", &url]).failed().reports("cannot reach");
}
