//! The keys of each tenant, as files in one directory.
//!
//! - `<tenant>.pub`: the recipients, one on each line: `p256 BASE64 name`. The first is the server's own.
//! - `<tenant>.key`: the server's private key, readable by its owner only; absent on an ingest-only server.
//!
//! Files are read when they are needed and again when they have changed. So the server knows a tenant or a recipient as
//! soon as the command line has added it. The parsed keys stay in memory in between.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chaveiro_core::escrow::{SecretContext, SecretKind};
use chaveiro_core::id::{ActionId, DeviceId, TenantId};
use chaveiro_core::keys::{EscrowKeys, Fingerprint};
use chaveiro_core::ports::{EscrowError, Replayer, Sealer, Unsealer};
use chaveiro_core::secret::{Passcode, SecretBytes};
use chaveiro_keyfile::{self as keyfile, DirectoryLock, Kept, KeyFileError};
use zeroize::Zeroizing;

use crate::envelope::{self, Ready};
use crate::error::KeyringError;
use crate::private::{PrivateKey, of_public};
use crate::recipient::{MAX_RECIPIENTS, Recipient};

/// The largest recipients file that is read, in bytes: room for long names.
const MAX_RECIPIENTS_BYTES: u64 = 64 * 1024;

/// The most values of one tenant that are made ready to be sealed, for as many devices that answer at once.
const MAX_READY: usize = 64;

/// The values that were made ready for one list of recipients, each with a part for every recipient.
type MadeReady = (Fingerprint, Vec<Vec<Ready>>);

/// The directory of escrow keys.
pub struct Keyring {
    directory: PathBuf,
    recipients: Kept<Recipients>,
    private: Kept<PrivateKey>,
    /// The last proof of each tenant.
    proven: Mutex<HashMap<TenantId, Proof>>,
    /// The values that were made ready for each tenant, and their recipients.
    ready: Mutex<HashMap<TenantId, MadeReady>>,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring").field("directory", &self.directory).finish_non_exhaustive()
    }
}

/// The subject of a proof: the recipients, a digest of the private key file, and the fingerprints in the database.
type Proof = (Fingerprint, Option<[u8; 32]>, EscrowKeys);

/// The contents of a recipients file.
struct Recipients {
    list: Vec<Recipient>,
    fingerprint: Fingerprint,
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
        Ok(Self::unchecked(directory))
    }

    /// Opens the directory without checking its files, to report what is wrong with them.
    pub fn unchecked(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            recipients: Kept::default(),
            private: Kept::default(),
            proven: Mutex::default(),
            ready: Mutex::default(),
        }
    }

    /// Makes the key of a tenant and its first recipient. Refuses to overwrite.
    pub fn create_tenant_key(&self, tenant: TenantId) -> Result<Recipient, KeyringError> {
        let public_key = PrivateKey::create(&self.private_file(tenant))?;
        let recipient = Recipient { public_key, name: "server".to_owned() };
        keyfile::replace(&self.public_file(tenant), lines(std::slice::from_ref(&recipient)).as_bytes())?;
        Ok(recipient)
    }

    /// The recipients that can open the secrets of a tenant.
    pub fn recipients(&self, tenant: TenantId) -> Result<Vec<Recipient>, KeyringError> {
        Ok(self.recipients_of(tenant)?.list.clone())
    }

    fn recipients_of(&self, tenant: TenantId) -> Result<Arc<Recipients>, KeyringError> {
        self.recipients.get(&self.public_file(tenant), Recipients::read).map_err(|error| match error {
            KeyringError::Recipients { file, error } if error.kind() == ErrorKind::NotFound => {
                KeyringError::NoTenant { tenant, file }
            }
            error => error,
        })
    }

    /// The fingerprint of a recipients file, of a tenant or staged. It covers the keys in their order, without names.
    pub fn recipients_fingerprint(&self, file: &Path) -> Result<Fingerprint, KeyringError> {
        Ok(Recipients::read(file)?.fingerprint)
    }

    /// The fingerprint of the public half of a private key file.
    pub fn private_fingerprint(&self, file: &Path) -> Result<Fingerprint, KeyringError> {
        Ok(PrivateKey::read(file)?.fingerprint())
    }

    /// The fingerprint that the server's own private key must have: that of the first recipient.
    pub fn own_fingerprint(&self, tenant: TenantId) -> Result<Fingerprint, KeyringError> {
        let recipients = self.recipients_of(tenant)?;
        let own = recipients.list.first().ok_or_else(|| KeyringError::NoRecipient(self.public_file(tenant)))?;
        Ok(of_public(&own.public_key))
    }

    /// Adds a recipient, for instance an offline recovery key, which can open passcodes sealed from now on. The caller
    /// records the fingerprint of the staged recipients, then settles them.
    pub fn stage_recipient(&self, tenant: TenantId, recipient: &Recipient) -> Result<Staged, KeyringError> {
        if !recipient.has_usable_name() {
            return Err(KeyringError::Name(recipient.name.clone()));
        }
        let lock = keyfile::lock(&self.directory)?;
        let mut recipients = self.recipients(tenant)?;
        if recipients.iter().any(|known| known.id() == recipient.id()) {
            return Err(KeyringError::Known(recipient.id()));
        }
        if recipients.len() >= MAX_RECIPIENTS {
            return Err(KeyringError::TooMany);
        }
        recipients.push(recipient.clone());
        Staged::new(self.public_file(tenant), &recipients, lock)
    }

    /// Takes out the recipient of that id or name, which cannot open what is sealed from now on. What was sealed to it
    /// before still opens with its key. The other recipients are staged, as by [`Keyring::stage_recipient`].
    pub fn stage_removal(&self, tenant: TenantId, asked: &str) -> Result<(Recipient, Staged), KeyringError> {
        let lock = keyfile::lock(&self.directory)?;
        let mut recipients = self.recipients(tenant)?;
        let is_asked = |recipient: &Recipient| recipient.id().to_string() == asked || recipient.name == asked;
        let mut found = (0..recipients.len()).filter(|place| is_asked(&recipients[*place]));
        let place = match (found.next(), found.next()) {
            (None, _) => return Err(KeyringError::Unknown(asked.to_owned())),
            (Some(_), Some(_)) => return Err(KeyringError::Several(asked.to_owned())),
            (Some(0), None) => return Err(KeyringError::Own(recipients[0].id())),
            (Some(place), None) => place,
        };
        let removed = recipients.remove(place);
        Ok((removed, Staged::new(self.public_file(tenant), &recipients, lock)?))
    }

    /// Takes the lock that a change of recipients holds, unless a change is under way.
    pub fn try_lock(&self) -> Result<Option<DirectoryLock>, KeyringError> {
        Ok(keyfile::try_lock(&self.directory)?)
    }

    /// The recipients file of a tenant.
    pub fn public_file(&self, tenant: TenantId) -> PathBuf {
        self.directory.join(format!("{tenant}.pub"))
    }

    /// The private key file of a tenant.
    pub fn private_file(&self, tenant: TenantId) -> PathBuf {
        self.directory.join(format!("{tenant}.key"))
    }

    /// The number of values of that tenant that are made ready to be sealed: [`Sealer::prepare`].
    pub fn ready(&self, tenant: TenantId) -> usize {
        lock(&self.ready).get(&tenant).map_or(0, |(_, values)| values.len())
    }

    /// The recipients of a tenant, at least one.
    fn sealed_to(&self, tenant: TenantId) -> Result<Arc<Recipients>, EscrowError> {
        let recipients = self.recipients_of(tenant).map_err(no_key)?;
        match recipients.list.is_empty() {
            true => Err(EscrowError::NoKey(format!("tenant {tenant} has no recipient"))),
            false => Ok(recipients),
        }
    }

    /// The private key of a tenant; `None` if its file is absent.
    fn private_of(&self, tenant: TenantId) -> Result<Option<Arc<PrivateKey>>, KeyFileError> {
        match self.private.get(&self.private_file(tenant), PrivateKey::read) {
            Ok(key) => Ok(Some(key)),
            Err(KeyFileError::Missing(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn opener(&self, tenant: TenantId) -> Result<Arc<PrivateKey>, EscrowError> {
        self.private.get(&self.private_file(tenant), PrivateKey::read).map_err(no_key)
    }

    fn seal_value(&self, context: &SecretContext, value: &[u8]) -> Result<Vec<u8>, EscrowError> {
        let recipients = self.sealed_to(context.tenant)?;
        let ready = match self.take_ready(context.tenant, recipients.fingerprint) {
            Some(ready) => ready,
            None => envelope::ready(&recipients.list)?,
        };
        envelope::seal_value(ready, context, value)
    }

    /// Takes a value that was made ready for these recipients. Values that were made ready for others are dropped.
    fn take_ready(&self, tenant: TenantId, recipients: Fingerprint) -> Option<Vec<Ready>> {
        let mut ready = lock(&self.ready);
        match ready.get_mut(&tenant) {
            Some((of, values)) if *of == recipients => values.pop(),
            Some(_) => {
                ready.remove(&tenant);
                None
            }
            None => None,
        }
    }

    /// Returns true if one more value of that tenant is to be made ready.
    fn has_room(&self, tenant: TenantId, recipients: Fingerprint) -> bool {
        lock(&self.ready).get(&tenant).is_none_or(|(of, values)| *of != recipients || values.len() < MAX_READY)
    }

    /// Proves that a value sealed to these recipients can be opened, as far as this server is meant to open it.
    fn probe(
        &self,
        tenant: TenantId,
        recipients: &Recipients,
        private: Option<&PrivateKey>,
        known: &EscrowKeys,
    ) -> Result<(), EscrowError> {
        let broken =
            |what: String| EscrowError::NoKey(format!("{what}; restore keys/escrow from the backup of the keys"));
        let (public_file, private_file) = (self.public_file(tenant), self.private_file(tenant));
        if recipients.list.is_empty() {
            return Err(EscrowError::NoKey(KeyringError::NoRecipient(public_file).to_string()));
        }
        if known.recipients.is_some_and(|known| known != recipients.fingerprint) {
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
        let envelope = envelope::seal(&recipients.list, &context, &probe)?;
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

fn fingerprint(recipients: &[Recipient]) -> Fingerprint {
    let keys: Vec<u8> = recipients.iter().flat_map(|recipient| recipient.public_key.iter().copied()).collect();
    Fingerprint::of("escrow recipients", &keys)
}

fn lines(recipients: &[Recipient]) -> String {
    recipients.iter().map(|recipient| recipient.line() + "\n").collect()
}

/// Recipients of a tenant that are written beside the ones in use. Until they are settled or dropped, no other change of
/// recipients begins.
#[must_use = "staged recipients change nothing until they are settled"]
pub struct Staged {
    /// The file of the recipients in use.
    file: PathBuf,
    fingerprint: Fingerprint,
    _lock: DirectoryLock,
}

impl Staged {
    fn new(file: PathBuf, recipients: &[Recipient], lock: DirectoryLock) -> Result<Self, KeyringError> {
        keyfile::stage(&file, lines(recipients).as_bytes())?;
        Ok(Self { file, fingerprint: fingerprint(recipients), _lock: lock })
    }

    /// The fingerprint of the staged recipients.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Puts them into use. Fails if the staged file is gone.
    pub fn settle(self) -> Result<(), KeyringError> {
        match keyfile::settle(&self.file)? {
            true => Ok(()),
            false => Err(KeyFileError::Missing(keyfile::staged_name(&self.file)).into()),
        }
    }
}

impl Recipients {
    /// Reads a recipients file, no further than its limit.
    fn read(file: &Path) -> Result<Self, KeyringError> {
        let mut text = String::new();
        let read = fs::File::open(file).and_then(|opened| opened.take(MAX_RECIPIENTS_BYTES).read_to_string(&mut text));
        read.map_err(|error| KeyringError::Recipients { file: file.to_owned(), error })?;
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let read = |(index, line)| {
            Recipient::parse(line).ok_or_else(|| KeyringError::Line { file: file.to_owned(), line: index + 1 })
        };
        let list: Vec<_> = lines.map(read).collect::<Result<_, _>>()?;
        if list.len() > MAX_RECIPIENTS {
            return Err(KeyringError::TooMany);
        }
        Ok(Self { fingerprint: fingerprint(&list), list })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn no_key(error: impl fmt::Display) -> EscrowError {
    EscrowError::NoKey(error.to_string())
}

impl Sealer for Keyring {
    fn prepare(&self, tenant: TenantId) {
        let Ok(recipients) = self.sealed_to(tenant) else { return };
        if !self.has_room(tenant, recipients.fingerprint) {
            return;
        }
        let Ok(made) = envelope::ready(&recipients.list) else { return };
        let mut ready = lock(&self.ready);
        let (of, values) = ready.entry(tenant).or_insert_with(|| (recipients.fingerprint, Vec::new()));
        if *of != recipients.fingerprint {
            (*of, *values) = (recipients.fingerprint, Vec::new());
        }
        values.push(made);
    }

    fn seal(&self, context: &SecretContext, passcode: &Passcode) -> Result<Vec<u8>, EscrowError> {
        self.seal_value(context, passcode.expose_secret().as_bytes())
    }

    fn seal_bytes(&self, context: &SecretContext, secret: &SecretBytes) -> Result<Vec<u8>, EscrowError> {
        self.seal_value(context, secret.expose_secret())
    }

    fn recipients(&self, tenant: TenantId) -> Result<Vec<String>, EscrowError> {
        let recipients = self.recipients_of(tenant).map_err(no_key)?;
        Ok(recipients.list.iter().map(Recipient::line).collect())
    }

    fn prove(&self, tenant: TenantId, known: &EscrowKeys) -> Result<(), EscrowError> {
        let recipients = self.recipients_of(tenant).map_err(no_key)?;
        let private = self.private_of(tenant).map_err(no_key)?;
        let proof = (recipients.fingerprint, private.as_ref().map(|private| private.digest), *known);
        if lock(&self.proven).get(&tenant) == Some(&proof) {
            return Ok(());
        }
        self.probe(tenant, &recipients, private.as_deref(), known)?;
        lock(&self.proven).insert(tenant, proof);
        Ok(())
    }

    fn check(&self, tenant: TenantId, envelope: &[u8]) -> Result<(), EscrowError> {
        let recipients = self.recipients_of(tenant).map_err(no_key)?;
        let mut wanted: Vec<String> = recipients.list.iter().map(|recipient| recipient.id().to_string()).collect();
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
        let key = self.opener(context.tenant)?;
        envelope::unseal(envelope, context, key.id(), &key.private)
    }
}

impl Replayer for Keyring {
    fn replay(&self, context: &SecretContext, envelope: &[u8]) -> Result<SecretBytes, EscrowError> {
        let key = self.opener(context.tenant)?;
        envelope::unseal_bytes(envelope, context, key.id(), &key.private)
    }
}
