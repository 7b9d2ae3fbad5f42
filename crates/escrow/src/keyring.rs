//! The keys of each tenant, as files in one directory.
//!
//! - `<tenant>.pub`: the recipients, one on each line: `p256 BASE64 name`. The first is the server's own.
//! - `<tenant>.key`: the server's private key, readable by its owner only; absent on an ingest-only server.
//!
//! Files are read when they are needed, so the server knows a tenant or a recipient as soon as the command line has
//! added it.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chaveiro_core::escrow::{SecretContext, SecretKind};
use chaveiro_core::id::{ActionId, DeviceId, TenantId};
use chaveiro_core::keys::{EscrowKeys, Fingerprint};
use chaveiro_core::ports::{EscrowError, Replayer, Sealer, Unsealer};
use chaveiro_core::secret::{Passcode, SecretBytes};
use chaveiro_keyfile::{self as keyfile, KeyFileError};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::envelope;
use crate::recipient::{KeyId, Recipient};
use crate::suite::suite;

/// The most recipients of a tenant; each adds one ciphertext to every envelope.
const MAX_RECIPIENTS: usize = 16;

/// The largest recipients file that is read, in bytes: room for long names.
const MAX_RECIPIENTS_BYTES: u64 = 64 * 1024;

/// The reason why keys cannot be read or made.
#[derive(Debug, Error)]
pub enum KeyringError {
    /// A key file cannot be used.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// A recipients file cannot be used.
    #[error("the recipients file {} cannot be used: {error}", file.display())]
    Recipients {
        /// The file.
        file: PathBuf,
        /// The error of the operating system.
        error: std::io::Error,
    },
    /// A line of a recipients file is invalid.
    #[error("line {line} of {} is not a recipient; it must be: p256 BASE64 name", file.display())]
    Line {
        /// The file.
        file: PathBuf,
        /// The number of the line, from 1.
        line: usize,
    },
    /// The tenant has no keys.
    #[error("the recipients file {} of tenant {tenant} is missing; restore it from the backup of the keys", file.display())]
    NoTenant {
        /// The tenant.
        tenant: TenantId,
        /// The path where its recipients belong.
        file: PathBuf,
    },
    /// The tenant has no recipient to seal to.
    #[error("the recipients file {} names no recipient; restore it from the backup of the keys", .0.display())]
    NoRecipient(PathBuf),
    /// The recipient is already in the list.
    #[error("key {0} is a recipient already")]
    Known(KeyId),
    /// The list of recipients is full.
    #[error("a tenant has at most {MAX_RECIPIENTS} recipients")]
    TooMany,
    /// A key could not be generated.
    #[error("no key could be generated")]
    Generation,
}

/// The directory of escrow keys.
#[derive(Debug)]
pub struct Keyring {
    directory: PathBuf,
    /// The last proof of each tenant: a digest of its files and of the fingerprints in the database.
    proven: Mutex<HashMap<TenantId, [u8; 32]>>,
}

impl Keyring {
    /// Opens the directory, or makes it if it is missing. Refuses private keys that other users could read.
    pub fn open(directory: &Path) -> Result<Self, KeyringError> {
        keyfile::create_directory(directory)?;
        let unreadable = |error| KeyringError::Recipients { file: directory.to_owned(), error };
        for entry in fs::read_dir(directory).map_err(unreadable)? {
            let file = entry.map_err(unreadable)?.path();
            if file.extension().is_some_and(|extension| extension == "key") {
                keyfile::read(&file)?;
            }
        }
        Ok(Self { directory: directory.to_owned(), proven: Mutex::default() })
    }

    /// Opens the directory without checking its files, to report what is wrong with them.
    pub fn unchecked(directory: &Path) -> Self {
        Self { directory: directory.to_owned(), proven: Mutex::default() }
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
        keyfile::replace(&self.public_file(tenant), lines(std::slice::from_ref(&recipient)).as_bytes())?;
        Ok(recipient)
    }

    /// The recipients that can open the secrets of a tenant.
    pub fn recipients(&self, tenant: TenantId) -> Result<Vec<Recipient>, KeyringError> {
        read_recipients(&self.public_file(tenant), &self.recipients_text(tenant)?)
    }

    fn recipients_text(&self, tenant: TenantId) -> Result<String, KeyringError> {
        read_text(&self.public_file(tenant)).map_err(|error| match error {
            KeyringError::Recipients { file, error } if error.kind() == ErrorKind::NotFound => {
                KeyringError::NoTenant { tenant, file }
            }
            error => error,
        })
    }

    /// The fingerprint of a recipients file, of a tenant or staged. It covers the keys in their order, without names.
    pub fn recipients_fingerprint(&self, file: &Path) -> Result<Fingerprint, KeyringError> {
        Ok(fingerprint(&read_recipients(file, &read_text(file)?)?))
    }

    /// The fingerprint of the public half of a private key file.
    pub fn private_fingerprint(&self, file: &Path) -> Result<Fingerprint, KeyringError> {
        Ok(PrivateKey::read(file)?.fingerprint())
    }

    /// The fingerprint that the server's own private key must have: that of the first recipient.
    pub fn own_fingerprint(&self, tenant: TenantId) -> Result<Fingerprint, KeyringError> {
        let own = self.recipients(tenant)?.into_iter().next();
        let own = own.ok_or_else(|| KeyringError::NoRecipient(self.public_file(tenant)))?;
        Ok(of_public(&own.public_key))
    }

    /// Adds a recipient, for instance an offline recovery key, which can open passcodes sealed from now on. The new
    /// recipients are staged: record the fingerprint, then call [`Keyring::settle`].
    pub fn stage_recipient(&self, tenant: TenantId, recipient: &Recipient) -> Result<Fingerprint, KeyringError> {
        let mut recipients = self.recipients(tenant)?;
        if recipients.iter().any(|known| known.id() == recipient.id()) {
            return Err(KeyringError::Known(recipient.id()));
        }
        if recipients.len() >= MAX_RECIPIENTS {
            return Err(KeyringError::TooMany);
        }
        recipients.push(recipient.clone());
        keyfile::stage(&self.public_file(tenant), lines(&recipients).as_bytes())?;
        Ok(fingerprint(&recipients))
    }

    /// Puts staged recipients into use.
    pub fn settle(&self, tenant: TenantId) -> Result<(), KeyringError> {
        Ok(keyfile::settle(&self.public_file(tenant)).map(drop)?)
    }

    /// The recipients file of a tenant.
    pub fn public_file(&self, tenant: TenantId) -> PathBuf {
        self.directory.join(format!("{tenant}.pub"))
    }

    /// The private key file of a tenant.
    pub fn private_file(&self, tenant: TenantId) -> PathBuf {
        self.directory.join(format!("{tenant}.key"))
    }

    /// The recipients of a tenant, at least one.
    fn sealed_to(&self, tenant: TenantId) -> Result<Vec<Recipient>, EscrowError> {
        let recipients = self.recipients(tenant).map_err(no_key)?;
        match recipients.is_empty() {
            true => Err(EscrowError::NoKey(format!("tenant {tenant} has no recipient"))),
            false => Ok(recipients),
        }
    }

    /// Proves that a value sealed to these recipients can be opened, as far as this server is meant to open it.
    fn probe(
        &self,
        tenant: TenantId,
        recipients: &[Recipient],
        private: Option<PrivateKey>,
        known: &EscrowKeys,
    ) -> Result<(), EscrowError> {
        let broken =
            |what: String| EscrowError::NoKey(format!("{what}; restore keys/escrow from the backup of the keys"));
        let (public_file, private_file) = (self.public_file(tenant), self.private_file(tenant));
        if recipients.is_empty() {
            return Err(EscrowError::NoKey(KeyringError::NoRecipient(public_file).to_string()));
        }
        if known.recipients.is_some_and(|known| known != fingerprint(recipients)) {
            return Err(broken(format!("{} has other recipients than the database knows", public_file.display())));
        }
        let context = SecretContext {
            tenant,
            device: DeviceId(uuid::Uuid::nil()),
            action: ActionId(uuid::Uuid::nil()),
            attempt: 0,
            kind: SecretKind::Passcode,
        };
        let probe = Passcode::new(Zeroizing::new("a probe, and no passcode".to_owned()));
        let probe = probe.ok_or_else(|| EscrowError::Unopenable("the probe is not a passcode".to_owned()))?;
        let envelope = envelope::seal(recipients, &context, &probe)?;
        let Some(private) = private else {
            return match known.away {
                true => Ok(()),
                false => Err(broken(format!("{} is missing", private_file.display()))),
            };
        };
        if known.private.is_some_and(|known| known != private.fingerprint()) {
            return Err(broken(format!("{} is another key than the database knows", private_file.display())));
        }
        let opened = envelope::unseal(&envelope, &context, private.id(), &private.private);
        if opened.is_ok_and(|opened| opened.expose_secret() == probe.expose_secret()) {
            return Ok(());
        }
        let (public, private) = (public_file.display(), private_file.display());
        Err(broken(format!("{private} does not open what is sealed to {public}")))
    }
}

/// The private key of a tenant, as its file holds it.
struct PrivateKey {
    public: Vec<u8>,
    private: Zeroizing<Vec<u8>>,
}

impl PrivateKey {
    fn read(file: &Path) -> Result<Self, KeyFileError> {
        Self::parse(file, &keyfile::read(file)?)
    }

    fn parse(file: &Path, bytes: &[u8]) -> Result<Self, KeyFileError> {
        let damaged = || KeyFileError::Damaged { file: file.to_owned(), what: "it does not hold an escrow key" };
        let text = std::str::from_utf8(bytes).map_err(|_| damaged())?;
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).ok_or_else(damaged);
        let public = STANDARD.decode(field("public ")?).map_err(|_| damaged())?;
        let private = STANDARD.decode(field("private ")?).map(Zeroizing::new).map_err(|_| damaged())?;
        Ok(Self { public, private })
    }

    fn id(&self) -> KeyId {
        KeyId::of(&self.public)
    }

    fn fingerprint(&self) -> Fingerprint {
        of_public(&self.public)
    }
}

fn of_public(public_key: &[u8]) -> Fingerprint {
    Fingerprint::of("escrow private key", public_key)
}

fn fingerprint(recipients: &[Recipient]) -> Fingerprint {
    let keys: Vec<u8> = recipients.iter().flat_map(|recipient| recipient.public_key.iter().copied()).collect();
    Fingerprint::of("escrow recipients", &keys)
}

fn lines(recipients: &[Recipient]) -> String {
    recipients.iter().map(|recipient| recipient.line() + "\n").collect()
}

/// Reads a recipients file, no further than its limit.
fn read_text(file: &Path) -> Result<String, KeyringError> {
    let mut text = String::new();
    let read = fs::File::open(file).and_then(|opened| opened.take(MAX_RECIPIENTS_BYTES).read_to_string(&mut text));
    read.map_err(|error| KeyringError::Recipients { file: file.to_owned(), error })?;
    Ok(text)
}

fn read_recipients(file: &Path, text: &str) -> Result<Vec<Recipient>, KeyringError> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let read = |(index, line)| {
        Recipient::parse(line).ok_or_else(|| KeyringError::Line { file: file.to_owned(), line: index + 1 })
    };
    let recipients: Vec<_> = lines.map(read).collect::<Result<_, _>>()?;
    if recipients.len() > MAX_RECIPIENTS { Err(KeyringError::TooMany) } else { Ok(recipients) }
}

fn no_key(error: impl fmt::Display) -> EscrowError {
    EscrowError::NoKey(error.to_string())
}

/// The digest of all input of a proof.
fn digest_of(public: &str, private: Option<&[u8]>, known: &EscrowKeys) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    let print = |print: Option<Fingerprint>| print.map_or([0; 32], |print| print.0);
    for part in [public.as_bytes(), private.unwrap_or_default(), &print(known.recipients), &print(known.private)] {
        context.update(&part.len().to_be_bytes());
        context.update(part);
    }
    context.update(&[u8::from(private.is_some()), u8::from(known.away)]);
    let mut bytes = [0; 32];
    bytes.copy_from_slice(context.finish().as_ref());
    bytes
}

impl Sealer for Keyring {
    fn seal(&self, context: &SecretContext, passcode: &Passcode) -> Result<Vec<u8>, EscrowError> {
        envelope::seal(&self.sealed_to(context.tenant)?, context, passcode)
    }

    fn seal_bytes(&self, context: &SecretContext, secret: &SecretBytes) -> Result<Vec<u8>, EscrowError> {
        envelope::seal_bytes(&self.sealed_to(context.tenant)?, context, secret)
    }

    fn recipients(&self, tenant: TenantId) -> Result<Vec<String>, EscrowError> {
        let recipients = Self::recipients(self, tenant).map_err(no_key)?;
        Ok(recipients.iter().map(Recipient::line).collect())
    }

    fn prove(&self, tenant: TenantId, known: &EscrowKeys) -> Result<(), EscrowError> {
        let text = self.recipients_text(tenant).map_err(no_key)?;
        let private = match keyfile::read(&self.private_file(tenant)) {
            Ok(bytes) => Some(bytes),
            Err(KeyFileError::Missing(_)) => None,
            Err(error) => return Err(no_key(error)),
        };
        let digest = digest_of(&text, private.as_ref().map(|bytes| bytes.as_slice()), known);
        let proven = || self.proven.lock().unwrap_or_else(PoisonError::into_inner);
        if proven().get(&tenant) == Some(&digest) {
            return Ok(());
        }
        let recipients = read_recipients(&self.public_file(tenant), &text).map_err(no_key)?;
        let parse = |bytes: Zeroizing<Vec<u8>>| PrivateKey::parse(&self.private_file(tenant), &bytes);
        let private = private.map(parse).transpose().map_err(no_key)?;
        self.probe(tenant, &recipients, private, known)?;
        proven().insert(tenant, digest);
        Ok(())
    }

    fn check(&self, tenant: TenantId, envelope: &[u8]) -> Result<(), EscrowError> {
        let recipients = Self::recipients(self, tenant).map_err(no_key)?;
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
        let key = PrivateKey::read(&self.private_file(context.tenant)).map_err(no_key)?;
        envelope::unseal(envelope, context, key.id(), &key.private)
    }
}

impl Replayer for Keyring {
    fn replay(&self, context: &SecretContext, envelope: &[u8]) -> Result<SecretBytes, EscrowError> {
        let key = PrivateKey::read(&self.private_file(context.tenant)).map_err(no_key)?;
        envelope::unseal_bytes(envelope, context, key.id(), &key.private)
    }
}
