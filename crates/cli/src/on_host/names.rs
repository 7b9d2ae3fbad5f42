//! Names for completions, from the data directory.

use std::sync::Arc;

use anyhow::Result;
use chaveiro_server::DataDir;

use crate::args::Common;
use crate::beginnings::Names;
use crate::complete::Kind;
use crate::host::choose_tenant;

/// Names of that kind with a word about each.
pub(crate) async fn names(kind: Kind, begin: &str, common: &Common) -> Result<Vec<(String, String)>> {
    // Opening it to write would bring it up to date and say what was wrong with it: a shell shows neither.
    let names = Names::new(Arc::new(DataDir::open(&common.data())?.open_to_read()?));
    let alone = |names: Vec<String>| names.into_iter().map(|name| (name, String::new())).collect();
    if kind == Kind::Tenant {
        return Ok(alone(names.tenants().await?.into_iter().map(|tenant| tenant.display_name).collect()));
    }
    let tenant = choose_tenant(names.tenants().await?, common.tenant.as_deref())?.id;
    Ok(match kind {
        Kind::Device => alone(names.devices_beginning(tenant, begin).await?),
        Kind::User => alone(names.users_beginning(tenant, begin).await?),
        Kind::Application | Kind::Role | Kind::Tenant => {
            let known = names.applications(tenant).await?.into_iter();
            known.map(|application| (application.id.to_string(), application.display_name)).collect()
        }
    })
}
