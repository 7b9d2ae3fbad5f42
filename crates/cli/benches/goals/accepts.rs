//! Goal 1: recoveries that are accepted, over HTTPS and inside the store, beside the same rows written raw.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chaveiro_core::Timestamp;
use chaveiro_core::actions::recover_passcode::RECOVER_PASSCODE;
use chaveiro_core::caller::{Actor, Caller};
use chaveiro_core::decisions::ask::{Ask, Begun, begin};
use chaveiro_core::device::Platform;
use chaveiro_core::hold::HoldRule;
use chaveiro_core::id::{ActionId, RequestId, TenantId};
use chaveiro_core::ports::Decided::Done;
use chaveiro_core::ports::Store;
use chaveiro_core::tenant::{Tenant, TenantSettings};
use chaveiro_store_sqlite::SqliteStore;
use fastrand::Rng;
use tempfile::TempDir;

use crate::harness::process::Cpu;
use crate::harness::raw::{Raw, Rows, Step, copy};
use crate::harness::results::{Row, Table};
use crate::harness::site::{Served, Site};
use crate::harness::{Plan, together};
use crate::support::fill::{device_id, fill_as, id};

/// A rule that never holds: accepting is measured, not refusing.
const NO_HOLD: HoldRule = HoldRule { recoveries: 0, percent: 0, window_s: 3600 };

fn now() -> Timestamp {
    Timestamp::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

pub async fn measure(plan: &Plan) -> Vec<Table> {
    let mut tables = Vec::new();
    for (callers, smoke) in [(64, 128), (512, 512)] {
        tables.push(table(plan, callers, plan.of(smoke, 10_000, 20_000)).await);
    }
    tables
}

async fn table(plan: &Plan, callers: usize, each: usize) -> Table {
    let mut order: Vec<usize> = (0..each * plan.rounds).collect();
    Rng::with_seed(1).shuffle(&mut order);
    let site = Site::new();
    site.fill(0..order.len()).await;
    let served = site.serve();
    let inside = Inside::new(order.len()).await;
    let (mut raw, mut store, mut https, mut cpu) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut rows_each = Vec::new();
    for devices in order.chunks(each) {
        let devices: Arc<[usize]> = devices.into();
        let begun = Cpu::of(served.pid());
        https.push(over_https(&served, callers, &devices).await);
        cpu.push(Cpu::of(served.pid()).since(&begun).total() * 1e6 / each as f64);
        let before = inside.directory.path().join("before.db");
        copy(&inside.database(), &before);
        store.push(inside.accept(callers, &devices).await);
        // Events wait for the chain first, as the store leaves them.
        let rows = Rows::between(&before, &inside.database()).beginning("audit_event", "waiting", "1");
        rows_each = rows.each(each);
        raw.push(written_raw(&before, rows, callers, each).await);
    }
    let mut table = Table::new(1, &format!("Recoveries accepted, {callers} callers"));
    let names: Vec<_> = rows_each.iter().map(|(name, count)| format!("{count:.2} {name}")).collect();
    table.note(format!("Raw: {}.", names.join(", ")));
    table.note("Devices are random; all indexes and foreign keys are there; a commit takes what waits.");
    assert!(rows_each.iter().map(|(_, count)| count).sum::<f64>() >= 5.0, "{rows_each:?}");
    table.note(format!(
        "Each round accepts {each} recoveries of devices that have none; the clients share the processors."
    ));
    table.row(Row::new("the same rows, raw", "per second", raw));
    table.row(Row::new("accepted by the store", "per second", store).over("the same rows, raw").at_least(0.75));
    table.row(Row::new("accepted over HTTPS", "per second", https).over("the same rows, raw").at_least(0.40));
    table.row(Row::new("processor time of the server, over HTTPS", "µs each", cpu));
    table
}

/// `POST .../recoverPasscode` until 204, on kept connections.
async fn over_https(served: &Served, callers: usize, devices: &Arc<[usize]>) -> f64 {
    let tasks = served.callers(callers).await.into_iter().enumerate().map(|(at, mut caller)| {
        let devices = Arc::clone(devices);
        async move {
            for number in devices.iter().skip(at).step_by(callers) {
                caller.recover(&device_id(*number).to_string()).await;
            }
        }
    });
    devices.len() as f64 / together(tasks).await.0
}

/// A store without a server.
struct Inside {
    tenant: TenantId,
    directory: TempDir,
}

impl Inside {
    async fn new(devices: usize) -> Self {
        let (tenant, directory) = (TenantId(id(1, 1)), tempfile::tempdir().expect("a directory"));
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(directory.path()).expect("a store"));
        let insert = store.write(move |unit| {
            unit.insert_tenant(&Tenant {
                settings: TenantSettings { hold: NO_HOLD, ..TenantSettings::default() },
                ..Tenant::new(tenant, "", now())
            })?;
            Ok(())
        });
        insert.await.expect("a tenant");
        drop(store);
        fill_as(directory.path(), tenant, 0..devices, |_, device, _| device.platform = Platform::Windows).await;
        Self { tenant, directory }
    }

    fn database(&self) -> std::path::PathBuf {
        self.directory.path().join("chaveiro.db")
    }

    /// The unit of work behind a 204, without HTTP, TLS and tokens.
    async fn accept(&self, callers: usize, devices: &Arc<[usize]>) -> f64 {
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(self.directory.path()).expect("a store"));
        let tenant = self.tenant;
        let tasks = (0..callers).map(|at| {
            let (store, devices) = (Arc::clone(&store), Arc::clone(devices));
            async move {
                for number in devices.iter().skip(at).step_by(callers) {
                    let ask = ask(tenant, *number);
                    let opened = store.write(move |unit| begin(unit, &ask, now())).await.expect("accepted");
                    assert!(matches!(opened, Done(Begun::Opened(_))));
                }
            }
        });
        devices.len() as f64 / together(tasks).await.0
    }
}

fn ask(tenant: TenantId, number: usize) -> Ask {
    Ask {
        what: &RECOVER_PASSCODE,
        caller: Caller::recovering(tenant, Actor::system()),
        device: device_id(number),
        path: "/beta/deviceManagement/managedDevices/x/recoverPasscode".to_owned(),
        request: RequestId(id(4, number)),
        client_request_id: Some(id(5, number).to_string()),
        retry: false,
        reason: None,
        break_glass: None,
        action: ActionId(id(6, number)),
    }
}

/// The same rows, with as many callers that wait for their commit.
async fn written_raw(before: &Path, rows: Rows, callers: usize, units: usize) -> f64 {
    let inserts = rows.each(units).into_iter().map(|(table, _)| (table, 0, 1)).collect();
    let raw = Raw::open(before, rows, vec![Step { inserts, ..Step::default() }]);
    let actions = raw.count(&["action"]);
    let tasks = (0..callers).map(|at| {
        let hand = raw.hand();
        async move {
            for number in (at..units).step_by(callers) {
                hand.write(number, 0).await;
            }
        }
    });
    let (seconds, _) = together(tasks).await;
    assert_eq!(raw.count(&["action"]), actions + units, "every row is written once");
    raw.finish();
    units as f64 / seconds
}
