//! CRL distribution points: where a CA's certificate says that the list is which may revoke it (RFC 5280, 4.2.1.13).

use x509_parser::extensions::{CRLDistributionPoint, DistributionPointName, GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::url::CrlUrl;

/// What the certificates of a CA say about where lists are.
#[derive(Debug, Default)]
pub struct Points {
    /// Where they can be fetched from, each once.
    pub urls: Vec<CrlUrl>,
    /// What cannot be used, and why.
    pub ignored: Vec<String>,
}

impl Points {
    /// Of `certificates`, uploaded together. The list that revokes a certificate is its issuer's: where that was not
    /// uploaded, nobody could check the signature.
    pub fn of<'a>(certificates: impl Iterator<Item = &'a [u8]> + Clone) -> Self {
        let mut points = Self::default();
        let parsed = certificates.filter_map(|der| Some(X509Certificate::from_der(der).ok()?.1));
        let parsed: Vec<_> = parsed.collect();
        for certificate in &parsed {
            let issuer = certificate.issuer().as_raw();
            let is_here = parsed.iter().any(|other| other.subject().as_raw() == issuer);
            for extension in certificate.iter_extensions() {
                let ParsedExtension::CRLDistributionPoints(named) = extension.parsed_extension() else {
                    continue;
                };
                if is_here {
                    named.iter().for_each(|point| points.add(point));
                } else {
                    let (subject, issuer) = (certificate.subject(), certificate.issuer());
                    points.ignored.push(format!(
                        "the distribution points of `{subject}` are for a list of `{issuer}`, which was not uploaded"
                    ));
                }
            }
        }
        points
    }

    fn add(&mut self, point: &CRLDistributionPoint<'_>) {
        if point.crl_issuer.is_some() {
            self.ignored.push("a distribution point has a list of another issuer (indirect CRL)".to_owned());
            return;
        }
        let Some(DistributionPointName::FullName(names)) = &point.distribution_point else {
            self.ignored.push("a distribution point has no URL".to_owned());
            return;
        };
        // All names of a point are names of the same list.
        let read = |name: &GeneralName<'_>| match *name {
            GeneralName::URI(uri) => {
                CrlUrl::distribution_point(uri).map_err(|error| format!("{}: {error}", uri.escape_debug()))
            }
            _ => Err("a distribution point has a name that is no URL".to_owned()),
        };
        let read: Vec<_> = names.iter().map(read).collect();
        match read.iter().find_map(|url| url.as_ref().ok()) {
            Some(url) if self.urls.contains(url) => {}
            Some(url) => self.urls.push(url.clone()),
            None => self.ignored.extend(read.into_iter().filter_map(Result::err)),
        }
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, CrlDistributionPoint, DnType, IsCa, Issuer, KeyPair};

    use super::*;

    /// A root, and an intermediate of it with distribution points at these URLs.
    fn chain(uris: &[&[&str]]) -> [Vec<u8>; 2] {
        let params = |name: &str| {
            let mut params = CertificateParams::default();
            params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
            params.distinguished_name.push(DnType::CommonName, name);
            params
        };
        let (root, key) = (params("Root"), KeyPair::generate().unwrap());
        let certificate = root.self_signed(&key).unwrap().der().to_vec();
        let issuer = Issuer::new(root, key);
        let mut params = params("Issuing");
        let point = |uris: &&[&str]| CrlDistributionPoint {
            uris: uris.iter().map(|uri| (*uri).to_owned()).collect(),
        };
        params.crl_distribution_points = uris.iter().map(point).collect();
        let issuing = params.signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap();
        [issuing.der().to_vec(), certificate]
    }

    fn points(certificates: &[Vec<u8>]) -> (Vec<String>, Vec<String>) {
        let points = Points::of(certificates.iter().map(Vec::as_slice));
        (points.urls.iter().map(ToString::to_string).collect(), points.ignored)
    }

    #[test]
    fn of_each_point_the_first_url_counts_that_can_be_fetched_from() {
        let chain = chain(&[
            &[
                "ldap://pki.example.com/cn=CRL",
                "http://pki.example.com/a.crl",
                "http://pki.example.net/a.crl",
            ],
            &["https://pki.example.com/b.crl"],
            &["http://pki.example.com/a.crl"],
        ]);
        let expected = ["http://pki.example.com/a.crl", "https://pki.example.com/b.crl"];
        assert_eq!(points(&chain), (expected.map(str::to_owned).to_vec(), vec![]));
    }

    #[test]
    fn ldap_alone_is_ignored_by_name() {
        let (urls, ignored) = points(&chain(&[&["ldap://pki.example.com/cn=CRL"]]));
        assert_eq!((urls.len(), ignored.len()), (0, 1));
        assert!(ignored[0].contains("ldap://pki.example.com/cn=CRL"), "{ignored:?}");
    }

    #[test]
    fn the_list_of_an_issuer_that_is_not_there_is_not_fetched() {
        let [issuing, _] = chain(&[&["http://pki.example.com/a.crl"]]);
        let (urls, ignored) = points(&[issuing]);
        assert_eq!((urls.len(), ignored.len()), (0, 1));
        assert!(ignored[0].contains("was not uploaded"), "{ignored:?}");
    }
}
