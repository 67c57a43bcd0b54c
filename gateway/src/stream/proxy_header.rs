//! The PROXY protocol header (version 2) in front of what an origin gets: who is there, and what TLS knows of them.
//!
//! `docs/forwarding.md` has the fields. A device's certificate is told of only where it verified: an origin must not
//! have to know that it should look at the verify result first.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use proxy_header::{ProxiedAddress, ProxyHeader, SslInfo, Tlv};
use rustls::{ProtocolVersion, ServerConnection};

use crate::device::Device;
use crate::snapshot::CertificateFacts;

/// The type of the field with the device's certificate in DER: of those that are free for applications.
const CERTIFICATE: u8 = 0xe5;

/// Bytes of a certificate that is passed on at most: nginx takes headers of 4096 bytes, and the other fields need room.
const MAX_CERTIFICATE: usize = 3072;

/// Bytes of a common name that is passed on at most. By the book it has 64 characters.
const MAX_NAME: usize = 256;

/// X.509 verification results as OpenSSL has them, for origins that compare them with its names.
const VERIFIED: u32 = 0;
const UNSPECIFIED_ERROR: u32 = 1;

/// What a header says.
pub(super) struct Facts<'a> {
    /// Where the device is.
    pub(super) source: SocketAddr,
    /// Where it connected to.
    pub(super) destination: SocketAddr,
    /// The name that it asked for.
    pub(super) name: &'a str,
    /// What is known of its TLS; nothing where that goes through to the origin.
    pub(super) tls: Option<Tls<'a>>,
}

/// What is known of a connection's TLS.
pub(super) struct Tls<'a> {
    /// The version, as OpenSSL writes it.
    pub(super) version: Option<&'static str>,
    /// The cipher suite, as OpenSSL writes it.
    pub(super) cipher: Option<Cow<'static, str>>,
    /// What was agreed on by ALPN.
    pub(super) alpn: Option<Vec<u8>>,
    /// Our own certificate.
    pub(super) ours: &'a CertificateFacts,
    /// The device.
    pub(super) device: &'a Device,
}

impl<'a> Tls<'a> {
    /// Reads it from a connection whose handshake is done.
    pub(super) fn of(connection: &ServerConnection, ours: &'a CertificateFacts, device: &'a Device) -> Self {
        let suite = connection.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str());
        Self {
            version: connection.protocol_version().and_then(version),
            cipher: suite.map(openssl_name),
            alpn: connection.alpn_protocol().map(<[u8]>::to_vec),
            ours,
            device,
        }
    }

    fn ssl(&self) -> SslInfo<'static> {
        let verified = self.device.verified();
        let presented = verified.is_some();
        let result = if presented { VERIFIED } else { UNSPECIFIED_ERROR };
        let mut ssl = SslInfo::new(true, presented, presented, result);
        if let Some(version) = self.version {
            ssl.append_tlv(Tlv::SslVersion(version.into()));
        }
        let name = verified.and_then(|verified| verified.identity.common_name.as_deref());
        if let Some(name) = name.filter(|name| name.len() <= MAX_NAME) {
            ssl.append_tlv(Tlv::SslCn(name.into()));
        }
        if let Some(cipher) = &self.cipher {
            ssl.append_tlv(Tlv::SslCipher(Cow::Borrowed(cipher)));
        }
        ssl.append_tlv(Tlv::SslSigAlg(Cow::Borrowed(&self.ours.signature)));
        ssl.append_tlv(Tlv::SslKeyAlg(Cow::Borrowed(&self.ours.key)));
        ssl
    }

    /// The device's leaf, where it verified and is not too long.
    fn certificate(&self) -> Option<&[u8]> {
        let leaf = self.device.verified()?.chain.first()?;
        Some(&***leaf).filter(|der| der.len() <= MAX_CERTIFICATE)
    }
}

impl Facts<'_> {
    /// The header's octets, for the stream with this id in the log.
    pub(super) fn encode(&self, ray_id: &str) -> Vec<u8> {
        let (source, destination) = one_family(self.source, self.destination);
        let address = ProxiedAddress::stream(source, destination);
        let mut header = ProxyHeader::with_tlvs(Some(address), [Tlv::Authority(self.name.into())]);
        header.append_tlv(Tlv::UniqueId(ray_id.as_bytes().into()));
        if let Some(tls) = &self.tls {
            if let Some(alpn) = &tls.alpn {
                header.append_tlv(Tlv::Alpn(alpn.as_slice().into()));
            }
            header.append_tlv(Tlv::Ssl(tls.ssl()));
            if let Some(der) = tls.certificate() {
                header.append_tlv(Tlv::Custom(CERTIFICATE, der.into()));
            }
        }
        let mut octets = Vec::with_capacity(512);
        // Families agree, and every field is far below what its length can say.
        let encoded = header.encode_v2(&mut octets);
        debug_assert!(encoded.is_ok(), "{encoded:?}");
        octets
    }
}

/// Both addresses in one family: the header has room for one only.
fn one_family(source: SocketAddr, destination: SocketAddr) -> (SocketAddr, SocketAddr) {
    let canonical = |address: SocketAddr| SocketAddr::new(address.ip().to_canonical(), address.port());
    let (source, destination) = (canonical(source), canonical(destination));
    if source.is_ipv4() == destination.is_ipv4() {
        return (source, destination);
    }
    let mapped = |address: SocketAddr| match address.ip() {
        IpAddr::V4(v4) => SocketAddr::new(v4.to_ipv6_mapped().into(), address.port()),
        IpAddr::V6(_) => address,
    };
    (mapped(source), mapped(destination))
}

fn version(version: ProtocolVersion) -> Option<&'static str> {
    match version {
        ProtocolVersion::TLSv1_2 => Some("TLSv1.2"),
        ProtocolVersion::TLSv1_3 => Some("TLSv1.3"),
        _ => None,
    }
}

/// OpenSSL's name of a suite: what it calls `ECDHE-RSA-AES128-GCM-SHA256` is `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256` to
/// everybody else, and in TLS 1.3 to OpenSSL too.
fn openssl_name(suite: &'static str) -> Cow<'static, str> {
    if let Some(name) = suite.strip_prefix("TLS13_") {
        return format!("TLS_{name}").into();
    }
    let Some(name) = suite.strip_prefix("TLS_").filter(|name| name.contains("_WITH_")) else {
        return suite.into();
    };
    let name = name.replace("_WITH_", "-").replace("AES_", "AES").replace('_', "-");
    // There the hash is a part of the suite's name only in the registry.
    name.replace("CHACHA20-POLY1305-SHA256", "CHACHA20-POLY1305").into()
}

#[cfg(test)]
mod tests;
