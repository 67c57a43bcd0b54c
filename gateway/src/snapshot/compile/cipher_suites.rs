//! Cipher suites that no handshake could use.

use rustls::ProtocolVersion;
use rustls::pki_types::PrivateKeyDer;

use super::Compiler;
use crate::config;
use crate::snapshot::host_tls::Settings;

impl Compiler<'_> {
    /// Says where a version of TLS has no suite that it could use. `None` where none has.
    pub(super) fn check_cipher_suites(
        &mut self,
        declared: &config::Host,
        settings: &Settings<'_>,
        key: &PrivateKeyDer<'static>,
    ) -> Option<()> {
        let (span, name) = (declared.cipher_suites.span, &declared.name.value);
        let provider = settings.provider();
        let of = |version: ProtocolVersion| {
            provider.cipher_suites.iter().filter(move |suite| suite.version().version == version)
        };
        if !settings.versions().iter().any(|version| of(version.version).next().is_some()) {
            let message = format!("host `{name}` has no cipher suite of a version that `min_tls` allows");
            self.error(
                span,
                message,
                "add one of TLS 1.3, such as TLS_AES_128_GCM_SHA256, or lower `min_tls`",
            );
            return None;
        }
        // What is wrong with a key is said elsewhere.
        let Ok(key) = provider.key_provider.load_private_key(key.clone_key()) else { return Some(()) };
        let algorithm = key.algorithm();
        let spoken = settings.versions().iter().any(|version| version.version == ProtocolVersion::TLSv1_2);
        let mut older = of(ProtocolVersion::TLSv1_2).peekable();
        if spoken
            && older.peek().is_some()
            && !older.any(|suite| suite.usable_for_signature_algorithm(algorithm))
        {
            let message = format!("no cipher suite of TLS 1.2 fits the {algorithm:?} key of `{name}`");
            self.warn(span, message, "add one for this kind of key, or set min_tls = \"1.3\"");
        }
        Some(())
    }
}
