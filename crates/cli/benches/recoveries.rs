//! Accepted recoveries for each second with 64 concurrent callers: over HTTPS from the real server in a process of its
//! own, then inside the store, then the raw rate of the same rows in groups of 64. All three on the same disk in the
//! same run, printed with ratios, because machines differ.

#![allow(unreachable_pub, dead_code, reason = "the support is shared with the tests")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chaveiro_core::Timestamp;
use chaveiro_core::actions::recover_passcode::RECOVER_PASSCODE;
use chaveiro_core::caller::{Actor, Caller};
use chaveiro_core::decisions::ask::{Ask, Begun, begin};
use chaveiro_core::hold::HoldRule;
use chaveiro_core::id::{ActionId, DeviceId, RequestId, TenantId};
use chaveiro_core::permission::Permission;
use chaveiro_core::ports::Decided::Done;
use chaveiro_core::ports::Store;
use chaveiro_core::tenant::{Tenant, TenantSettings};
use chaveiro_store_sqlite::SqliteStore;
use rusqlite::{Connection, params};
use support::fill::{fill, id};
use support::{Server, WITHOUT_LIMITS, full_token, initialised, is_measured, run, run_json};

const CALLERS: usize = 64;
const RECOVERIES: usize = 20_000;
/// The number when nothing is measured.
const SMOKE: usize = 2 * CALLERS;

/// What is measured is accepting, not refusing.
const NO_HOLD: HoldRule = HoldRule { recoveries: 0, percent: 0, window_s: 3600 };

fn now() -> Timestamp {
    Timestamp::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn main() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let (_directory, data) = initialised();
    let recoveries = if is_measured() { RECOVERIES } else { SMOKE };
    let served = runtime.block_on(served(&data, recoveries));
    let directory = tempfile::tempdir().expect("a directory");
    let stored = runtime.block_on(stored(directory.path(), recoveries));
    let raw = raw(directory.path(), recoveries);
    let row = |what: &str, rate: f64| println!("{what:<52} {rate:>8.0} per second  {:>5.2} of raw", rate / raw);
    row(&format!("accepted over HTTPS, {CALLERS} callers"), served);
    row(&format!("accepted by the store, {CALLERS} callers"), stored);
    row(&format!("the same rows, raw, in groups of {CALLERS}"), raw);
}

/// `POST .../recoverPasscode` until 204, on kept connections; callers and server share this machine.
async fn served(data: &Path, recoveries: usize) -> f64 {
    let tenant = run_json(data, &["tenant", "list"])[0]["id"].as_str().expect("a tenant").parse().expect("an id");
    fill(data, TenantId(tenant), 0..recoveries).await;
    run(data, &["tenant", "set", "--hold-recoveries", "0"]);
    let server = Server::start_with(data, "127.0.0.1:0", "127.0.0.1:0", WITHOUT_LIMITS);
    let root = reqwest::Certificate::from_pem(server.root_pem().as_bytes()).expect("the root");
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([root]).http1_only().build().expect("a client");
    let token = full_token(data);
    let url = format!("{}/beta/deviceManagement/managedDevices", server.graph_url);
    let begun = Instant::now();
    let callers = (0..CALLERS).map(|caller| {
        let (client, token, url) = (client.clone(), token.clone(), url.clone());
        tokio::spawn(async move {
            for number in (caller..recoveries).step_by(CALLERS) {
                let request = client.post(format!("{url}/{}/recoverPasscode", id(2, number))).bearer_auth(&token);
                assert_eq!(request.send().await.expect("an answer").status(), 204);
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.expect("joined");
    }
    recoveries as f64 / begun.elapsed().as_secs_f64()
}

/// The unit of work behind a 204, without HTTP, TLS and tokens.
async fn stored(directory: &Path, recoveries: usize) -> f64 {
    let tenant = TenantId(id(1, 1));
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(directory).expect("a store"));
    let insert = store.write(move |unit| {
        unit.insert_tenant(&Tenant {
            settings: TenantSettings { hold: NO_HOLD, ..TenantSettings::default() },
            ..Tenant::new(tenant, "", now())
        })?;
        Ok(())
    });
    insert.await.expect("a tenant");
    fill(directory, tenant, 0..recoveries).await;
    let begun = Instant::now();
    let callers = (0..CALLERS).map(|caller| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            for number in (caller..recoveries).step_by(CALLERS) {
                let ask = Ask {
                    what: &RECOVER_PASSCODE,
                    caller: Caller {
                        tenant,
                        actor: Actor::system(),
                        permissions: [Permission::PrivilegedOperationsAll].into_iter().collect(),
                        directory_roles: Vec::new(),
                        groups: Vec::new(),
                        local: true,
                        issued: None,
                    },
                    device: DeviceId(id(2, number)),
                    path: "/beta/deviceManagement/managedDevices/x/recoverPasscode".to_owned(),
                    request: RequestId(id(4, number)),
                    client_request_id: Some(id(5, number).to_string()),
                    retry: false,
                    reason: None,
                    break_glass: None,
                    action: ActionId(id(6, number)),
                };
                let opened = store.write(move |unit| begin(unit, &ask, now())).await.expect("accepted");
                assert!(matches!(opened, Done(Begun::Opened(_))));
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.expect("joined");
    }
    recoveries as f64 / begun.elapsed().as_secs_f64()
}

/// The same rows for each recovery (action, count, request, delivery, audit event), written as fast as SQLite takes them.
fn raw(directory: &Path, recoveries: usize) -> f64 {
    let connection = Connection::open(directory.join("chaveiro.db")).expect("opened");
    let clear =
        "DELETE FROM request; DELETE FROM acceptance; DELETE FROM recovery; DELETE FROM delivery; DELETE FROM action;
        DELETE FROM audit_event;";
    let pragmas =
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;";
    connection.execute_batch(&format!("{pragmas}{clear}")).expect("cleared");
    let json = "{\"kind\":\"operator\",\"applicationId\":\"chaveiro-cli\",\"applicationName\":null,\"userId\":null,\"userPrincipalName\":null}";
    let event = format!(
        "{{\"tenant\":\"{}\",\"at\":\"2027-01-15T08:00:00Z\",\"actor\":{json},\"activity\":\"actionRequested\",\"details\":[[\"path\",\"/beta/deviceManagement/managedDevices/x/recoverPasscode\"]]}}",
        id(1, 1)
    );
    let begun = Instant::now();
    for group in (1..=recoveries as i64).collect::<Vec<_>>().chunks(CALLERS) {
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
                "INSERT INTO action (row, tenant, device, id, name, state, attempt, requested_by, client_request_id, started, updated)
                    VALUES (?1, 1, ?1, ?2, 'recoverPasscode', 'pending', 1, ?3, ?4, 1, 1)",
                params![row, &action.as_bytes()[..], json, id(5, *row as usize).to_string()],
            );
            run("INSERT INTO recovery (tenant, at, action) VALUES (1, 1, ?1)", params![row]);
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
    recoveries as f64 / begun.elapsed().as_secs_f64()
}
