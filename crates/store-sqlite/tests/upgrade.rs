//! What an older database holds is there after an upgrade.

use chaveiro_core::application::ApplicationSecret;
use chaveiro_core::ports::Store;
use chaveiro_store_sqlite::{FILE_NAME, OpenError, SqliteStore};
use rusqlite::Connection;
use tempfile::TempDir;

/// Every step of the schema, in order.
fn steps() -> Vec<(i64, String)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
    let mut steps: Vec<_> = std::fs::read_dir(folder)
        .expect("the migrations")
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let name = path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
            let (version, _) = name.trim_start_matches('V').split_once("__").expect("a version");
            (version.parse().expect("a number"), std::fs::read_to_string(path).expect("a script"))
        })
        .collect();
    steps.sort();
    steps
}

/// A database of that version as an older program left it; with `taken`, one that died after the next step and before its row.
fn older(version: i64, taken: bool) -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let database = Connection::open(directory.path().join(FILE_NAME)).expect("a database");
    let history = "PRAGMA journal_mode = WAL; CREATE TABLE IF NOT EXISTS refinery_schema_history(
        version INT4 PRIMARY KEY, name VARCHAR(255), applied_on VARCHAR(255), checksum VARCHAR(255));";
    database.execute_batch(history).expect("the history");
    for (number, script) in steps() {
        if number <= version + i64::from(taken) {
            database.execute_batch(&script).expect("a step");
        }
        if number <= version {
            let row = "INSERT INTO refinery_schema_history VALUES (?, 'a step', '2026-01-01T00:00:00Z', '1')";
            database.execute(row, [number]).expect("a row");
        }
        if number == 1.min(version) {
            let tenant = "INSERT INTO tenant (id, display_name, licence, settings, created)
                VALUES (x'00000000000000000000000000000001', 'one', '\"active\"', '{}', 0)";
            database.execute(tenant, []).expect("a tenant");
        }
    }
    directory
}

fn history(directory: &TempDir) -> Vec<i64> {
    let database = Connection::open(directory.path().join(FILE_NAME)).expect("a database");
    let mut rows = database.prepare("SELECT version FROM refinery_schema_history ORDER BY version").expect("a query");
    rows.query_map([], |row| row.get(0)).expect("rows").collect::<Result<_, _>>().expect("versions")
}

#[test]
fn a_database_of_every_version_is_brought_up_to_date_half_taken_steps_too() {
    let all: Vec<i64> = steps().into_iter().map(|(version, _)| version).collect();
    let newest = *all.last().expect("a step");
    for version in 0..newest {
        for taken in [false, true] {
            let directory = older(version, taken);
            let store = SqliteStore::open(directory.path());
            let store = store.unwrap_or_else(|error| panic!("version {version}, next step taken {taken}: {error}"));
            drop(store);
            assert_eq!(history(&directory), all, "version {version}, next step taken {taken}");
        }
    }
}

#[test]
fn a_schema_that_no_version_had_is_refused_and_left_as_it_is() {
    let directory = older(8, false);
    let database = Connection::open(directory.path().join(FILE_NAME)).expect("a database");
    database.execute_batch("CREATE TABLE alert (a)").expect("a table of another program");
    drop(database);
    let refused = SqliteStore::open(directory.path()).err();
    assert!(matches!(&refused, Some(OpenError::Migration(reason)) if reason.contains("alert")), "{refused:?}");
    // The steps before it were taken, each with its row.
    assert_eq!(history(&directory), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
}

#[test]
fn eight_that_open_an_older_database_at_once_all_succeed() {
    for version in [0, 1, 8, 12] {
        let directory = older(version, false);
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let opened: Vec<_> = std::thread::scope(|scope| {
            let open = || SqliteStore::open(directory.path()).map(|store| (store, ()));
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
        });
        for opened in opened {
            let (store, ()) = opened.unwrap_or_else(|error| panic!("version {version}: {error}"));
            let tenants = runtime.block_on((&store as &dyn Store).read(|view| Ok(view.tenants()?.len())));
            assert_eq!(tenants.expect("read"), usize::from(version > 0), "version {version}");
        }
    }
}

#[test]
fn secrets_of_an_older_database_serve_on_and_have_an_end() {
    let database = Connection::open_in_memory().expect("a database");
    for script in [include_str!("../migrations/V1__first.sql"), include_str!("../migrations/V2__linux.sql")] {
        database.execute_batch(script).expect("an older schema");
    }
    database
        .execute_batch(
            "INSERT INTO tenant (id, display_name, licence, settings, created) VALUES (x'01', 't', '', '{}', 0);
            INSERT INTO application (tenant, id, display_name, permissions, secret_hashes, created)
            VALUES (1, x'02', 'two', '[]', '[\"sha256$00$01\",\"sha256$00$02\"]', 1800000000000000),
                   (1, x'03', 'none', '[]', '[]', 1800000000000000);",
        )
        .expect("rows");
    database.execute_batch(include_str!("../migrations/V4__identity.sql")).expect("the upgrade");
    let secrets = |name: &str| -> Vec<ApplicationSecret> {
        let sql = "SELECT secrets FROM application WHERE display_name = ?";
        let text: String = database.query_row(sql, [name], |row| row.get(0)).expect("a row");
        serde_json::from_str(&text).expect("secrets")
    };
    let two = secrets("two");
    assert_eq!(two.iter().map(|secret| secret.hash.as_str()).collect::<Vec<_>>(), ["sha256$00$01", "sha256$00$02"]);
    assert_ne!(two[0].id, two[1].id, "each can be removed by itself");
    assert_eq!(two[0].created.as_second(), 1_800_000_000);
    assert!(two[0].expires > "2020-01-01T00:00:00Z".parse().expect("a time"));
    assert_eq!(secrets("none"), []);
}

#[test]
fn actions_of_an_older_database_are_in_the_list_of_their_tenant() {
    let database = Connection::open_in_memory().expect("a database");
    database.execute_batch(include_str!("../migrations/V1__first.sql")).expect("an older schema");
    database
        .execute_batch(
            "INSERT INTO tenant (id, display_name, licence, settings, created)
            VALUES (x'01', 'one', '', '{}', 0), (x'02', 'two', '', '{}', 0);
            INSERT INTO device (tenant, id, platform, management_state, comanaged, enrolled, last_sync, inventory, owner_type)
            VALUES (2, x'03', 'linux', 'managed', 0, 0, 0, '{}', 'company');
            INSERT INTO action (id, device, name, state, attempt, requested_by, started, updated)
            VALUES (x'04', 1, 'recoverPasscode', 'done', 1, '{}', 0, 0);",
        )
        .expect("rows");
    database.execute_batch(include_str!("../migrations/V8__plain_lists.sql")).expect("the upgrade");
    let tenant = database.query_row("SELECT tenant FROM action", [], |row| row.get::<_, Option<i64>>(0));
    assert_eq!(tenant, Ok(Some(2)));
}

#[test]
fn what_was_read_asked_for_and_opened_before_counts_after_the_upgrade() {
    let database = Connection::open_in_memory().expect("a database");
    let mut scripts: Vec<_> =
        std::fs::read_dir("migrations").expect("the steps").map(|step| step.expect("one").path()).collect();
    let number = |path: &std::path::PathBuf| -> u32 {
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
        name[1..].split("__").next().and_then(|number| number.parse().ok()).expect("a number")
    };
    scripts.sort_by_key(number);
    let apply = |range: std::ops::Range<u32>| {
        for script in scripts.iter().filter(|script| range.contains(&number(script))) {
            database.execute_batch(&std::fs::read_to_string(script).expect("a step")).expect("it is applied");
        }
    };
    // Steps of the same release may stand between; none of them makes what this one reads.
    apply(1..13);
    database
        .execute_batch(
            r#"INSERT INTO tenant (id, display_name, licence, settings, created) VALUES (x'01', 'one', '', '{}', 0);
            INSERT INTO device (tenant, id, platform, management_state, comanaged, enrolled, last_sync, inventory, owner_type)
            VALUES (1, x'03', 'linux', 'managed', 0, 0, 0, '{}', 'company');
            INSERT INTO action (tenant, id, device, name, state, attempt, requested_by, started, updated, locks, opens) VALUES
            (1, x'04', 1, 'recoverPasscode', 'done', 1, '{}', 0, 0, '["login","luks2"]',
                '[{"lock":"login","subject":"ana"},{"lock":"luks2","subject":"/dev/sda3"}]'),
            (1, x'05', 1, 'recoverPasscode', 'done', 1, '{}', 0, 0, '["login"]', '[{"lock":"login","subject":"ana"}]'),
            (1, x'06', 1, 'recoverPasscode', 'failed', 1, '{}', 0, 0, '["login"]', '[]');
            INSERT INTO secret (action, id, attempt, kind, standing, received, expires, disclosed_at, disclosed_by) VALUES
            (1, x'07', 1, 'passcode', 'current', 0, 0, 20, 'api://Desk/app/ANA-ID'),
            (2, x'08', 1, 'passcode', 'current', 0, 0, 10, 'Script/-'),
            (2, x'09', 1, 'passcode', 'history', 0, 0, NULL, NULL);
            INSERT INTO hold (tenant, id, placed, caused_by, counted) VALUES (1, x'0a', 0, '{}', 50);
            INSERT INTO request (device, caller_key, client_request_id, action) VALUES (1, 'a/-', 'r', 1);"#,
        )
        .expect("rows");
    apply(16..17);
    let rows = |sql: &str| -> Vec<String> {
        let mut statement = database.prepare(sql).expect("a question");
        let rows = statement.query_map([], |row| row.get(0)).expect("answers");
        rows.map(|row| row.expect("text")).collect()
    };
    assert_eq!(
        rows("SELECT party || ' ' || at FROM reading ORDER BY row"),
        ["application/script 10", "user/ana-id 20"]
    );
    assert_eq!(
        rows("SELECT lock || ' ' || subject || ' ' || action FROM opening ORDER BY 1"),
        ["login ana 2", "luks2 /dev/sda3 1"]
    );
    assert_eq!(rows("SELECT kind || ifnull(party, '') FROM hold WHERE released IS NULL"), ["asking"]);
    assert_eq!(rows("SELECT CAST(at AS TEXT) FROM request"), ["0"], "older than any window");
}

#[test]
fn a_device_that_was_unenrolled_before_an_upgrade_is_told_as_such_after_it() {
    let directory = older(20, false);
    let database = Connection::open(directory.path().join(FILE_NAME)).expect("a database");
    // Its number, its state before, and the actors of the events that ended its management, in their order.
    let rows: [(u8, &str, &[&str], &str); 5] = [
        (1, "retireIssued", &["device"], "unknownFutureValue"),
        (2, "retireIssued", &["delegated"], "retireIssued"),
        (3, "retireIssued", &["device", "application"], "retireIssued"),
        (4, "managed", &["device"], "managed"),
        (5, "retireIssued", &[], "retireIssued"),
    ];
    for (number, state, actors, _) in rows {
        let id = format!("{number:032x}");
        let device = "INSERT INTO device (tenant, id, platform, management_state, comanaged, enrolled, last_sync, inventory, owner_type)
            VALUES (1, unhex(?), 'windows', ?, 0, 0, 0, '{}', 'company')";
        database.execute(device, [&id, state]).expect("a device");
        for actor in actors {
            let event = "INSERT INTO audit_event (tenant, body)
                VALUES (1, json_object('activity', 'deviceRetired', 'device', ?, 'actor', json_object('kind', ?)))";
            database.execute(event, [&id, *actor]).expect("an event");
        }
    }
    let script = &steps()[20];
    assert_eq!(script.0, 21);
    database.execute_batch(&script.1).expect("the step");
    for (number, _, actors, expected) in rows {
        let sql = "SELECT management_state FROM device WHERE id = unhex(?)";
        let state: String = database.query_row(sql, [format!("{number:032x}")], |row| row.get(0)).expect("a row");
        assert_eq!(state, expected, "device {number}, ended by {actors:?}");
    }
}

#[test]
fn an_empty_value_of_an_older_database_is_an_unknown_one() {
    let directory = older(19, false);
    let database = Connection::open(directory.path().join(FILE_NAME)).expect("a database");
    let device = "INSERT INTO device (tenant, id, platform, management_state, comanaged, enrolled, last_sync, inventory, owner_type)
        VALUES (1, x'00000000000000000000000000000002', 'windows', 'managed', 0, 0, 0,
            '{\"imei\":\"\",\"wifiMacAddress\":\"\",\"model\":\"\",\"deviceName\":\"D\"}', 'company')";
    database.execute(device, []).expect("a device");
    drop(SqliteStore::open(directory.path()).expect("a store"));
    let inventory: String = database.query_row("SELECT inventory FROM device", [], |row| row.get(0)).expect("a row");
    assert_eq!(inventory, r#"{"model":"","deviceName":"D"}"#);
}
