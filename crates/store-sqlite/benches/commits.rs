//! Accepted recoveries for each second with 64 concurrent callers, beside the raw rate of the same rows in groups of
//! 64 on the same disk, in the same run. Printed as a ratio, because machines differ.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chaveiro_core::Timestamp;
use chaveiro_core::actions::recover_passcode::{Ask, Begun, begin};
use chaveiro_core::caller::{Actor, Caller};
use chaveiro_core::device::{Inventory, ManagedDevice, ManagementState, OwnerType, Platform};
use chaveiro_core::enrollment::Enrollment;
use chaveiro_core::id::{ActionId, DeviceId, EnrollmentId, RequestId, TenantId};
use chaveiro_core::permission::Permission;
use chaveiro_core::ports::Store;
use chaveiro_core::tenant::{Licence, Tenant, TenantSettings};
use chaveiro_store_sqlite::SqliteStore;
use rusqlite::{Connection, params};
use uuid::Uuid;

const CALLERS: usize = 64;
const RECOVERIES: usize = 20_000;

fn id(kind: u64, number: usize) -> Uuid {
    // Spread like random ids, the same in every run.
    Uuid::from_u64_pair(kind ^ (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15), number as u64)
}

fn now() -> Timestamp {
    Timestamp::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let directory = tempfile::tempdir().expect("a directory");
    let accepted = runtime.block_on(accepted(directory.path()));
    let raw = raw(directory.path());
    println!("accepted recoveries, {CALLERS} callers: {accepted:>8.0} per second");
    println!("raw rows in groups of {CALLERS}:        {raw:>8.0} per second");
    println!("ratio:                              {:>8.2}", accepted / raw);
}

async fn accepted(directory: &std::path::Path) -> f64 {
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(directory).expect("a store"));
    let tenant = TenantId(id(1, 1));
    let fill = store.write(move |unit| {
        unit.insert_tenant(&Tenant {
            id: tenant,
            display_name: String::new(),
            licence: Licence::Active,
            entra_tenant: None,
            settings: TenantSettings::default(),
            created: now(),
        })?;
        for number in 0..RECOVERIES {
            let device = DeviceId(id(2, number));
            unit.insert_device(&ManagedDevice {
                tenant,
                id: device,
                platform: Platform::Windows,
                management_state: ManagementState::Managed,
                comanaged: false,
                user: None,
                enrolled: now(),
                last_sync: now(),
                certificate_expires: None,
                inventory: Inventory::default(),
                notes: None,
                managed_device_name: None,
                owner_type: OwnerType::Company,
            })?;
            let mut certificate_sha256 = [0; 32];
            certificate_sha256[..16].copy_from_slice(id(3, number).as_bytes());
            unit.insert_enrollment(&Enrollment {
                id: EnrollmentId(id(3, number)),
                tenant,
                device,
                certificate_sha256,
                oma_device_id: number.to_string(),
                created: now(),
                closed: None,
            })?;
        }
        Ok(())
    });
    fill.await.expect("filled");
    let begun = Instant::now();
    let callers = (0..CALLERS).map(|caller| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            for number in (caller..RECOVERIES).step_by(CALLERS) {
                let ask = Ask {
                    caller: Caller {
                        tenant,
                        actor: Actor::operator(),
                        permissions: [Permission::PrivilegedOperationsAll].into_iter().collect(),
                    },
                    device: DeviceId(id(2, number)),
                    path: "/beta/deviceManagement/managedDevices/x/recoverPasscode".to_owned(),
                    request: RequestId(id(4, number)),
                    client_request_id: Some(id(5, number).to_string()),
                    action: ActionId(id(6, number)),
                };
                let opened = store.write(move |unit| begin(unit, &ask, now())).await.expect("accepted");
                assert!(matches!(opened, Begun::Opened(_)));
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.expect("joined");
    }
    RECOVERIES as f64 / begun.elapsed().as_secs_f64()
}

/// The same four rows for each recovery (action, request, delivery, audit event), written as fast as SQLite takes them.
fn raw(directory: &std::path::Path) -> f64 {
    let connection = Connection::open(directory.join("chaveiro.db")).expect("opened");
    let clear = "DELETE FROM request; DELETE FROM delivery; DELETE FROM action; DELETE FROM audit_event;";
    let pragmas =
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;";
    connection.execute_batch(&format!("{pragmas}{clear}")).expect("cleared");
    let json = "{\"kind\":\"operator\",\"applicationId\":\"chaveiro-cli\",\"applicationName\":null,\"userId\":null,\"userPrincipalName\":null}";
    let event = format!(
        "{{\"tenant\":\"{}\",\"at\":\"2027-01-15T08:00:00Z\",\"actor\":{json},\"activity\":\"actionRequested\",\"details\":[[\"path\",\"/beta/deviceManagement/managedDevices/x/recoverPasscode\"]]}}",
        id(1, 1)
    );
    let begun = Instant::now();
    for group in (1..=RECOVERIES as i64).collect::<Vec<_>>().chunks(CALLERS) {
        connection.execute_batch("BEGIN IMMEDIATE").expect("begun");
        for row in group {
            let run = |sql: &str, parameters: &[&dyn rusqlite::ToSql]| {
                connection
                    .prepare_cached(sql)
                    .and_then(|mut statement| statement.execute(parameters))
                    .expect("inserted");
            };
            let action = id(6, *row as usize);
            run(
                "INSERT INTO action (row, device, id, name, state, attempt, requested_by, client_request_id, started, updated)
                    VALUES (?1, ?1, ?2, 'recoverPasscode', 'pending', 1, ?3, ?4, 1, 1)",
                params![row, &action.as_bytes()[..], json, id(5, *row as usize).to_string()],
            );
            run(
                "INSERT INTO request (device, caller_key, client_request_id, action) VALUES (?1, 'chaveiro-cli/-', ?2, ?1)",
                params![row, id(5, *row as usize).to_string()],
            );
            run(
                "INSERT INTO delivery (enrollment, action, attempt, purpose, commands, statuses, phase, created)
                    VALUES (?1, ?1, 1, 'act', '[{\"command\":\"lockAndRecoverPin\"},{\"command\":\"readNewPin\"}]', '[null,null]', 'queued', 1)",
                params![row],
            );
            run("INSERT INTO audit_event (tenant, body) VALUES (1, ?1)", params![event]);
        }
        connection.execute_batch("COMMIT").expect("committed");
    }
    RECOVERIES as f64 / begun.elapsed().as_secs_f64()
}
