//! Many enrolled devices at once, written into the store of a data directory that no server runs on.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chaveiro_core::Timestamp;
use chaveiro_core::device::{Inventory, InventoryField, ManagedDevice, Platform};
use chaveiro_core::enrollment::Enrollment;
use chaveiro_core::id::{DeviceId, EnrollmentId, TenantId};
use chaveiro_core::ports::Store;
use chaveiro_store_sqlite::SqliteStore;
use tokio::task::JoinSet;
use uuid::Uuid;

/// Units of work that wait together, for commits of full groups. A device each: SQLite remembers what a unit may have to
/// undo in a list that every statement walks.
const AT_ONCE: usize = 1_024;

/// Returns an id that is the same in every run, and spread like random ids.
pub fn id(kind: u64, number: usize) -> Uuid {
    Uuid::from_u64_pair(kind ^ (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15), number as u64)
}

/// The device of that number.
pub fn device_id(number: usize) -> DeviceId {
    DeviceId(id(2, number))
}

/// When all of them enrolled; device N synchronised last N seconds later.
pub fn enrolled() -> Timestamp {
    Timestamp::UNIX_EPOCH + Duration::from_secs(1_750_000_000)
}

/// Writes devices `DESKTOP-0000000` and on into that tenant.
pub async fn fill(data: &Path, tenant: TenantId, numbers: Range<usize>) {
    fill_as(data, tenant, numbers, |_, _, _| {}).await;
}

/// Writes the same devices, with what `change` makes of each.
pub async fn fill_as(
    data: &Path,
    tenant: TenantId,
    numbers: Range<usize>,
    change: impl Fn(usize, &mut ManagedDevice, &mut Enrollment) + Send + Sync + 'static,
) {
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(data).expect("a store"));
    let change = Arc::new(change);
    for first in numbers.clone().step_by(AT_ONCE) {
        let last = numbers.end.min(first + AT_ONCE);
        let mut units = JoinSet::new();
        for number in first..last {
            let (store, change) = (Arc::clone(&store), Arc::clone(&change));
            units.spawn(async move {
                let fill = store.write(move |unit| {
                    let (mut device, mut enrollment) = (device(tenant, number), enrollment(tenant, number));
                    change(number, &mut device, &mut enrollment);
                    unit.insert_device(&device)?;
                    Ok(unit.insert_enrollment(&enrollment)?)
                });
                fill.await.expect("filled");
            });
        }
        units.join_all().await;
    }
}

fn device(tenant: TenantId, number: usize) -> ManagedDevice {
    let platform = if number.is_multiple_of(4) { Platform::Linux } else { Platform::Windows };
    ManagedDevice {
        last_sync: enrolled() + Duration::from_secs(number as u64),
        inventory: Inventory::default()
            .with(InventoryField::DEVICE_NAME, format!("DESKTOP-{number:07}"))
            .with(InventoryField::SERIAL_NUMBER, format!("SN{number:08}"))
            .with(InventoryField::MANUFACTURER, "Contoso")
            .with(InventoryField::MODEL, format!("Model {}", number % 7))
            .with(InventoryField::OS_VERSION, "10.0.26200.9278")
            .with(InventoryField::TOTAL_STORAGE, 1 << 39),
        ..ManagedDevice::new(tenant, device_id(number), platform, enrolled())
    }
}

fn enrollment(tenant: TenantId, number: usize) -> Enrollment {
    let mut certificate_sha256 = [0; 32];
    certificate_sha256[..16].copy_from_slice(id(3, number).as_bytes());
    Enrollment {
        id: EnrollmentId(id(3, number)),
        tenant,
        device: device_id(number),
        certificate_sha256,
        reported_id: number.to_string(),
        needs_certificate: false,
        created: enrolled(),
        closed: None,
    }
}
