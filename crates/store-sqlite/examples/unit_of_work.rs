//! Keeps one unit of work, undoes another, and opens the store again: `cargo run -p chaveiro-store-sqlite --example unit_of_work`.

use std::error::Error;
use std::sync::Arc;

use chaveiro_core::Timestamp;
use chaveiro_core::id::TenantId;
use chaveiro_core::ports::{Fault, Store, StoreError};
use chaveiro_core::tenant::Tenant;
use chaveiro_store_sqlite::SqliteStore;
use uuid::Uuid;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let tenant = |number, name| Tenant::new(TenantId(Uuid::from_u128(number)), name, Timestamp::UNIX_EPOCH);
    let (kept, undone) = (tenant(1, "contoso"), tenant(2, "fabrikam"));
    let (kept_id, undone_id) = (kept.id, undone.id);

    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(directory.path())?);
    // It is on the disk when this returns.
    store.write(move |unit| Ok(unit.insert_tenant(&kept)?)).await?;
    let refused: Result<(), Fault> = store
        .write(move |unit| {
            unit.insert_tenant(&undone)?;
            Err(StoreError::Inconsistent("a rule of the domain was broken".to_owned()).into())
        })
        .await;
    println!("undone: {}", refused.err().ok_or("kept")?);
    drop(store);

    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(directory.path())?);
    let found = store.read(move |view| Ok((view.tenant(kept_id)?, view.tenant(undone_id)?))).await?;
    println!("kept: {}", found.0.ok_or("lost")?.display_name);
    assert!(found.1.is_none(), "nothing of the other stayed");
    Ok(())
}
