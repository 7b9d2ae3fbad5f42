//! The documents that are printed from the tables of the server: routes, and the generated documents.

use std::path::Path;

use anyhow::Result;
use chaveiro_lang::{Explain, text};
use serde_json::json;

use crate::out::Out;

pub(crate) fn routes(out: Out) {
    if !out.json {
        return out.line(chaveiro_graph::routes_txt().trim_end());
    }
    let rows = chaveiro_graph::routes().into_iter().map(|row| {
        let permissions: Vec<_> = row.permissions.iter().map(|permission| permission.name()).collect();
        json!({"method": row.method, "path": row.path, "permissions": permissions, "roleAction": row.role_action.name(), "documented": row.documented})
    });
    out.value(&rows.collect());
}

/// Every document that is generated from the tables and committed.
pub(crate) fn generate(directory: &Path) -> Result<()> {
    std::fs::create_dir_all(directory).explain(|| text!("directory-not-made", directory = directory))?;
    let documents = [
        ("metadata.xml", chaveiro_graph::metadata_xml()),
        ("openapi.json", chaveiro_graph::openapi_json()),
        ("routes.txt", chaveiro_graph::routes_txt()),
        ("activities.md", chaveiro_graph::activities_md()),
        ("chaveiro.toml", chaveiro_server::config_reference()),
        ("configuration.md", chaveiro_server::key_table()),
        ("chaveiro-ddf.xml", chaveiro_csp::ddf()),
        ("inventory.md", chaveiro_csp::inventory_table()),
        ("record.md", chaveiro_graph::record_md()),
        ("kinds.md", chaveiro_graph::kinds_md()),
    ];
    for (name, text) in documents {
        let file = directory.join(name);
        std::fs::write(&file, text).explain(|| text!("file-unwritable", file = &file))?;
    }
    Ok(())
}
