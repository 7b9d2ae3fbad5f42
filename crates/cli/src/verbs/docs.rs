//! The documents that are printed from the tables: routes, completions, manual page, the generated documents.

use std::io::Write;
use std::path::Path;

use anyhow::Result;
use chaveiro_lang::{Explain, text};
use serde_json::json;

use crate::complete;
use crate::help::command;
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

pub(crate) fn completions(shell: clap_complete::Shell) -> Result<()> {
    print(&complete::script(shell)?);
    Ok(())
}

/// The page of the command alone, or into that directory a page for each verb.
pub(crate) fn man(out: Out, directory: Option<&Path>) -> Result<()> {
    if let Some(directory) = directory {
        std::fs::create_dir_all(directory).explain(|| text!("directory-not-made", directory = directory))?;
        return clap_mangen::generate_to(command(out.lang), directory)
            .explain(|| text!("file-unwritable", file = directory));
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command(out.lang)).render(&mut page)?;
    print(&page);
    Ok(())
}

/// Prints the bytes; an error is a reader who closed the pipe.
fn print(text: &[u8]) {
    let mut stdout = std::io::stdout();
    let _ = stdout.write_all(text).and_then(|()| stdout.flush());
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
    ];
    for (name, text) in documents {
        let file = directory.join(name);
        std::fs::write(&file, text).explain(|| text!("file-unwritable", file = &file))?;
    }
    Ok(())
}
