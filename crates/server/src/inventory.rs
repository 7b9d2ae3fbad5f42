//! The keys of a data directory: where each one is, how it is made, and whether it is the key that the database knows.
//!
//! A new key is written to its place, then recorded. The successor of a key is staged beside it, recorded, then settled
//! ([`Inventory::finish`] repeats this after a crash). So the database always knows a fingerprint whose key exists.

mod problem;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chaveiro_audit::{PublicKey, Signer};
use chaveiro_auth::IssuerKeys;
use chaveiro_core::Timestamp;
use chaveiro_core::caller::Actor;
use chaveiro_core::decisions::keys::{self, Change, Hand};
use chaveiro_core::id::TenantId;
use chaveiro_core::keys::{EscrowKeys, Fingerprint, KeyName, KnownKey};
use chaveiro_core::ports::{Entropy, Sealer, Store};
use chaveiro_escrow::{Keyring, KeyringError};
use chaveiro_keyfile::{self as keyfile, DirectoryLock, KeyFileError, directory_of};
use chaveiro_mdm::{CertificateAuthority, DeviceCredentials};

pub use self::problem::{InventoryError, KeyProblem, KeyProblems, Unusable};

/// A key that every data directory has.
struct Standing {
    name: KeyName,
    /// The file, below `keys/`.
    file: &'static str,
    fingerprint: fn(&Path) -> Result<Fingerprint, Unusable>,
    /// Makes the key at its place, which must be free.
    make: fn(&Path, Timestamp, &dyn Entropy) -> Result<(), Unusable>,
}

/// The keys that `init` makes in addition to those of tenants and of the issuer. One more key is one more row.
const STANDING: [Standing; 3] = [
    Standing {
        name: KeyName::Authority,
        file: "ca/root.key",
        fingerprint: |file| {
            Ok(CertificateAuthority::open(directory_of(file), Timestamp::UNIX_EPOCH + BEYOND, &Zeros)?.fingerprint())
        },
        make: |file, now, entropy| Ok(CertificateAuthority::create(directory_of(file), now, entropy).map(drop)?),
    },
    Standing {
        name: KeyName::DeviceCredentials,
        file: "device-credentials.key",
        fingerprint: |file| Ok(DeviceCredentials::fingerprint_of(file)?),
        make: |file, _, entropy| Ok(DeviceCredentials::create(file, entropy).map(drop)?),
    },
    Standing {
        name: KeyName::Audit,
        file: "audit.key",
        fingerprint: |file| Ok(Signer::open(file)?.fingerprint()),
        make: |file, _, _| Ok(Signer::create(file).map(drop)?),
    },
];

/// Any start for certificates: the authority is opened only to read its certificate.
const BEYOND: Duration = Duration::from_secs(86_400);

/// An entropy source that gives zeros; nothing is made with it.
struct Zeros;

impl Entropy for Zeros {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(0);
    }
}

/// The keys of a data directory, and the fingerprints by which its database knows them.
pub struct Inventory {
    directory: PathBuf,
    store: Arc<dyn Store>,
    keyring: Keyring,
}

/// The keys and the tenants of a database.
struct Known {
    keys: Vec<KnownKey>,
    tenants: Vec<TenantId>,
}

impl Known {
    fn now(&self, name: &KeyName) -> Option<&KnownKey> {
        self.keys.iter().find(|key| key.name == *name && key.until.is_none())
    }

    fn is_new(&self) -> bool {
        self.keys.iter().all(|key| key.name != KeyName::Authority)
    }
}

/// A key and its place, as shown to people.
pub struct Listed {
    /// The record of the database.
    pub known: KnownKey,
    /// The path of its file.
    pub file: PathBuf,
    /// The fault of its file, if it has one.
    pub problem: Option<KeyProblem>,
}

impl Inventory {
    /// Returns the inventory of the keys in that directory.
    pub fn new(directory: PathBuf, store: Arc<dyn Store>) -> Self {
        let keyring = Keyring::unchecked(&directory.join("escrow"));
        Self { directory, store, keyring }
    }

    /// Makes the keys that a new directory lacks, and records them. Never makes a key that the database knows, nor one
    /// for a database that has a tenant.
    pub async fn make(&self, hand: &Hand, entropy: &dyn Entropy) -> Result<(), InventoryError> {
        let known = self.known().await?;
        if !known.tenants.is_empty() {
            return self.check(hand).await;
        }
        let mut found = Vec::new();
        for standing in &STANDING {
            let file = self.directory.join(standing.file);
            if known.now(&standing.name).is_some() {
                continue;
            }
            let print = match (standing.fingerprint)(&file) {
                Err(error) if error.missing().is_some() => {
                    (standing.make)(&file, hand.now, entropy)?;
                    (standing.fingerprint)(&file)?
                }
                print => print?,
            };
            found.push((standing.name.clone(), print));
        }
        if !known.keys.iter().any(|key| matches!(key.name, KeyName::Issuer(_))) {
            IssuerKeys::create(&self.issuer(), hand.now, entropy)?;
            let files = IssuerKeys::files(&self.issuer())?.into_iter().filter(|file| !file.staged);
            found.extend(files.map(|file| (KeyName::Issuer(file.id), file.fingerprint)));
        }
        self.record(hand, found, Change::Made).await?;
        self.check_known(hand).await
    }

    /// Compares the keys with those that the database knows, after completing what a crash left unfinished. The first
    /// time after an upgrade, the database learns the existing keys, if they are complete.
    pub async fn check(&self, hand: &Hand) -> Result<(), InventoryError> {
        let known = self.known().await?;
        if known.tenants.is_empty() {
            return Err(InventoryError::Unfinished);
        }
        if known.is_new() {
            self.adopt(hand, &known).await?;
        }
        self.check_known(hand).await
    }

    async fn check_known(&self, hand: &Hand) -> Result<(), InventoryError> {
        let _lock = self.finish().await?;
        let known = self.known().await?;
        let mut problems: Vec<_> =
            known.keys.iter().filter(|key| key.until.is_none()).filter_map(|key| self.problem(key)).collect();
        problems.extend(self.unknown_issuers(&known)?);
        let unknown = known.tenants.iter().filter(|tenant| known.now(&KeyName::EscrowRecipients(**tenant)).is_none());
        let unknown: Vec<_> = unknown.copied().collect();
        if !unknown.is_empty() {
            // A tenant without known keys, as after an upgrade.
            let found = self.escrow_keys(&known, &unknown, &mut problems);
            if problems.is_empty() {
                self.record(hand, found, Change::Adopted).await?;
            }
        }
        self.verdict(problems)
    }

    /// The keys that the database knows, each with its problem, if any, after completing what a crash left unfinished.
    pub async fn list(&self) -> Result<Vec<Listed>, InventoryError> {
        // A key that cannot be settled is in the list with its problem.
        let _lock = self.finish().await;
        let known = self.known().await?;
        let now = known.keys.into_iter().filter(|key| key.until.is_none());
        Ok(now.map(|known| Listed { file: self.place(&known.name), problem: self.problem(&known), known }).collect())
    }

    /// Returns the lock that a change of recipients holds; `None` if there is no directory yet. Waits while others change them,
    /// and fails if one keeps the lock for long.
    async fn lock_recipients(&self) -> Result<Option<DirectoryLock>, InventoryError> {
        const PAUSE: Duration = Duration::from_millis(20);
        const TRIES: usize = 1500;
        for _ in 0..TRIES {
            match self.keyring.try_lock() {
                Ok(None) => {}
                Err(KeyringError::File(KeyFileError::Missing(_))) => return Ok(None),
                found => return Ok(found?),
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(InventoryError::Changing(self.directory.join("escrow")))
    }

    /// Settles every staged key that the database knows, and removes issuer keys that were retired. Until the returned lock is
    /// dropped, no change of recipients is under way: files and records can be compared.
    pub async fn finish(&self) -> Result<Option<DirectoryLock>, InventoryError> {
        let lock = self.lock_recipients().await?;
        let known = self.known().await?;
        for tenant in &known.tenants {
            let name = KeyName::EscrowRecipients(*tenant);
            let (place, Some(current)) = (self.place(&name), known.now(&name)) else { continue };
            let is_known =
                |file: &Path| self.keyring.recipients_fingerprint(file).is_ok_and(|print| print == current.fingerprint);
            if !is_known(&place) && is_known(&keyfile::staged_name(&place)) {
                keyfile::settle(&place).map_err(Unusable::from)?;
            }
        }
        if let Some(current) = known.now(&KeyName::Audit) {
            let place = self.place(&KeyName::Audit);
            let is_known = |file: &Path| Signer::open(file).is_ok_and(|key| key.fingerprint() == current.fingerprint);
            if !is_known(&place) && is_known(&keyfile::staged_name(&place)) {
                keyfile::settle(&place).map_err(Unusable::from)?;
            }
        }
        let files = match IssuerKeys::files(&self.issuer()) {
            Ok(files) => files,
            // The check reports damaged keys.
            Err(_) => return Ok(lock),
        };
        for file in files {
            let name = KeyName::Issuer(file.id.clone());
            let recorded = known.keys.iter().filter(|key| key.name == name && key.fingerprint == file.fingerprint);
            let is_current = recorded.clone().any(|key| key.until.is_none());
            if file.staged && is_current {
                keyfile::settle(&file.place).map_err(Unusable::from)?;
            } else if !file.staged && !is_current && recorded.count() > 0 {
                // The key was retired, and only its file is left.
                let _ = std::fs::remove_file(&file.place);
            }
        }
        Ok(lock)
    }

    /// Accepts the key that is in place under that name from now on. For a missing signing key of the issuer, accepts
    /// that it is gone.
    pub async fn accept(&self, hand: &Hand, name: &KeyName, reason: &str) -> Result<(), InventoryError> {
        // What is accepted is in place until it is recorded.
        let _lock = match name {
            KeyName::EscrowRecipients(_) => self.lock_recipients().await?,
            _ => None,
        };
        let file = self.place(name);
        let print = match self.fingerprint(name) {
            Ok(print) => print,
            Err(error) if error.missing().is_some() => {
                let KeyName::Issuer(id) = name else { return Err(InventoryError::NothingToAccept(file)) };
                let others = IssuerKeys::files(&self.issuer())?;
                if !others.iter().any(|other| other.id != *id && !other.staged) {
                    return Err(InventoryError::NothingToAccept(file));
                }
                let (hand, name, reason) = (hand.clone(), name.clone(), reason.to_owned());
                let end =
                    self.store.write(move |unit| Ok(keys::retire(unit, &hand, &name, Change::Accepted(&reason))?));
                return Ok(end.await?);
            }
            Err(error) => return Err(error.into()),
        };
        let (hand, name, reason) = (hand.clone(), name.clone(), reason.to_owned());
        let accept =
            self.store.write(move |unit| Ok(keys::record(unit, &hand, &name, print, Change::Accepted(&reason))?));
        Ok(accept.await?)
    }

    /// Replaces the audit key with a successor that the older key signs. The server must be stopped, because it would
    /// go on with the older key.
    pub async fn rotate_audit(&self, hand: &Hand) -> Result<PublicKey, InventoryError> {
        let file = self.place(&KeyName::Audit);
        let signer = Signer::open(&file).map_err(Unusable::from)?;
        let known = self.known().await?;
        let problem = known.now(&KeyName::Audit).and_then(|known| self.problem(known));
        self.verdict(problem.into_iter().collect())?;
        let successor = signer.stage_successor(&file, hand.now).map_err(Unusable::from)?;
        self.record(hand, vec![(KeyName::Audit, successor.fingerprint())], Change::Rotated).await?;
        keyfile::settle(&file).map_err(Unusable::from)?;
        Ok(successor)
    }

    /// Makes the missing key of that name, and accepts it. Only keys that every directory has can be made.
    pub async fn renew(
        &self,
        hand: &Hand,
        name: &KeyName,
        reason: &str,
        entropy: &dyn Entropy,
    ) -> Result<(), InventoryError> {
        if let Some(standing) = STANDING.iter().find(|standing| standing.name == *name) {
            (standing.make)(&self.directory.join(standing.file), hand.now, entropy)?;
        }
        self.accept(hand, name, reason).await
    }

    /// Declares that the private key of a tenant is kept elsewhere, or is here again.
    pub async fn set_away(&self, hand: &Hand, tenant: TenantId, away: bool) -> Result<(), InventoryError> {
        let name = KeyName::EscrowPrivate(tenant);
        let fingerprint = self.keyring.own_fingerprint(tenant)?;
        let unknown = KnownKey { name, fingerprint, since: hand.now, until: None, away: false, running_s: 0 };
        if !away {
            let known = self.known().await?;
            let here = KnownKey { away: false, ..known.now(&unknown.name).unwrap_or(&unknown).clone() };
            self.verdict(self.problem(&here).into_iter().collect())?;
        }
        let hand = hand.clone();
        Ok(self.store.write(move |unit| Ok(keys::set_away(unit, &hand, &unknown, away)?)).await?)
    }

    /// The directory of the issuer's keys.
    pub fn issuer(&self) -> PathBuf {
        self.directory.join("issuer")
    }

    /// The path of the key of that name.
    fn place(&self, name: &KeyName) -> PathBuf {
        match name {
            KeyName::Issuer(id) => {
                let files = IssuerKeys::files(&self.issuer()).unwrap_or_default();
                let file = files.into_iter().find(|file| file.id == *id && !file.staged);
                file.map_or_else(|| self.issuer().join(format!("…-{id}.pem")), |file| file.place)
            }
            KeyName::EscrowPrivate(tenant) => self.keyring.private_file(*tenant),
            KeyName::EscrowRecipients(tenant) => self.keyring.public_file(*tenant),
            KeyName::Authority | KeyName::DeviceCredentials | KeyName::Audit => {
                let standing = STANDING.iter().find(|standing| standing.name == *name);
                self.directory.join(standing.map_or("", |standing| standing.file))
            }
        }
    }

    fn fingerprint(&self, name: &KeyName) -> Result<Fingerprint, Unusable> {
        let file = self.place(name);
        match name {
            KeyName::Issuer(id) => {
                let files = IssuerKeys::files(&self.issuer())?;
                let found = files.into_iter().find(|file| file.id == *id && !file.staged);
                found.map(|found| found.fingerprint).ok_or_else(|| KeyFileError::Missing(file).into())
            }
            KeyName::EscrowPrivate(_) => Ok(self.keyring.private_fingerprint(&file)?),
            KeyName::EscrowRecipients(_) => Ok(self.keyring.recipients_fingerprint(&file)?),
            KeyName::Authority | KeyName::DeviceCredentials | KeyName::Audit => {
                match STANDING.iter().find(|standing| standing.name == *name) {
                    Some(standing) => (standing.fingerprint)(&file),
                    None => Err(KeyFileError::Missing(file).into()),
                }
            }
        }
    }

    /// The problem of a key that the database knows, if it has one.
    fn problem(&self, key: &KnownKey) -> Option<KeyProblem> {
        match self.fingerprint(&key.name) {
            Ok(found) if found == key.fingerprint => None,
            Ok(found) => Some(KeyProblem::Other {
                name: key.name.clone(),
                file: self.place(&key.name),
                known: key.fingerprint,
                found,
            }),
            Err(error) => match error.missing() {
                Some(_) if key.away => None,
                Some(file) => Some(KeyProblem::Missing(key.name.clone(), file.to_owned())),
                None => Some(KeyProblem::Unusable(key.name.clone(), error)),
            },
        }
    }

    fn unknown_issuers(&self, known: &Known) -> Result<Vec<KeyProblem>, InventoryError> {
        let files = match IssuerKeys::files(&self.issuer()) {
            Ok(files) => files,
            Err(error) => return Ok(vec![KeyProblem::Unusable(KeyName::Issuer("…".to_owned()), error.into())]),
        };
        let unknown = files.into_iter().filter(|file| !file.staged).filter_map(|file| {
            let name = KeyName::Issuer(file.id);
            known.now(&name).is_none().then_some(KeyProblem::Unknown(name, file.place))
        });
        Ok(unknown.collect())
    }

    /// Records the existing keys in the database, if they are complete and belong together.
    async fn adopt(&self, hand: &Hand, known: &Known) -> Result<(), InventoryError> {
        let (mut found, mut problems) = (Vec::new(), Vec::new());
        for standing in &STANDING {
            match (standing.fingerprint)(&self.directory.join(standing.file)) {
                Ok(print) => found.push((standing.name.clone(), print)),
                Err(error) => problems.push(match error.missing() {
                    Some(file) => KeyProblem::Missing(standing.name.clone(), file.to_owned()),
                    None => KeyProblem::Unusable(standing.name.clone(), error),
                }),
            }
        }
        match IssuerKeys::files(&self.issuer()) {
            Ok(files) if files.iter().all(|file| file.staged) => {
                problems.push(KeyProblem::Missing(KeyName::Issuer("…".to_owned()), self.issuer().join("….pem")));
            }
            Ok(files) => {
                let placed = files.into_iter().filter(|file| !file.staged);
                found.extend(placed.map(|file| (KeyName::Issuer(file.id), file.fingerprint)));
            }
            Err(error) => problems.push(KeyProblem::Unusable(KeyName::Issuer("…".to_owned()), error.into())),
        }
        found.extend(self.escrow_keys(known, &known.tenants, &mut problems));
        self.verdict(problems)?;
        self.record(hand, found, Change::Adopted).await
    }

    /// The escrow keys of these tenants that the database does not know yet.
    fn escrow_keys(
        &self,
        known: &Known,
        tenants: &[TenantId],
        problems: &mut Vec<KeyProblem>,
    ) -> Vec<(KeyName, Fingerprint)> {
        let mut found = Vec::new();
        for tenant in tenants {
            let (public, private) = (KeyName::EscrowRecipients(*tenant), KeyName::EscrowPrivate(*tenant));
            let current = known.now(&private);
            let away = current.is_some_and(|private| private.away);
            let before = problems.len();
            for name in [public, private] {
                match self.fingerprint(&name) {
                    Ok(print) => found.push((name, print)),
                    Err(error) => match error.missing() {
                        Some(_) if away && name == KeyName::EscrowPrivate(*tenant) => {}
                        Some(file) => problems.push(KeyProblem::Missing(name, file.to_owned())),
                        None => problems.push(KeyProblem::Unusable(name, error)),
                    },
                }
            }
            let keys = EscrowKeys { recipients: None, private: current.map(|key| key.fingerprint), away };
            if problems.len() == before
                && let Err(error) = self.keyring.prove(*tenant, &keys)
            {
                problems.push(KeyProblem::Escrow(*tenant, error.to_string()));
            }
        }
        found
    }

    async fn record(
        &self,
        hand: &Hand,
        found: Vec<(KeyName, Fingerprint)>,
        change: Change<'static>,
    ) -> Result<(), InventoryError> {
        let hand = hand.clone();
        let write = self.store.write(move |unit| {
            for (name, print) in &found {
                keys::record(unit, &hand, name, *print, change)?;
            }
            Ok(())
        });
        Ok(write.await?)
    }

    async fn known(&self) -> Result<Known, InventoryError> {
        let read = self.store.read(|view| {
            let tenants = view.tenants()?.into_iter().map(|tenant| tenant.id).collect();
            Ok(Known { keys: view.known_keys()?, tenants })
        });
        Ok(read.await?)
    }

    fn verdict(&self, mut problems: Vec<KeyProblem>) -> Result<(), InventoryError> {
        match problems.pop() {
            None => Ok(()),
            // The error itself says what to do.
            Some(KeyProblem::Unusable(_, error)) if problems.is_empty() => Err(error.into()),
            Some(last) => {
                problems.push(last);
                Err(KeyProblems { directory: self.directory.clone(), problems }.into())
            }
        }
    }
}

/// The hand of the server itself.
pub(crate) fn hand_of_system(now: Timestamp) -> Hand {
    Hand { actor: Actor::system(), now }
}
