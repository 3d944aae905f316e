//! The expiry of every certificate and of the log's credentials is a metric, which follows a renewed file without a
//! restart. An expiry that is near is logged in one line.

use std::fs;

use cra_eventlog::testing::NatsServer;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use crate::harness::{Authority, eventually, service_pair};
use crate::metrics::{scraped, value};

fn series(setting: &str) -> String {
    format!("cra_expires_timestamp_seconds{{setting=\"{setting}\"}}")
}

fn in_days(days: i64) -> Date {
    TimeZone::UTC.to_datetime(Timestamp::now()).date() + days.days()
}

#[tokio::test(flavor = "multi_thread")]
async fn ends_of_certificates_and_credentials_are_metrics_that_follow_renewed_files() {
    let dir = tempfile::tempdir().unwrap();
    let nats = NatsServer::start(dir.path()).unwrap_or_else(|error| panic!("{error}"));
    let (authority, [soon, late]) = (Authority::new(), [in_days(3), in_days(300)]);
    let certificate = authority.certify_until(soon);
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    // The earliest expiry counts.
    let authorities = authority.pem() + &authority.certify_until(late).cert;
    let [cert, key] = [file("cert.pem", &certificate.cert), file("key.pem", &certificate.key)];
    let of_log = authority.certify_until(late);
    let [log_cert, log_key] = [file("log.pem", &of_log.cert), file("log.key", &of_log.key)];
    let authorities = file("ca.pem", &authorities);
    let settings = [
        ("TELEMETRY__METRICS_LISTEN", "127.0.0.1:0"),
        ("IDENTITY__TLS__CERT_FILE", cert.as_str()),
        ("IDENTITY__TLS__KEY_FILE", key.as_str()),
        ("IDENTITY__TLS__CLIENT_CA_FILE", authorities.as_str()),
        ("LOG__CA_FILE", authorities.as_str()),
        ("LOG__CERT_FILE", log_cert.as_str()),
        ("LOG__KEY_FILE", log_key.as_str()),
    ];
    let (mut ingestion, mut projection) = service_pair(dir.path(), &nats.url(), &settings);
    for service in [&mut ingestion, &mut projection] {
        service.start().await;
        let text = scraped(service).await;
        for (setting, end) in [
            ("identity.tls.cert_file", soon),
            ("identity.tls.client_ca_file", late),
            ("log.ca_file", late),
            ("log.cert_file", late),
        ] {
            let found = value(&text, &series(setting)).unwrap();
            assert!((found - seconds(end)).abs() < 0.5, "{setting}: {found}, not {end}");
        }
        let near = |name: &str| service.output().matches(name).count();
        assert_eq!(near("it ends within 14 days"), 1, "{}", service.output());

        let renewed = authority.certify_until(late);
        fs::write(&key, &renewed.key).unwrap();
        fs::write(&cert, &renewed.cert).unwrap();
        service.hang_up();
        eventually("the metric follows the renewed file", async || {
            let found = value(&scraped(service).await, &series("identity.tls.cert_file"));
            if found == Some(seconds(late)) { Ok(()) } else { Err(format!("{found:?}")) }
        })
        .await;
        // For the other service.
        certificate.write(dir.path());
    }
}

// Exact up to 2^53.
#[allow(clippy::cast_precision_loss)]
fn seconds(end: Date) -> f64 {
    TimeZone::UTC.to_timestamp(end.at(0, 0, 0, 0)).unwrap().as_second() as f64
}
