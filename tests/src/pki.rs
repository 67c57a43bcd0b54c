//! Real CAs and certificates (P-256), as files for the gateway and for curl, and as DER for rustls.

mod cfssl;
mod crl;
mod leaf;
mod openssl;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

pub use cfssl::{Cfssl, Tool};
pub use leaf::Leaf;
pub use openssl::OpenSsl;

/// A CA. Its files, and those of what it issues, go with the last of them.
#[derive(Clone, Debug)]
pub struct Ca {
    folder: Arc<Folder>,
    issuer: Arc<Issuer<'static, KeyPair>>,
    /// The certificate.
    pub certificate: CertificateDer<'static>,
    /// The certificate as a PEM file.
    pub path: PathBuf,
    /// What a device must send besides its own certificate: this CA's and what is above it, without the root.
    chain: Vec<CertificateDer<'static>>,
}

/// A certificate, its chain and its key.
#[derive(Clone, Debug)]
pub struct Identity {
    _folder: Arc<Folder>,
    /// PEM file with the chain, leaf first.
    pub certificate: PathBuf,
    /// PEM file with the key.
    pub key: PathBuf,
    /// The chain, leaf first.
    pub chain: Vec<CertificateDer<'static>>,
}

/// Where the files are.
#[derive(Debug)]
struct Folder {
    folder: TempDir,
    files: AtomicUsize,
}

impl Ca {
    /// A root with this common name.
    pub fn root(name: &str) -> Self {
        Self::self_signed(ca_params(name))
    }

    /// A root whose validity is over.
    pub fn expired_root(name: &str) -> Self {
        let mut params = ca_params(name);
        params.not_after = rcgen::date_time_ymd(2001, 1, 1);
        Self::self_signed(params)
    }

    /// A root that is good for so long from now, in whole seconds.
    pub fn root_for(name: &str, time: Duration) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970");
        let mut params = ca_params(name);
        params.not_after = rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs((now + time).as_secs());
        Self::self_signed(params)
    }

    fn self_signed(params: CertificateParams) -> Self {
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a root").der().clone();
        Self::with(Folder::new(), certificate, Issuer::new(params, key), vec![])
    }

    /// A CA under this one.
    #[must_use]
    pub fn intermediate(&self, name: &str) -> Self {
        self.intermediate_by(ca_params(name), KeyPair::generate().expect("a key"))
    }

    /// A CA under this one whose certificate has this serial number.
    #[must_use]
    pub fn intermediate_with_serial(&self, name: &str, number: u64) -> Self {
        let mut params = ca_params(name);
        params.serial_number = Some(number.into());
        self.intermediate_by(params, KeyPair::generate().expect("a key"))
    }

    fn intermediate_by(&self, params: CertificateParams, key: KeyPair) -> Self {
        let certificate = params.signed_by(&key, &self.issuer).expect("an intermediate").der().clone();
        let chain = std::iter::once(certificate.clone()).chain(self.chain.iter().cloned()).collect();
        Self::with(Arc::clone(&self.folder), certificate, Issuer::new(params, key), chain)
    }

    fn with(
        folder: Arc<Folder>,
        certificate: CertificateDer<'static>,
        issuer: Issuer<'static, KeyPair>,
        chain: Vec<CertificateDer<'static>>,
    ) -> Self {
        let path = folder.write("ca", &certificates_pem([&certificate]));
        Self { folder, issuer: Arc::new(issuer), certificate, path, chain }
    }

    /// An identity for the hosts with these names.
    pub fn server(&self, names: &[&str]) -> Identity {
        self.issue(Leaf::server(names))
    }

    /// A device's identity, with this common name.
    pub fn device(&self, name: &str) -> Identity {
        self.issue(Leaf::device(name))
    }

    /// Whatever is asked for.
    pub fn issue(&self, leaf: Leaf) -> Identity {
        let Leaf(params) = leaf;
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate").der().clone();
        let chain: Vec<_> = std::iter::once(certificate).chain(self.chain.iter().cloned()).collect();
        Identity {
            certificate: self.folder.write("certificate", &certificates_pem(&chain)),
            key: self.folder.write("key", &key.serialize_pem()),
            chain,
            _folder: Arc::clone(&self.folder),
        }
    }

    /// A PEM file with these CAs in it.
    pub fn bundle(cas: &[&Self]) -> PathBuf {
        cas[0].folder.write("bundle", &certificates_pem(cas.iter().map(|ca| &ca.certificate)))
    }
}

impl Identity {
    /// Reads one from PEM files.
    fn read(folder: &Arc<Folder>, certificate: &Path, key: &Path) -> Self {
        let pem = fs::read(certificate).expect("read a certificate");
        let chain = CertificateDer::pem_slice_iter(&pem).collect::<Result<_, _>>().expect("PEM");
        Self { _folder: Arc::clone(folder), certificate: certificate.to_owned(), key: key.to_owned(), chain }
    }

    /// The key, as rustls wants it.
    pub fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::from_pem_file(&self.key).expect("a key")
    }

    /// The leaf's DER in Base64, as `Cf-Client-Cert-Der-Base64` has it.
    pub fn der_base64(&self) -> String {
        BASE64_STANDARD.encode(&self.chain[0])
    }

    /// The SHA-256 of the leaf's DER in lower-case hexadecimal, as `Cf-Client-Cert-Sha256` has it.
    pub fn sha256(&self) -> String {
        Sha256::digest(&self.chain[0]).iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
    }
}

impl Folder {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            folder: TempDir::with_prefix("fleetgate-pki-").expect("a folder"),
            files: AtomicUsize::new(0),
        })
    }

    fn path(&self, name: &str) -> PathBuf {
        let number = self.files.fetch_add(1, Ordering::Relaxed);
        self.folder.path().join(format!("{name}-{number}.pem"))
    }

    fn write(&self, name: &str, pem: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, pem).expect("write PEM");
        path
    }
}

fn ca_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn certificates_pem<'a>(certificates: impl IntoIterator<Item = &'a CertificateDer<'static>>) -> String {
    let wrapped = |der: &CertificateDer<'_>| {
        let text = BASE64_STANDARD.encode(der);
        let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
    };
    certificates.into_iter().map(wrapped).collect()
}
