//! The only doors of the domain: the store, the escrow, the clock, randomness.
//!
//! # The store
//! A decision is a closure over a [`UnitOfWork`]: it reads, decides, writes, and returns. `Ok` keeps all its writes,
//! `Err` undoes them. [`Store::submit`] resolves only once kept writes are durable. Backends may commit many units of
//! work together, and run one again after they have undone it. A unit of work therefore asks the store for the time
//! ([`UnitOfWork::now`]), and comes with a [`Scope`], which tells the backend what it is about.
//!
//! The methods are the verbs of the domain, not tables. Absence is `Option`; an `Err` is a fault of
//! the store. Every method that takes a [`TenantId`] must not see rows of another tenant.

mod fault;
mod stored;
mod unit_of_work;
mod view;

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use crate::escrow::SecretContext;
use crate::id::{DeviceId, EnrollmentId, TenantId};
use crate::keys::EscrowKeys;
use crate::secret::{Passcode, SecretBytes};

pub use self::fault::{Decided, EscrowError, Fault, StoreError};
pub use self::stored::{
    ChainLink, ChainedEvent, DeviceScope, DeviceSet, EventLinks, NamedEvent, ResourceScope, RowLook, RowPlace, RowSet,
    Statistics, StoredCheckpoint, StoredEvent, StrayEvents, UnsoundRow,
};
pub use self::unit_of_work::UnitOfWork;
pub use self::view::View;

/// A boxed future, as the ports return them.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The verdict at the end of a unit of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Keep its writes.
    Keep,
    /// Undo its writes.
    Undo,
}

/// The rows that a unit of work is about. It is a hint, by which a backend may lock or fetch these
/// rows first. A unit of work that reads or writes others is as correct.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// Any rows.
    #[default]
    Whole,
    /// A device of a tenant, with its actions and results.
    Device(TenantId, DeviceId),
    /// An enrolment, with its session and its device.
    Enrollment(EnrollmentId),
    /// The same, of the enrolment whose certificate has that SHA-256.
    Certificate([u8; 32]),
    /// The sign-in whose handle has that SHA-256.
    SignIn([u8; 32]),
}

/// A unit of work as the backend sees it. It can be run again once its writes were undone.
pub type WriteJob = Box<dyn Fn(&mut dyn UnitOfWork) -> Verdict + Send>;

/// A consistent read as the backend sees it.
pub type ReadJob = Box<dyn FnOnce(&dyn View) + Send>;

/// A dry run of a unit of work as the backend sees it.
pub type DryRun = Box<dyn FnOnce(&mut dyn UnitOfWork) + Send>;

/// A store backend.
pub trait Store: Send + Sync + 'static {
    /// Runs a unit of work. Resolves to `Ok` only once its verdict is carried out and, for [`Verdict::Keep`], durable.
    /// A job that panics is undone and answered with [`StoreError::Inconsistent`].
    ///
    /// A backend whose transactions can fail to serialise undoes such a run and runs the job again: only the last run
    /// counts.
    fn submit(&self, scope: Scope, job: WriteJob) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Runs a read on one consistent snapshot, which includes every unit of work that was answered before.
    fn query(&self, job: ReadJob) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Runs a unit of work on a snapshot like that of [`Self::query`]. Nothing is written: the first write fails with
    /// [`StoreError::ReadOnly`]. A backend that has no such snapshot fails in that way at once.
    fn dry_run(&self, _job: DryRun) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async { Err(StoreError::ReadOnly("this backend has no dry run".to_owned())) })
    }
}

impl dyn Store {
    /// Runs `work` as one unit of work: `Ok` is durable when this returns, and `Err` leaves nothing behind. A refusal
    /// whose record must stay is therefore an `Ok`: [`Decided::RefusedAndRecorded`].
    ///
    /// A backend may run `work` again, for instance after a serialisation failure, once it has undone the earlier run.
    /// So the closure moves nothing out and touches nothing outside the unit of work. Wherever a later run must see a
    /// later time, it asks [`UnitOfWork::now`]. Fresh ids come from outside: only one run is kept, so all may use the
    /// same ids.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&mut dyn UnitOfWork) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        self.try_write_in(Scope::Whole, work).await
    }

    /// Runs `work` like [`Self::write`], and says what it is about.
    pub async fn write_in<T: Send + 'static>(
        &self,
        scope: Scope,
        work: impl Fn(&mut dyn UnitOfWork) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        self.try_write_in(scope, work).await
    }

    /// Runs `work` like [`Self::write`], with its own kind of refusals.
    pub async fn try_write<T: Send + 'static, R: Send + 'static>(
        &self,
        work: impl Fn(&mut dyn UnitOfWork) -> Result<T, Fault<R>> + Send + 'static,
    ) -> Result<T, Fault<R>> {
        self.try_write_in(Scope::Whole, work).await
    }

    /// Runs `work` like [`Self::write_in`], with its own kind of refusals.
    pub async fn try_write_in<T: Send + 'static, R: Send + 'static>(
        &self,
        scope: Scope,
        work: impl Fn(&mut dyn UnitOfWork) -> Result<T, Fault<R>> + Send + 'static,
    ) -> Result<T, Fault<R>> {
        let slot = Slot::new();
        let filled = slot.clone();
        let job = move |unit: &mut dyn UnitOfWork| {
            let result = work(unit);
            let verdict = if result.is_ok() { Verdict::Keep } else { Verdict::Undo };
            filled.fill(result);
            verdict
        };
        self.submit(scope, Box::new(job)).await?;
        slot.take()
    }

    /// Runs `work` as a unit of work that may not write. Where nothing changes, this costs no commit, and other units
    /// of work do not wait. `None`: it wants to write, and has written nothing. So it is to be run by [`Self::write`].
    pub async fn write_nothing<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn UnitOfWork) -> Result<T, Fault> + Send + 'static,
    ) -> Result<Option<T>, Fault> {
        let slot = Slot::new();
        let filled = slot.clone();
        let ran = self.dry_run(Box::new(move |unit| filled.fill(work(unit)))).await;
        match ran.map_err(Fault::from).and_then(|()| slot.take()) {
            Ok(result) => Ok(Some(result)),
            Err(Fault::Store(StoreError::ReadOnly(_))) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// Runs `work` on one consistent snapshot.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn View) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        self.try_read(work).await
    }

    /// Runs `work` like [`Self::read`], with its own kind of refusals.
    pub async fn try_read<T: Send + 'static, R: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn View) -> Result<T, Fault<R>> + Send + 'static,
    ) -> Result<T, Fault<R>> {
        let slot = Slot::new();
        let filled = slot.clone();
        self.query(Box::new(move |view| filled.fill(work(view)))).await?;
        slot.take()
    }
}

/// The result of a job; `None` until it has run.
type Ran<T, R> = Option<Result<T, Fault<R>>>;

/// Carries the typed result of a job past the untyped backend.
struct Slot<T, R>(Arc<Mutex<Ran<T, R>>>);

impl<T, R> Slot<T, R> {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(None)))
    }

    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }

    fn fill(&self, result: Result<T, Fault<R>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
    }

    fn take(&self) -> Result<T, Fault<R>> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
            .unwrap_or_else(|| Err(StoreError::Inconsistent("a unit of work gave no result".into()).into()))
    }
}

/// Seals passcodes to the recipients of a tenant.
pub trait Sealer: Send + Sync {
    /// Does ahead what sealing one value to the recipients of a tenant costs, so that the unit of work that seals it is
    /// short. It changes no result, and a failure shows when the value is sealed.
    fn prepare(&self, _tenant: TenantId) {}

    /// Returns the envelope that only a recipient of `context.tenant` opens, and only for `context`.
    fn seal(&self, context: &SecretContext, passcode: &Passcode) -> Result<Vec<u8>, EscrowError>;

    /// Seals a secret of any kind in the same way.
    fn seal_bytes(&self, context: &SecretContext, secret: &SecretBytes) -> Result<Vec<u8>, EscrowError>;

    /// Returns the recipients of a tenant, in the form in which a device needs them to seal by itself: `p256 BASE64
    /// name` each.
    fn recipients(&self, tenant: TenantId) -> Result<Vec<String>, EscrowError>;

    /// Proves that the escrow of a tenant is intact now. Its recipients are those that the database knows, and the
    /// private key opens a probe that is sealed to them. The key may be absent if it is kept elsewhere on purpose. It
    /// is called before a device is asked to change anything, so it must be cheap while the files do not change.
    fn prove(&self, tenant: TenantId, known: &EscrowKeys) -> Result<(), EscrowError>;

    /// Refuses an envelope from a device unless it is well-formed and sealed for exactly the recipients of the tenant.
    /// Only opening it would show that it holds a passcode.
    fn check(&self, tenant: TenantId, envelope: &[u8]) -> Result<(), EscrowError>;
}

/// Wakes devices for which a delivery is waiting. A missed wake-up does no harm: devices connect by themselves.
pub trait Waker: Send + Sync {
    /// Wakes the device of that enrolment.
    fn wake(&self, enrollment: EnrollmentId);

    /// Returns true if the device of that enrolment waits now, so that it comes at once when it is woken.
    fn waits(&self, enrollment: EnrollmentId) -> bool;
}

/// The idle sessions of devices that wait to be stored.
pub trait LastSeen: Send + Sync {
    /// Returns the time of the newest one of a device, if it is not stored yet.
    fn last_sync(&self, device: DeviceId) -> Option<Timestamp>;
}

/// The connection of a request. A listener puts it into the extensions of each request as `Arc<dyn Peer>`. When it has
/// no room, it first closes connections that have proven nothing.
pub trait Peer: Send + Sync {
    /// Notes that the client has shown a valid certificate, token or secret.
    fn has_proven_itself(&self);
}

/// The sender of a request, as far as the request proves it; an extension of responses. Requests of strangers are
/// counted and not logged one by one; a response without this extension was to a stranger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// A caller with a token, an application that was issued one, a device, or the holder of an enrolment token.
    Known,
    /// An unknown sender, with the kind of the request.
    Stranger(&'static str),
}

/// Wakes the sender of alerts, and returns at once. The alerts wait in the store ([`View::alerts`]).
pub trait Alarm: Send + Sync {
    /// Signals that alerts may be waiting. They are durable by now; a signal without one does no harm.
    fn ring(&self);
}

/// Verifies the record before it is served.
pub trait Witness: Send + Sync {
    /// Returns true if these events of one tenant are what was recorded: each matches its link, and each link matches
    /// the one before it. Events without a link yet pass. Damage is reported at once. One call costs one read of the
    /// store.
    fn vouches_for(&self, view: &dyn View, events: &[&StoredEvent]) -> Result<bool, StoreError>;
}

/// Opens envelopes. Only disclosure may hold one.
pub trait Unsealer: Send + Sync {
    /// Returns the passcode that was sealed for exactly that context.
    fn unseal(&self, context: &SecretContext, envelope: &[u8]) -> Result<Passcode, EscrowError>;
}

/// Opens the secrets that the server sends to devices by itself. Only a channel may hold one. Each use is recorded in
/// the unit of work that records the sending of the message ([`crate::engine::sent`]).
pub trait Replayer: Send + Sync {
    /// Returns the secret that was sealed for exactly that context.
    fn replay(&self, context: &SecretContext, envelope: &[u8]) -> Result<SecretBytes, EscrowError>;
}

/// The time.
pub trait Clock: Send + Sync {
    /// Returns the time of day. It follows the clock of the machine, which can jump, also backwards.
    fn now(&self) -> Timestamp;

    /// Returns the time since an arbitrary moment, which never jumps. Limits and pauses are measured by it. A clock
    /// that only tests move has no other than the time of day.
    fn uptime(&self) -> Duration {
        Duration::from_nanos(u64::try_from(self.now().as_nanosecond()).unwrap_or_default())
    }
}

/// Randomness fit for keys.
pub trait Entropy: Send + Sync {
    /// Fills the buffer.
    fn fill(&self, buffer: &mut [u8]);

    /// Returns a random (version 4) UUID.
    fn uuid(&self) -> Uuid {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }
}
