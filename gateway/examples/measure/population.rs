//! The certificates and CRLs that every case has in common, made once and kept in a folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use aws_lc_rs::rand;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SanType,
    SerialNumber, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::Failure;

/// Devices that take turns: the verification of a signature does not take the same time for every key.
pub(crate) const DEVICES: usize = 16;

/// Octets of a serial number, the most that RFC 5280 allows.
const SERIAL: usize = 20;

/// A folder with certificates, keys and CRLs.
pub(crate) struct Population(PathBuf);

/// A certificate and its key.
pub(crate) struct Identity {
    pub(crate) leaf: CertificateDer<'static>,
    pub(crate) key: PrivateKeyDer<'static>,
}

impl Population {
    pub(crate) fn at(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    /// Makes it, with CRLs of so many entries. All but the empty one list the device [`Population::revoked`].
    pub(crate) fn make(&self, crls: &[usize]) -> Result<(), Failure> {
        let root = CertifiedIssuer::self_signed(ca("Root"), KeyPair::generate()?)?;
        let issuing = CertifiedIssuer::signed_by(ca("Issuing"), KeyPair::generate()?, &root)?;
        self.write("root", root.der())?;
        self.write("issuing", issuing.der())?;
        let issue = |name: &str, purpose, serial: SerialNumber| -> Result<(), Failure> {
            let mut params = named(name);
            params.extended_key_usages = vec![purpose];
            params.serial_number = Some(serial);
            params.subject_alt_names = vec![SanType::DnsName("iot.example.com".try_into()?)];
            let key = KeyPair::generate()?;
            self.write(name, params.signed_by(&key, &issuing)?.der())?;
            Ok(self.write(&format!("{name}-key"), &key.serialize_der())?)
        };
        issue("server", ExtendedKeyUsagePurpose::ServerAuth, one(&serials(1)?)?)?;
        for number in 0..DEVICES {
            issue(&device(number), ExtendedKeyUsagePurpose::ClientAuth, one(&serials(1)?)?)?;
        }
        let revoked = serials(1)?;
        issue("revoked", ExtendedKeyUsagePurpose::ClientAuth, one(&revoked)?)?;
        for &entries in crls {
            let listed = [revoked.clone(), serials(entries.saturating_sub(1))?].concat();
            let listed = listed.chunks_exact(SERIAL).take(entries).map(SerialNumber::from_slice);
            self.write(&crl(entries), list(listed.collect()).signed_by(&issuing)?.der())?;
        }
        Ok(())
    }

    pub(crate) fn certificate(&self, name: &str) -> Result<CertificateDer<'static>, Failure> {
        Ok(fs::read(self.file(name))?.into())
    }

    pub(crate) fn identity(&self, name: &str) -> Result<Identity, Failure> {
        let key = fs::read(self.file(&format!("{name}-key")))?;
        Ok(Identity { leaf: self.certificate(name)?, key: key.try_into()? })
    }

    /// Those whom nobody has anything against.
    pub(crate) fn devices(&self) -> Result<Vec<Identity>, Failure> {
        (0..DEVICES).map(|number| self.identity(&device(number))).collect()
    }

    /// The one that every CRL lists.
    pub(crate) fn revoked(&self) -> Result<Identity, Failure> {
        self.identity("revoked")
    }

    /// The issuing CA's CRL of so many entries.
    pub(crate) fn crl(&self, entries: usize) -> io::Result<Vec<u8>> {
        fs::read(self.file(&crl(entries)))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(format!("{name}.der"))
    }

    fn write(&self, name: &str, der: &[u8]) -> io::Result<()> {
        fs::write(self.file(name), der)
    }
}

fn device(number: usize) -> String {
    format!("device-{number}")
}

fn crl(entries: usize) -> String {
    format!("crl-{entries}")
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

fn ca(name: &str) -> CertificateParams {
    let mut params = named(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn list(serials: Vec<SerialNumber>) -> CertificateRevocationListParams {
    let entry = |serial_number| RevokedCertParams {
        serial_number,
        revocation_time: date_time_ymd(2025, 1, 1),
        reason_code: None,
        invalidity_date: None,
    };
    CertificateRevocationListParams {
        this_update: date_time_ymd(2025, 1, 2),
        next_update: date_time_ymd(2049, 1, 1),
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: serials.into_iter().map(entry).collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    }
}

/// So many serial numbers, one after the other: random, positive, of full length.
fn serials(count: usize) -> Result<Vec<u8>, Failure> {
    let mut octets = vec![0; count * SERIAL];
    rand::fill(&mut octets)?;
    for serial in octets.chunks_exact_mut(SERIAL) {
        serial.iter_mut().take(1).for_each(|first| *first = *first & 0x3f | 0x40);
    }
    Ok(octets)
}

fn one(serials: &[u8]) -> Result<SerialNumber, Failure> {
    let first = serials.chunks_exact(SERIAL).next().ok_or("no serial number")?;
    Ok(SerialNumber::from_slice(first))
}
