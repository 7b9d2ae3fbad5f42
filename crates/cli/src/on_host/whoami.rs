//! `chaveiro whoami` on the host of a server.

use anyhow::Result;
use chaveiro_lang::text;
use serde_json::json;

use crate::args::Common;
use crate::host::Host;
use crate::out::Out;

/// An operator on the server's host.
pub(crate) async fn whoami(common: &Common, out: Out) -> Result<()> {
    let host = Host::open(common)?;
    let tenants: Vec<_> = host.tenants().await?.into_iter().map(|tenant| tenant.display_name).collect();
    let data = common.data().display().to_string();
    let server = host.graph_url();
    let value = json!({
        "kind": "operator",
        "user": host.person.name(),
        "data": data,
        "server": server,
        "tenants": tenants,
    });
    out.say(text!("whoami-operator", user = host.person.name(), data = &data), &value);
    out.text(match server {
        Some(server) => text!("whoami-runs", server = server),
        None => text!("whoami-runs-not"),
    });
    Ok(())
}
