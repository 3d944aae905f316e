//! A certificate authority for services on this machine and for callers.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, RevokedCertParams, SerialNumber, date_time_ymd,
};

/// A self-signed authority.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, as PEM texts.
pub(crate) struct Certified {
    pub(crate) cert: String,
    pub(crate) key: String,
    serial: SerialNumber,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        // Another name than those of its certificates, which OpenSSL would take for self-signed ones.
        params.distinguished_name.push(DnType::CommonName, "cra test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for a service on this machine, or for a caller.
    pub(crate) fn certify(&self) -> Certified {
        self.certify_until(Date::constant(4096, 1, 1))
    }

    /// The same, which ends when a day begins in UTC.
    pub(crate) fn certify_until(&self, end: Date) -> Certified {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let mut params = CertificateParams::new(names).unwrap();
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let [month, day] = [end.month(), end.day()].map(i8::unsigned_abs);
        params.not_after = date_time_ymd(end.year().into(), month, day);
        let serial = SerialNumber::from_slice(&uuid::Uuid::new_v4().into_bytes()[..8]);
        params.serial_number = Some(serial.clone());
        let key = KeyPair::generate().unwrap();
        let cert = params.signed_by(&key, &self.0).unwrap();
        Certified { cert: cert.pem(), key: key.serialize_pem(), serial }
    }

    /// The authority's certificate revocation list.
    pub(crate) fn revokes(&self, revoked: &[&Certified]) -> String {
        let revoked = revoked.iter().map(|certified| RevokedCertParams {
            serial_number: certified.serial.clone(),
            revocation_time: date_time_ymd(2026, 1, 1),
            reason_code: None,
            invalidity_date: None,
        });
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2026, 1, 1),
            next_update: date_time_ymd(2050, 1, 1),
            crl_number: SerialNumber::from_slice(&[1]),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.0).unwrap().pem().unwrap()
    }
}

impl Certified {
    /// Writes both files in a folder, replacing existing ones.
    pub(crate) fn write(&self, dir: &Path) -> [PathBuf; 2] {
        let (cert, key) = (dir.join("cert.pem"), dir.join("key.pem"));
        fs::write(&key, &self.key).unwrap();
        fs::write(&cert, &self.cert).unwrap();
        [cert, key]
    }
}
