//! The SQL functions of opaque names ([`chaveiro_store_rows::veil`]).

use chaveiro_store_rows::RowKey;
pub(crate) use chaveiro_store_rows::veil::Purpose;
use chaveiro_store_rows::veil::Veil;
use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;

/// Registers the SQL functions `opaque(purpose, tenant, number)`, a text, and `opened(purpose, tenant, text)`, the
/// number or null. The tenant is given by its row.
pub(crate) fn functions(connection: &Connection, key: &RowKey) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    let veil = Veil::new(key);
    let opening = veil.clone();
    connection.create_scalar_function("opaque", 3, flags, move |arguments| {
        let number: i64 = arguments.get(2)?;
        Ok(veil.name(arguments.get(0)?, arguments.get(1)?, number.unsigned_abs()).to_string())
    })?;
    connection.create_scalar_function("opened", 3, flags, move |arguments| {
        let (purpose, tenant) = (arguments.get(0)?, arguments.get(1)?);
        let text = arguments.get_raw(2).as_str().ok();
        Ok(text.and_then(|text| opening.opened(purpose, tenant, text)))
    })
}

/// Returns the SQL that names a number. Tenant and number are expressions.
pub(crate) fn opaque(purpose: Purpose, tenant: &str, number: &str) -> String {
    format!("opaque({}, {tenant}, {number})", purpose.number())
}

/// Returns the SQL that opens a name. Tenant and name are expressions.
pub(crate) fn opened(purpose: Purpose, tenant: &str, name: &str) -> String {
    format!("opened({}, {tenant}, {name})", purpose.number())
}
