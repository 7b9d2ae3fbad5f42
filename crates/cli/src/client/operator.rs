//! A Graph client of the server that runs on this host.

use anyhow::Result;
use chaveiro_core::id::TenantId;
use chaveiro_core::permission::Permission;
use chaveiro_lang::{Text, text};
use reqwest::header::HeaderMap;
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use super::GraphClient;
use crate::host::Host;
use crate::session::http_client;

impl GraphClient {
    /// A client that trusts that root (PEM).
    pub(crate) fn new(base_url: &str, root_pem: &str, token: Zeroizing<String>) -> Result<Self> {
        let (client, base_url) = (http_client(Some(root_pem))?, base_url.to_owned());
        let (token, why) = (Mutex::new(token), HeaderMap::new());
        Ok(Self { client, base_url, token, why, has_root: true, renews: false })
    }

    /// A client of the server that runs on this host, with a token of the verb for these permissions.
    pub(crate) async fn operator(host: &Host, tenant: TenantId, permissions: &[Permission]) -> Result<Self> {
        let url = host.graph_url().ok_or_else(no_server)?;
        let token = host.verb_token(tenant, permissions).await?;
        Self::new(&url, host.opened.ca.root_pem(), Zeroizing::new(token.expose_secret().to_owned()))
    }
}

fn no_server() -> Text {
    text!("no-server")
}
