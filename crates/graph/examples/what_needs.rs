//! Lists what a permission is good for, from the same model that routes requests:
//! `cargo run -p chaveiro-graph --example what_needs`.

use chaveiro_core::permission::Permission;
use chaveiro_graph::kinds::MODEL;
use chaveiro_graph::routes::routes;

fn main() {
    let needs = Permission::PrivilegedOperationsAll;
    let rows = routes(&MODEL).into_iter().filter(|row| row.permissions == [needs]);
    let paths: Vec<_> = rows.map(|row| format!("{} {}", row.method, row.path)).collect();
    println!("{} is needed for:\n{}", needs.name(), paths.join("\n"));
    assert!(paths.iter().all(|path| path.starts_with("POST ")), "it reads nothing");
    assert!(paths.contains(&"POST /deviceManagement/managedDevices/{managedDeviceId}/recoverPasscode".to_owned()));
}
