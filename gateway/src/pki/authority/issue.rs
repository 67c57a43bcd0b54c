//! What is in a certificate.

use rcgen::{
    BasicConstraints, CertificateParams, CrlDistributionPoint, CustomExtension, DistinguishedName, DnType,
    IsCa, Issuer, KeyIdMethod, PublicKeyData, SerialNumber,
};
use rustls::pki_types::CertificateDer;
use x509_parser::asn1_rs::Oid;

use super::{Authority, AuthorityError, Subject, key_id};
use crate::pki::layout::{Unsigned, field, wrap};
use crate::pki::profile::{PathLength, Profile, Validity};
use crate::pki::{Name, Signer, layout, serial};

/// Who signs a certificate.
pub(super) struct By<'a> {
    name: &'a Name,
    /// The id of the issuer's key. A root does not name its own (RFC 5280, 4.2.1.1).
    key_id: Option<&'a [u8]>,
    signer: &'a dyn Signer,
}

impl<'a> By<'a> {
    pub(super) fn ca(ca: &'a Authority) -> Self {
        Self { name: &ca.name, key_id: Some(&ca.key_id), signer: &*ca.signer }
    }

    pub(super) fn itself(subject: &'a Subject, signer: &'a dyn Signer) -> Self {
        Self { name: &subject.name, key_id: None, signer }
    }
}

/// A certificate for `key`, signed.
pub(super) fn certificate(
    subject: &Subject,
    key: &dyn PublicKeyData,
    profile: &Profile,
    by: &By<'_>,
) -> Result<CertificateDer<'static>, AuthorityError> {
    let mut params = of_subject(subject)?;
    params.serial_number = Some(SerialNumber::from_slice(serial::random()?.octets()));
    params.key_identifier_method = KeyIdMethod::PreSpecified(key_id(key));
    params.use_authority_key_identifier_extension = by.key_id.is_some();
    of_profile(&mut params, profile);
    let laid_out = params.signed_by(&key, &issuer(by.key_id, by.signer))?;
    let names =
        [(field::CERTIFICATE_ISSUER, by.name.der()), (field::CERTIFICATE_SUBJECT, subject.name.der())];
    Ok(layout::sign(laid_out.der(), &names, by.signer)?.into())
}

/// What a subject says of itself. Its name is a placeholder.
pub(in crate::pki) fn of_subject(subject: &Subject) -> Result<CertificateParams, AuthorityError> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name = DistinguishedName::new();
    if !subject.name.is_empty() {
        params.distinguished_name.push(DnType::CommonName, "");
    }
    params.subject_alt_names = subject.hosts.iter().map(super::Host::san).collect::<Result<_, _>>()?;
    Ok(params)
}

fn of_profile(params: &mut CertificateParams, profile: &Profile) {
    let Validity { not_before, not_after } = profile.validity;
    (params.not_before, params.not_after) = (not_before, not_after);
    params.is_ca = profile.ca.map_or(IsCa::ExplicitNoCa, constraints);
    params.key_usages.clone_from(&profile.key_usages);
    params.extended_key_usages.clone_from(&profile.purposes);
    let lists = profile.crl_url.iter().map(|url| CrlDistributionPoint { uris: vec![url.clone()] });
    params.crl_distribution_points = lists.collect();
    params.custom_extensions.extend(information_access(profile));
    // id-pkix-ocsp-nocheck: NULL
    let no_check = || CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 48, 1, 5], vec![5, 0]);
    params.custom_extensions.extend(profile.ocsp_no_check.then(no_check));
}

/// A CA's Basic Constraints.
pub(in crate::pki) fn constraints(PathLength(length): PathLength) -> IsCa {
    IsCa::Ca(length.map_or(BasicConstraints::Unconstrained, BasicConstraints::Constrained))
}

/// The issuer as rcgen sees it: its name is a placeholder, and its signature comes later.
pub(in crate::pki) fn issuer<'a>(
    key_id: Option<&[u8]>,
    signer: &'a dyn Signer,
) -> Issuer<'static, Unsigned<'a>> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "");
    params.key_identifier_method = KeyIdMethod::PreSpecified(key_id.unwrap_or_default().to_vec());
    Issuer::new(params, Unsigned(signer))
}

/// Authority Information Access (RFC 5280, 4.2.2.1), which rcgen does not have.
fn information_access(profile: &Profile) -> Option<CustomExtension> {
    const OCSP: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 48, 1];
    const ISSUERS: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 48, 2];
    const URI: u8 = 0x86;
    let access = |method: &[u64], url: &String| {
        let method = Oid::from(method).map_or_else(|_| Vec::new(), |oid| oid.as_bytes().to_vec());
        wrap(0x30, &[wrap(6, &method), wrap(URI, url.as_bytes())].concat())
    };
    let ocsp = profile.ocsp_url.iter().map(|url| access(OCSP, url));
    let issuers = profile.issuer_urls.iter().map(|url| access(ISSUERS, url));
    let content: Vec<_> = ocsp.chain(issuers).collect();
    (!content.is_empty()).then(|| {
        CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], wrap(0x30, &content.concat()))
    })
}
