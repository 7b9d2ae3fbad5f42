//! The keys of each tenant, as files in one directory.
//!
//! - `<tenant>.pub`: the recipients, one on each line: `p256 BASE64 name`. The first is the server's own.
//! - `<tenant>.key`: the server's private key, readable by its owner only; absent on an ingest-only server.
//!
//! Files are read when they are needed: a tenant or a recipient that the command line adds is known at once.

use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chaveiro_core::escrow::SecretContext;
use chaveiro_core::id::TenantId;
use chaveiro_core::ports::{EscrowError, Sealer, Unsealer};
use chaveiro_core::secret::Passcode;
use chaveiro_keyfile::{self as keyfile, KeyFileError};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::envelope::{self, suite};

/// How many recipients a tenant may have; each adds one ciphertext to every envelope.
const MAX_RECIPIENTS: usize = 16;

/// Uncompressed P-256 points have 65 bytes (SEC 1, 2.3.3).
const PUBLIC_KEY_BYTES: usize = 65;

/// Names a public key: the first eight bytes of its SHA-256, in hex.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct KeyId([u8; 8]);

impl KeyId {
    fn of(public_key: &[u8]) -> Self {
        let digest = digest::digest(&digest::SHA256, public_key);
        let mut id = [0; 8];
        id.copy_from_slice(&digest.as_ref()[..8]);
        Self(id)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<KeyId> for String {
    fn from(id: KeyId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for KeyId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let number = u64::from_str_radix(&text, 16).map_err(|_| "a key id is sixteen hex digits")?;
        Some(Self(number.to_be_bytes())).filter(|id| id.to_string() == text).ok_or("a key id is sixteen hex digits")
    }
}

/// Somebody who can open what is sealed for a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// Uncompressed P-256 point, 65 bytes.
    pub public_key: Vec<u8>,
    /// For people.
    pub name: String,
}

impl Recipient {
    /// Names the key.
    pub fn id(&self) -> KeyId {
        KeyId::of(&self.public_key)
    }

    /// Reads the line `p256 BASE64 name`.
    pub fn parse(line: &str) -> Option<Self> {
        let mut words = line.trim().splitn(3, ' ');
        let (algorithm, key) = (words.next()?, words.next()?);
        let name = words.next().unwrap_or_default().to_owned();
        let public_key = STANDARD.decode(key).ok().filter(|key| is_point(key))?;
        (algorithm == "p256").then_some(Self { public_key, name })
    }

    /// The line that [`Recipient::parse`] reads.
    pub fn line(&self) -> String {
        format!("p256 {} {}", STANDARD.encode(&self.public_key), self.name)
    }
}

/// Whether these bytes are a point that can be sealed to.
fn is_point(bytes: &[u8]) -> bool {
    let key = rustls::crypto::hpke::HpkePublicKey(bytes.to_vec());
    bytes.len() == PUBLIC_KEY_BYTES && suite().seal(b"", b"", b"", &key).is_ok()
}

/// Why keys cannot be read or made.
#[derive(Debug, Error)]
pub enum KeyringError {
    /// A key file.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// A recipients file.
    #[error("the recipients file {} cannot be used: {error}", file.display())]
    Recipients {
        /// Which file.
        file: PathBuf,
        /// The system's words.
        error: std::io::Error,
    },
    /// A line of a recipients file.
    #[error("line {line} of {} is no recipient; it must be: p256 BASE64 name", file.display())]
    Line {
        /// Which file.
        file: PathBuf,
        /// Which line, from 1.
        line: usize,
    },
    /// The tenant has no keys.
    #[error("tenant {0} has no escrow key here; make one with: chaveiro keys escrow create")]
    NoTenant(TenantId),
    /// That recipient is there already.
    #[error("key {0} is a recipient already")]
    Known(KeyId),
    /// There is no room for another.
    #[error("a tenant has at most {MAX_RECIPIENTS} recipients")]
    TooMany,
    /// No key could be made.
    #[error("no key could be generated")]
    Generation,
}

/// The directory of escrow keys.
#[derive(Debug)]
pub struct Keyring {
    directory: PathBuf,
}

impl Keyring {
    /// Opens the directory, makes it if it is not there, and refuses private keys that others could read.
    pub fn open(directory: &Path) -> Result<Self, KeyringError> {
        keyfile::create_directory(directory)?;
        let unreadable = |error| KeyringError::Recipients { file: directory.to_owned(), error };
        for entry in fs::read_dir(directory).map_err(unreadable)? {
            let file = entry.map_err(unreadable)?.path();
            if file.extension().is_some_and(|extension| extension == "key") {
                keyfile::read(&file)?;
            }
        }
        Ok(Self { directory: directory.to_owned() })
    }

    /// Makes the key of a tenant and its first recipient. Refuses to overwrite.
    pub fn create_tenant_key(&self, tenant: TenantId) -> Result<Recipient, KeyringError> {
        let (public, private) = suite().generate_key_pair().map_err(|_| KeyringError::Generation)?;
        let text = Zeroizing::new(format!(
            "public {}\nprivate {}\n",
            STANDARD.encode(&public.0),
            Zeroizing::new(STANDARD.encode(private.secret_bytes())).as_str()
        ));
        keyfile::create(&self.private_file(tenant), text.as_bytes())?;
        let recipient = Recipient { public_key: public.0, name: "server".to_owned() };
        self.write_recipients(tenant, std::slice::from_ref(&recipient))?;
        Ok(recipient)
    }

    /// Who can open what is sealed for a tenant.
    pub fn recipients(&self, tenant: TenantId) -> Result<Vec<Recipient>, KeyringError> {
        let file = self.public_file(tenant);
        let text = fs::read_to_string(&file).map_err(|error| match error.kind() {
            ErrorKind::NotFound => KeyringError::NoTenant(tenant),
            _ => KeyringError::Recipients { file: file.clone(), error },
        })?;
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let read = |(index, line)| {
            Recipient::parse(line).ok_or_else(|| KeyringError::Line { file: file.clone(), line: index + 1 })
        };
        lines.map(read).collect()
    }

    /// Adds a recipient, for instance an offline recovery key; passcodes sealed from now on open with it too.
    pub fn add_recipient(&self, tenant: TenantId, recipient: &Recipient) -> Result<(), KeyringError> {
        let mut recipients = self.recipients(tenant)?;
        if recipients.iter().any(|known| known.id() == recipient.id()) {
            return Err(KeyringError::Known(recipient.id()));
        }
        if recipients.len() >= MAX_RECIPIENTS {
            return Err(KeyringError::TooMany);
        }
        recipients.push(recipient.clone());
        self.write_recipients(tenant, &recipients)
    }

    fn write_recipients(&self, tenant: TenantId, recipients: &[Recipient]) -> Result<(), KeyringError> {
        let text: String = recipients.iter().map(|recipient| recipient.line() + "\n").collect();
        Ok(keyfile::replace(&self.public_file(tenant), text.as_bytes())?)
    }

    fn public_file(&self, tenant: TenantId) -> PathBuf {
        self.directory.join(format!("{tenant}.pub"))
    }

    fn private_file(&self, tenant: TenantId) -> PathBuf {
        self.directory.join(format!("{tenant}.key"))
    }

    fn private_key(&self, tenant: TenantId) -> Result<(KeyId, Zeroizing<Vec<u8>>), KeyFileError> {
        let file = self.private_file(tenant);
        let bytes = keyfile::read(&file)?;
        let damaged = || KeyFileError::Damaged { file: file.clone(), what: "it is no escrow key" };
        let text = std::str::from_utf8(&bytes).map_err(|_| damaged())?;
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).ok_or_else(damaged);
        let public = STANDARD.decode(field("public ")?).map_err(|_| damaged())?;
        let private = STANDARD.decode(field("private ")?).map(Zeroizing::new).map_err(|_| damaged())?;
        Ok((KeyId::of(&public), private))
    }
}

impl Sealer for Keyring {
    fn seal(&self, context: &SecretContext, passcode: &Passcode) -> Result<Vec<u8>, EscrowError> {
        let recipients = self.recipients(context.tenant).map_err(|error| EscrowError::NoKey(error.to_string()))?;
        if recipients.is_empty() {
            return Err(EscrowError::NoKey(format!("tenant {} has no recipient", context.tenant)));
        }
        envelope::seal(&recipients, context, passcode)
    }

    fn recipients(&self, tenant: TenantId) -> Result<Vec<String>, EscrowError> {
        let recipients = Self::recipients(self, tenant).map_err(|error| EscrowError::NoKey(error.to_string()))?;
        Ok(recipients.iter().map(Recipient::line).collect())
    }

    fn check(&self, tenant: TenantId, envelope: &[u8]) -> Result<(), EscrowError> {
        let recipients = Self::recipients(self, tenant).map_err(|error| EscrowError::NoKey(error.to_string()))?;
        let mut wanted: Vec<String> = recipients.iter().map(|recipient| recipient.id().to_string()).collect();
        let mut sealed: Vec<String> = envelope::keys(envelope)?.iter().map(ToString::to_string).collect();
        wanted.sort();
        sealed.sort();
        match wanted == sealed {
            true => Ok(()),
            false => Err(EscrowError::Unopenable(format!("it is sealed to {sealed:?}, the recipients are {wanted:?}"))),
        }
    }
}

impl Unsealer for Keyring {
    fn unseal(&self, context: &SecretContext, envelope: &[u8]) -> Result<Passcode, EscrowError> {
        let key = self.private_key(context.tenant).map_err(|error| EscrowError::NoKey(error.to_string()))?;
        let (id, private) = key;
        envelope::unseal(envelope, context, id, &private)
    }
}
