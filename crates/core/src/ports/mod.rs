//! The only doors of the domain: the store, the escrow, the clock, randomness.
//!
//! # The store
//! A decision is a closure over a [`UnitOfWork`]: it reads, decides, writes, and returns. `Ok` keeps
//! everything it wrote, `Err` undoes everything. [`Store::submit`] resolves only after what was kept
//! is durable; backends are free to commit many units of work together.
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
use crate::id::{EnrollmentId, TenantId};
use crate::keys::EscrowKeys;
use crate::secret::{Passcode, SecretBytes};

pub use self::fault::{Decided, EscrowError, Fault, StoreError};
pub use self::stored::{
    ChainLink, ChainedEvent, DeviceScope, EventLinks, NamedEvent, ResourceScope, RowLook, RowPlace, RowSet, Statistics,
    StoredCheckpoint, StoredEvent, UnsoundRow,
};
pub use self::unit_of_work::UnitOfWork;
pub use self::view::View;

/// A boxed future, as the ports return them.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a unit of work ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Keep what it wrote.
    Keep,
    /// Undo what it wrote.
    Undo,
}

/// A unit of work as the backend sees it. It can be run again after what it wrote was undone.
pub type WriteJob = Box<dyn Fn(&mut dyn UnitOfWork) -> Verdict + Send>;

/// A consistent reading as the backend sees it.
pub type ReadJob = Box<dyn FnOnce(&dyn View) + Send>;

/// A store backend.
pub trait Store: Send + Sync + 'static {
    /// Runs a unit of work. Resolves to `Ok` only when its verdict is carried out, and, if that is
    /// [`Verdict::Keep`], durable. A job that panics is undone and answered [`StoreError::Inconsistent`].
    ///
    /// A backend whose transactions can fail to serialise undoes such a run and runs the job again: only the last run counts.
    fn submit(&self, job: WriteJob) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Runs a reading on one consistent snapshot, which includes every unit of work that was answered before.
    fn query(&self, job: ReadJob) -> BoxFuture<'_, Result<(), StoreError>>;
}

impl dyn Store {
    /// Runs `work` as one unit of work: `Ok` is durable when this returns, `Err` left nothing behind. A refusal whose record
    /// must stay is therefore an `Ok`: [`Decided::RefusedAndRecorded`].
    ///
    /// A backend may run `work` again, after a serialisation failure for instance, once it has undone the run before. So the
    /// closure moves nothing out, reads the clock inside where a later run must see a later time, and touches nothing outside
    /// the unit of work. Fresh ids come from outside: no run before is kept, so all runs may use the same.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&mut dyn UnitOfWork) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        self.try_write(work).await
    }

    /// Runs `work` as [`Self::write`] does, with refusals of its own kind.
    pub async fn try_write<T: Send + 'static, R: Send + 'static>(
        &self,
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
        self.submit(Box::new(job)).await?;
        slot.take()
    }

    /// Runs `work` on one consistent snapshot.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn View) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        self.try_read(work).await
    }

    /// Runs `work` as [`Self::read`] does, with refusals of its own kind.
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
    /// The envelope that only a recipient of `context.tenant` opens, and only for `context`.
    fn seal(&self, context: &SecretContext, passcode: &Passcode) -> Result<Vec<u8>, EscrowError>;

    /// The same for a secret of any kind.
    fn seal_bytes(&self, context: &SecretContext, secret: &SecretBytes) -> Result<Vec<u8>, EscrowError>;

    /// The recipients of a tenant, as a device needs them to seal by itself: `p256 BASE64 name` each.
    fn recipients(&self, tenant: TenantId) -> Result<Vec<String>, EscrowError>;

    /// Proves that the escrow of a tenant is whole now: its recipients are those that the database knows, a probe is sealed
    /// to them, and opens with the private key unless that is kept elsewhere on purpose. Called before a device is told to
    /// change anything, so a proof of files that did not change is cheap.
    fn prove(&self, tenant: TenantId, known: &EscrowKeys) -> Result<(), EscrowError>;

    /// Whether an envelope that a device sealed can be kept: well-formed, and for every recipient of the tenant and
    /// nobody else. That it holds a passcode cannot be told without opening it.
    fn check(&self, tenant: TenantId, envelope: &[u8]) -> Result<(), EscrowError>;
}

/// Tells devices that wait for it that something waits for them. Missing one is no harm: they come by themselves.
pub trait Waker: Send + Sync {
    /// Wakes the device of that enrolment.
    fn wake(&self, enrollment: EnrollmentId);
}

/// The connection of a request. A listener puts it into the extensions of each request as `Arc<dyn Peer>`; it closes
/// connections that have proven nothing before others when it has no room.
pub trait Peer: Send + Sync {
    /// Notes that the client has shown a valid certificate, token or secret.
    fn has_proven_itself(&self);
}

/// The sender of a request, as far as the request proves it; an extension of responses. What strangers send is counted and
/// not logged one by one; a response without it was to a stranger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// A caller with a token, an application that was given one, a device, or the holder of an enrolment token.
    Known,
    /// Anybody; what the request was.
    Stranger(&'static str),
}

/// Wakes whoever tells people of alerts, and returns at once. What they are told waits in the store ([`View::alerts`]).
pub trait Alarm: Send + Sync {
    /// Says that something may wait. What does is durable by now; to ring for nothing is no harm.
    fn ring(&self);
}

/// Verifies the record before it is served.
pub trait Witness: Send + Sync {
    /// Returns whether these events of one tenant are what was recorded: each with its link, and each link with the one
    /// before it. Events without a link yet pass. Damage is told at once. One call costs one reading of the store.
    fn vouches_for(&self, view: &dyn View, events: &[&StoredEvent]) -> Result<bool, StoreError>;
}

/// Opens envelopes. Only disclosure may hold one.
pub trait Unsealer: Send + Sync {
    /// The passcode that was sealed for exactly that context.
    fn unseal(&self, context: &SecretContext, envelope: &[u8]) -> Result<Passcode, EscrowError>;
}

/// Opens the secrets that the server sends to devices by itself. Only a channel may hold one; each use is recorded in the unit
/// of work that says that the message went out ([`crate::engine::sent`]).
pub trait Replayer: Send + Sync {
    /// The secret that was sealed for exactly that context.
    fn replay(&self, context: &SecretContext, envelope: &[u8]) -> Result<SecretBytes, EscrowError>;
}

/// The time.
pub trait Clock: Send + Sync {
    /// The time of day. It follows the clock of the machine, which can jump, also back.
    fn now(&self) -> Timestamp;

    /// The time since an arbitrary moment, which never jumps. Limits and pauses are measured by it. A clock that only tests
    /// move has no other than the time of day.
    fn uptime(&self) -> Duration {
        Duration::from_nanos(u64::try_from(self.now().as_nanosecond()).unwrap_or_default())
    }
}

/// Randomness fit for keys.
pub trait Entropy: Send + Sync {
    /// Fills the buffer.
    fn fill(&self, buffer: &mut [u8]);

    /// A random (version 4) UUID.
    fn uuid(&self) -> Uuid {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }
}
