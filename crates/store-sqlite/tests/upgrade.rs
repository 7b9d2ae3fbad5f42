//! What an older database holds is there after an upgrade.

use chaveiro_core::application::ApplicationSecret;
use rusqlite::Connection;

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
