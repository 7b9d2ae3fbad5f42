//! Sample rows. Times are whole microseconds, which every backend keeps.

use std::fmt::Display;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use chaveiro_core::actions::recover_passcode::RECOVER_PASSCODE;
use chaveiro_core::audit::{Activity, AuditEvent, Origin};
use chaveiro_core::caller::{Actor, Caller, HostUser};
use chaveiro_core::decisions::ask::{Ask, Begun, begin};
use chaveiro_core::device::{Inventory, InventoryField, ManagedDevice, OwnerType, Platform};
use chaveiro_core::enrollment::Enrollment;
use chaveiro_core::escrow::SecretContext;
use chaveiro_core::hold::HoldRule;
use chaveiro_core::id::{ActionId, DeviceId, EnrollmentId, RequestId, ResourceId, TenantId};
use chaveiro_core::keys::EscrowKeys;
use chaveiro_core::lock::{DeviceLock, EscrowTest, Lock, Recoverability};
use chaveiro_core::ports::{EscrowError, Sealer, Store, StoredEvent, UnitOfWork, View};
use chaveiro_core::resource::{Resource, ResourceKind};
use chaveiro_core::secret::{Passcode, SecretBytes};
use chaveiro_core::tenant::{Licence, Tenant, TenantSettings};
use chaveiro_core::{Decided, Fault, Timestamp};
use uuid::Uuid;

pub(crate) fn uuid(kind: u64, number: u64) -> Uuid {
    Uuid::from_u64_pair(kind, number)
}

pub(crate) fn tenant_id(number: u64) -> TenantId {
    TenantId(uuid(1, number))
}

pub(crate) fn device_id(number: u64) -> DeviceId {
    DeviceId(uuid(2, number))
}

pub(crate) fn enrollment_id(number: u64) -> EnrollmentId {
    EnrollmentId(uuid(3, number))
}

pub(crate) fn at(second: u64) -> Timestamp {
    Timestamp::UNIX_EPOCH + Duration::from_secs(1_800_000_000 + second)
}

/// A rule without limits on recoveries.
pub(crate) const NO_HOLD: HoldRule = HoldRule { recoveries: 0, percent: 0, window_s: 3600 };

pub(crate) fn tenant(number: u64) -> Tenant {
    Tenant {
        id: tenant_id(number),
        display_name: format!("tenant {number}"),
        licence: Licence::ActiveUntil(at(1_000_000)),
        entra_tenant: Some(uuid(9, number)),
        // Holds have cases of their own.
        settings: TenantSettings {
            disclosure_window_s: 60,
            must_change: false,
            hold: NO_HOLD,
            ..TenantSettings::default()
        },
        created: at(0),
    }
}

pub(crate) fn device(of: u64, number: u64) -> ManagedDevice {
    ManagedDevice {
        comanaged: number.is_multiple_of(2),
        last_sync: at(2),
        certificate_expires: Some(at(3)),
        inventory: Inventory::default()
            .with(InventoryField::DEVICE_NAME, format!("D\u{e9}{number}"))
            .with(InventoryField::TOTAL_STORAGE, 1 << 40),
        notes: Some("quote \" and \u{1f511}".to_owned()),
        owner_type: OwnerType::Personal,
        recoverability: vec![Recoverability {
            of: DeviceLock { lock: Lock::Luks2, subject: "/dev/sda3".to_owned() },
            obstacle: Some("noFreeSlot".to_owned()),
            escrow: EscrowTest::Never,
            action: None,
        }],
        scope_tags: [number % 3, 7].iter().map(u64::to_string).collect(),
        ..ManagedDevice::new(tenant_id(of), device_id(number), Platform::Windows, at(1))
    }
}

/// Returns a disk that could be recovered, or was.
pub(crate) fn disk(subject: &str, escrow: EscrowTest, action: Option<u64>) -> Recoverability {
    Recoverability {
        of: DeviceLock { lock: Lock::Luks2, subject: subject.to_owned() },
        obstacle: None,
        escrow,
        action: action.map(|number| ActionId(uuid(5, number))),
    }
}

pub(crate) fn linux_device(of: u64, number: u64) -> ManagedDevice {
    ManagedDevice {
        platform: Platform::Linux,
        recoverability: vec![disk("/dev/sda3", EscrowTest::Never, None)],
        ..device(of, number)
    }
}

pub(crate) fn enrollment(of: u64, number: u64) -> Enrollment {
    let mut certificate_sha256 = [0; 32];
    certificate_sha256[..8].copy_from_slice(&number.to_be_bytes());
    Enrollment {
        id: enrollment_id(number),
        tenant: tenant_id(of),
        device: device_id(number),
        certificate_sha256,
        reported_id: format!("oma{number}"),
        needs_certificate: false,
        created: at(1),
        closed: None,
    }
}

pub(crate) fn resource(of: u64, kind: ResourceKind, number: u64) -> Resource {
    Resource {
        tenant: tenant_id(of),
        kind,
        id: ResourceId(uuid(4, number)),
        owner: None,
        device: None,
        alternate_key: None,
        properties: "{\"displayName\":\"x\"}".to_owned(),
        created: at(1),
        modified: at(2),
    }
}

pub(crate) fn caller(of: u64, name: &str) -> Caller {
    let actor = Actor { application_id: name.to_owned(), ..Actor::system() };
    Caller::recovering(tenant_id(of), actor)
}

/// Returns a request for a recovery of that device; the number makes the ids.
pub(crate) fn asked(of: u64, device: u64, number: u64, request: Option<&str>) -> Ask {
    Ask {
        what: &RECOVER_PASSCODE,
        caller: caller(of, "app"),
        device: device_id(device),
        path: "/x".to_owned(),
        request: RequestId(uuid(6, number)),
        client_request_id: request.map(str::to_owned),
        retry: false,
        reason: None,
        break_glass: None,
        action: ActionId(uuid(5, number)),
    }
}

/// Requests it, at the second of that number.
pub(crate) fn ask(
    unit: &mut dyn UnitOfWork,
    of: u64,
    device: u64,
    number: u64,
    request: Option<&str>,
) -> Result<Decided<Begun>, Fault> {
    begin(unit, &asked(of, device, number, request), at(number))
}

/// A sealer that puts the passcode behind a mark: the cases do not test sealing itself.
pub(crate) struct Marked;

impl Sealer for Marked {
    fn seal(&self, _: &SecretContext, passcode: &Passcode) -> Result<Vec<u8>, EscrowError> {
        Ok([b"sealed:", passcode.expose_secret().as_bytes()].concat())
    }

    fn seal_bytes(&self, _: &SecretContext, secret: &SecretBytes) -> Result<Vec<u8>, EscrowError> {
        Ok([b"sealed:", secret.expose_secret()].concat())
    }

    fn recipients(&self, _: TenantId) -> Result<Vec<String>, EscrowError> {
        Ok(vec!["mark".to_owned()])
    }

    fn prove(&self, _: TenantId, _: &EscrowKeys) -> Result<(), EscrowError> {
        Ok(())
    }

    fn check(&self, _: TenantId, envelope: &[u8]) -> Result<(), EscrowError> {
        match envelope.starts_with(b"sealed:") {
            true => Ok(()),
            false => Err(EscrowError::Unopenable("no mark".to_owned())),
        }
    }
}

/// Returns the origin of an operator's act on the host, at the second of that number.
pub(crate) fn origin(number: u64) -> Origin {
    Origin { actor: Actor::operator(&HostUser::new("ana", 1000)), at: at(number), request: None }
}

/// Returns the activity of each event that has no link yet, with its facts as `name=value`.
pub(crate) async fn recorded(store: &Arc<dyn Store>) -> Vec<(Activity, Vec<String>)> {
    let events = read(store, |view| Ok(view.unchained_events(1000)?)).await;
    let event = |stored: &StoredEvent| {
        let event: AuditEvent = serde_json::from_str(&stored.body).expect("an event");
        let facts = event.details.iter().map(|(name, value)| format!("{name}={value}")).collect();
        (event.activity, facts)
    };
    events.iter().map(event).collect()
}

pub(crate) async fn write<T: Send + 'static>(
    store: &Arc<dyn Store>,
    work: impl Fn(&mut dyn UnitOfWork) -> Result<T, Fault> + Send + 'static,
) -> T {
    match store.write(work).await {
        Ok(value) => value,
        Err(fault) => panic!("a unit of work failed: {fault}"),
    }
}

pub(crate) async fn write_as<T: Send + 'static, R: Display + Send + 'static>(
    store: &Arc<dyn Store>,
    work: impl Fn(&mut dyn UnitOfWork) -> Result<T, Fault<R>> + Send + 'static,
) -> T {
    match store.try_write(work).await {
        Ok(value) => value,
        Err(Fault::Refused(refusal)) => panic!("a unit of work was refused: {refusal}"),
        Err(Fault::Store(error)) => panic!("a unit of work failed: {error}"),
        Err(Fault::Escrow(error)) => panic!("the escrow failed: {error}"),
    }
}

pub(crate) async fn read<T: Send + 'static>(
    store: &Arc<dyn Store>,
    work: impl FnOnce(&dyn View) -> Result<T, Fault> + Send + 'static,
) -> T {
    match store.read(work).await {
        Ok(value) => value,
        Err(fault) => panic!("a reading failed: {fault}"),
    }
}

/// Converts a decision into its result, or the refusal that was recorded.
pub(crate) fn outcome<T, R>(decided: Decided<T, R>) -> Result<T, R> {
    match decided {
        Decided::Done(done) => Ok(done),
        Decided::RefusedAndRecorded(refusal) => Err(refusal),
    }
}

/// Fills a store with two tenants and, in each, the devices `10 * tenant + 1` to `+ 3`, all enrolled.
pub(crate) async fn filled(store: Arc<dyn Store>) -> Arc<dyn Store> {
    write(&store, |unit| {
        for of in [1, 2] {
            unit.insert_tenant(&tenant(of))?;
            for number in of * 10 + 1..of * 10 + 4 {
                unit.insert_device(&device(of, number))?;
                unit.insert_enrollment(&enrollment(of, number))?;
            }
        }
        Ok(())
    })
    .await;
    store
}

/// Fills a store in the same way, and adds the Linux devices `10 * tenant + 4` and `+ 5` to each tenant.
pub(crate) async fn with_linux(store: Arc<dyn Store>) -> Arc<dyn Store> {
    let store = filled(store).await;
    write(&store, |unit| {
        for number in [14, 15, 24, 25] {
            unit.insert_device(&linux_device(number / 10, number))?;
            unit.insert_enrollment(&enrollment(number / 10, number))?;
        }
        Ok(())
    })
    .await;
    store
}

/// Runs futures together, without a runtime of their own.
pub(crate) async fn joined<T>(futures: Vec<impl Future<Output = T>>) -> Vec<T> {
    futures_util::future::join_all(futures).await
}
