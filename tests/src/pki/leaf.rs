//! What an end-entity certificate says.

use rcgen::{
    CertificateParams, CrlDistributionPoint, DnType, DnValue, ExtendedKeyUsagePurpose, KeyUsagePurpose,
    date_time_ymd,
};

/// A certificate to be issued: good, unless told otherwise.
#[derive(Clone, Debug)]
pub struct Leaf(pub(super) CertificateParams);

impl Leaf {
    /// For a device with this common name.
    pub fn device(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, DnValue::Utf8String(name.to_owned()));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        Self(params)
    }

    /// For hosts with these names.
    pub fn server(names: &[&str]) -> Self {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("host names");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        Self(params)
    }

    /// It says that it is listed at this URL, if it is revoked.
    #[must_use]
    pub fn listed_at(mut self, url: &str) -> Self {
        self.0.crl_distribution_points = vec![CrlDistributionPoint { uris: vec![url.to_owned()] }];
        self
    }

    /// It has this serial number.
    #[must_use]
    pub fn serial(mut self, number: u64) -> Self {
        self.0.serial_number = Some(number.into());
        self
    }

    /// Its validity is over.
    #[must_use]
    pub fn expired(mut self) -> Self {
        self.0.not_after = date_time_ymd(2001, 1, 1);
        self
    }

    /// Its validity is still to come.
    #[must_use]
    pub fn not_yet_valid(mut self) -> Self {
        self.0.not_before = date_time_ymd(2200, 1, 1);
        self
    }

    /// Its extended key usage is server authentication only.
    #[must_use]
    pub fn for_servers(mut self) -> Self {
        self.0.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self
    }

    /// It has no extended key usage at all, which allows every purpose.
    #[must_use]
    pub fn for_anything(mut self) -> Self {
        self.0.extended_key_usages.clear();
        self
    }
}
