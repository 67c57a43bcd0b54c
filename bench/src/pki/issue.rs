//! Issuing: what is in the certificates.

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use time::{Duration, OffsetDateTime};

use super::{
    CA, File, INTERMEDIATE, KeyKind, SERVER, SERVER_CA, STRANGER, certificate_file, device, key_file,
};

/// A CA and its key.
pub(super) type Authority = CertifiedIssuer<'static, KeyPair>;

/// Whose certificates these are.
pub(super) const ORGANIZATION: &str = "Fleetgate Demo";

/// What to issue.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How many devices.
    pub devices: usize,
    /// Names of the server; `localhost` is always one of them.
    pub hosts: Vec<String>,
    /// Keys of devices and their CAs. The server's is always on P-256.
    pub key: KeyKind,
    /// Whether an intermediate CA issues for the devices, and is sent by them.
    pub intermediate: bool,
}

/// Why a certificate could not be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot issue {name}: {error}")]
pub struct IssueError {
    /// For whom.
    pub name: String,
    /// What went wrong.
    pub error: rcgen::Error,
}

/// Everything in `plan`, as files.
///
/// # Errors
/// When a key or certificate cannot be made, as for a host that is no name.
pub fn issue(plan: &Plan) -> Result<Vec<File>, IssueError> {
    let mut files = server(&plan.hosts)?;
    let root = authority("Fleet Root CA", plan.key, None).map_err(named(CA))?;
    files.extend(pair(CA, &root.pem(), root.key()));
    let issuing = || authority("Fleet Issuing CA", plan.key, Some(&root)).map_err(named(INTERMEDIATE));
    let intermediate = plan.intermediate.then(issuing).transpose()?;
    if let Some(intermediate) = &intermediate {
        files.extend(pair(INTERMEDIATE, &intermediate.pem(), intermediate.key()));
    }
    let issuer = intermediate.as_ref().unwrap_or(&root);
    let chain = intermediate.as_ref().map(Authority::pem).unwrap_or_default();
    let keys = plan.key.generate_many(plan.devices).map_err(named("the devices' keys"))?;
    for (number, key) in keys.iter().enumerate() {
        let name = device(number);
        let leaf = client(&name, key, issuer).map_err(named(&name))?;
        files.extend(pair(&name, &(leaf.pem() + &chain), key));
    }
    files.extend(stranger(plan.key).map_err(named(STRANGER))?);
    Ok(files)
}

fn server(hosts: &[String]) -> Result<Vec<File>, IssueError> {
    let authority = authority("Server CA", KeyKind::P256, None).map_err(named(SERVER_CA))?;
    let leaf = |key: &KeyPair| {
        let mut names = hosts.to_vec();
        names.extend((!hosts.iter().any(|host| host == "localhost")).then(|| "localhost".to_owned()));
        let common_name = hosts.first().map_or("localhost", String::as_str);
        let mut params = params(common_name, Duration::days(365), names)?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.signed_by(key, &authority)
    };
    let key = KeyKind::P256.generate().map_err(named(SERVER))?;
    let leaf = leaf(&key).map_err(named(&hosts.join(", ")))?;
    let mut files = Vec::from(pair(SERVER, &leaf.pem(), &key));
    files.push(File { name: certificate_file(SERVER_CA), content: authority.pem(), secret: false });
    Ok(files)
}

fn stranger(kind: KeyKind) -> Result<[File; 2], rcgen::Error> {
    let authority = authority("Another Root CA", kind, None)?;
    let key = kind.generate()?;
    Ok(pair(STRANGER, &client(STRANGER, &key, &authority)?.pem(), &key))
}

pub(super) fn authority(
    name: &str,
    kind: KeyKind,
    issuer: Option<&Authority>,
) -> Result<Authority, rcgen::Error> {
    let mut params = params(name, Duration::days(3650), Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    match issuer {
        None => Authority::self_signed(params, kind.generate()?),
        Some(issuer) => Authority::signed_by(params, kind.generate()?, issuer),
    }
}

fn client(name: &str, key: &KeyPair, issuer: &Authority) -> Result<Certificate, rcgen::Error> {
    client_params(name)?.signed_by(key, issuer)
}

/// What is in a device's certificate.
pub(super) fn client_params(name: &str) -> Result<CertificateParams, rcgen::Error> {
    let mut params = params(name, Duration::days(365), Vec::new())?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    Ok(params)
}

fn params(name: &str, life: Duration, hosts: Vec<String>) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(hosts)?;
    params.distinguished_name.remove(DnType::CommonName);
    params.distinguished_name.push(DnType::OrganizationName, ORGANIZATION);
    params.distinguished_name.push(DnType::CommonName, name);
    params.use_authority_key_identifier_extension = true;
    // Clocks of the machines involved may differ a little.
    params.not_before = OffsetDateTime::now_utc() - Duration::hours(1);
    params.not_after = params.not_before + life;
    Ok(params)
}

fn pair(name: &str, certificates: &str, key: &KeyPair) -> [File; 2] {
    [
        File { name: certificate_file(name), content: certificates.to_owned(), secret: false },
        File { name: key_file(name), content: key.serialize_pem(), secret: true },
    ]
}

fn named(name: &str) -> impl FnOnce(rcgen::Error) -> IssueError {
    let name = name.to_owned();
    |error| IssueError { name, error }
}

#[cfg(test)]
mod tests;
