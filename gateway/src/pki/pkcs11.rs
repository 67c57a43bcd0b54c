//! Keys that never leave their token: smart cards and HSMs, by PKCS #11.
//!
//! The token's library is loaded when it is named, and never linked.

mod public;
mod uri;

use std::env;
use std::fmt;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error as TokenError, RvError};
use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::{Slot, TokenInfo};
use cryptoki::types::AuthPin;
use rcgen::{PublicKeyData, SignatureAlgorithm, SigningKey};
use zeroize::Zeroizing;

pub use public::PublicError;
pub use uri::{Uri, UriError};

use super::key::Passphrase;
use public::Public;
use uri::Pin;

/// The environment variable with the library of URIs that do not name one.
pub const MODULE_VARIABLE: &str = "FLEETGATE_PKCS11_MODULE";

/// A private key in a token, and a session in which it signs.
pub struct TokenKey {
    session: Mutex<Session>,
    handle: ObjectHandle,
    public: Public,
}

/// Why a token's key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Pkcs11Error {
    /// Nobody said which library.
    #[error(
        "which library talks to the token? Add ?module-path=/path/to/library.so to the URI, or set {MODULE_VARIABLE}"
    )]
    NoModule,
    /// It is no library, or refuses.
    #[error("{}: {error}", path.display())]
    Module {
        /// Its file.
        path: PathBuf,
        /// What it said.
        error: TokenError,
    },
    /// No token is what the URI says.
    #[error("no token is what the URI says; there are: {0}")]
    NoToken(String),
    /// More than one token is.
    #[error("several tokens are what the URI says: {0}; add serial= or slot-id=")]
    ManyTokens(String),
    /// It wants a PIN.
    #[error(
        "the token `{0}` wants a PIN: give it with --passphrase-file or --passphrase-env, or name its file in the URI with pin-source="
    )]
    PinNeeded(String),
    /// The PIN's file.
    #[error("cannot read the PIN in {}: {error}", path.display())]
    PinSource {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The PIN is not the token's.
    #[error("the token `{0}` does not take this PIN")]
    WrongPin(String),
    /// No private key is what the URI says.
    #[error("the token `{0}` has no private key that is what the URI says")]
    NoKey(String),
    /// More than one private key is.
    #[error("the token `{0}` has several private keys that are what the URI says; add object= or id=")]
    ManyKeys(String),
    /// Its public key.
    #[error("the token `{token}`: {error}")]
    Public {
        /// Its label.
        token: String,
        /// Why not.
        error: PublicError,
    },
    /// It signs nothing, or something else.
    #[error("the token `{token}` does not sign with this key: {problem}")]
    Sign {
        /// Its label.
        token: String,
        /// Why not.
        problem: String,
    },
    /// Something else that it refused.
    #[error("the token refused: {0}")]
    Token(#[from] TokenError),
}

impl TokenKey {
    /// The key that a URI names. The PIN is the URI's, or `pin`.
    ///
    /// # Errors
    /// When there is none, or it does not sign what its public key verifies: something is signed to see.
    pub fn open(uri: &Uri, pin: Option<&Passphrase>) -> Result<Self, Pkcs11Error> {
        let library = load(uri)?;
        let (slot, token) = find_token(&library, uri)?;
        let session = library.open_ro_session(slot)?;
        login(&session, &token, uri, pin)?;
        let label = token.label().to_owned();
        let handle = find_key(&session, uri, &label)?;
        let public = Public::of(&session, handle)
            .map_err(|error| Pkcs11Error::Public { token: label.clone(), error })?;
        let key = Self { session: Mutex::new(session), handle, public };
        let refused = |problem| Pkcs11Error::Sign { token: label, problem };
        match key.sign_by_token(TRIAL) {
            Ok(signature) if key.public.verifies(TRIAL, &signature) => Ok(key),
            Ok(_) => Err(refused("its public key is that of another key".to_owned())),
            Err(error) => Err(refused(error.to_string())),
        }
    }

    fn sign_by_token(&self, message: &[u8]) -> Result<Vec<u8>, TokenError> {
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        self.public.sign(&session, self.handle, message)
    }
}

/// What is signed to see whether the token does.
const TRIAL: &[u8] = b"fleetgate: does this key sign?";

impl PublicKeyData for TokenKey {
    fn der_bytes(&self) -> &[u8] {
        self.public.bytes()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        self.public.algorithm()
    }
}

impl SigningKey for TokenKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        self.sign_by_token(message).map_err(|_| rcgen::Error::RemoteKeyError)
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenKey").field("public", &self.public).finish_non_exhaustive()
    }
}

fn load(uri: &Uri) -> Result<Pkcs11, Pkcs11Error> {
    let path = uri.module_path.clone().or_else(|| env::var_os(MODULE_VARIABLE).map(PathBuf::from));
    let path = path.ok_or(Pkcs11Error::NoModule)?;
    let failed = |error| Pkcs11Error::Module { path: path.clone(), error };
    let library = Pkcs11::new(&path).map_err(failed)?;
    match library.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(TokenError::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(library),
        Err(error) => Err(failed(error)),
    }
}

fn find_token(library: &Pkcs11, uri: &Uri) -> Result<(Slot, TokenInfo), Pkcs11Error> {
    let tokens = library.get_slots_with_initialized_token()?;
    let tokens = tokens.into_iter().map(|slot| Ok((slot, library.get_token_info(slot)?)));
    let tokens = tokens.collect::<Result<Vec<_>, TokenError>>()?;
    let labels = |tokens: &[(Slot, TokenInfo)]| {
        let labels: Vec<_> = tokens.iter().map(|(_, token)| format!("`{}`", token.label())).collect();
        if labels.is_empty() { "none".to_owned() } else { labels.join(", ") }
    };
    let all = labels(&tokens);
    let mut found: Vec<_> = tokens.into_iter().filter(|(slot, token)| uri.is_token(*slot, token)).collect();
    match (found.len(), found.pop()) {
        (1, Some(token)) => Ok(token),
        (0, _) | (_, None) => Err(Pkcs11Error::NoToken(all)),
        (_, Some(last)) => {
            found.push(last);
            Err(Pkcs11Error::ManyTokens(labels(&found)))
        }
    }
}

fn login(
    session: &Session,
    token: &TokenInfo,
    uri: &Uri,
    pin: Option<&Passphrase>,
) -> Result<(), Pkcs11Error> {
    let label = || token.label().to_owned();
    let pin = match &uri.pin {
        Some(Pin::Value(value)) => Some(Passphrase::new(value)),
        Some(Pin::Source(path)) => {
            let text = fs::read_to_string(path).map(Zeroizing::new);
            let text = text.map_err(|error| Pkcs11Error::PinSource { path: path.clone(), error })?;
            Some(Passphrase::new(&text))
        }
        None => pin.cloned(),
    };
    // A reader with keys of its own asks for the PIN itself.
    if pin.is_none() && token.login_required() && !token.protected_authentication_path() {
        return Err(Pkcs11Error::PinNeeded(label()));
    }
    if pin.is_none() && !token.login_required() {
        return Ok(());
    }
    let pin = pin.map(|pin| AuthPin::from(pin.text().to_owned()));
    match session.login(UserType::User, pin.as_ref()) {
        Ok(()) | Err(TokenError::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
        Err(TokenError::Pkcs11(RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange, _)) => {
            Err(Pkcs11Error::WrongPin(label()))
        }
        Err(error) => Err(error.into()),
    }
}

fn find_key(session: &Session, uri: &Uri, token: &str) -> Result<ObjectHandle, Pkcs11Error> {
    let mut template = vec![Attribute::Class(ObjectClass::PRIVATE_KEY)];
    template.extend(uri.object.as_ref().map(|label| Attribute::Label(label.clone().into_bytes())));
    template.extend(uri.id.clone().map(Attribute::Id));
    match *session.find_objects(&template)?.as_slice() {
        [] => Err(Pkcs11Error::NoKey(token.to_owned())),
        [key] => Ok(key),
        _ => Err(Pkcs11Error::ManyKeys(token.to_owned())),
    }
}

/// The first attribute of this type that an object has.
fn attribute(
    session: &Session,
    object: ObjectHandle,
    wanted: AttributeType,
) -> Result<Option<Attribute>, TokenError> {
    Ok(session.get_attributes(object, &[wanted])?.into_iter().next())
}
