//! `chaveiro serve`.

use anyhow::Result;
use chaveiro_server::{Config, Server, init_logging};

use crate::args::{Common, Serve};
use crate::out::Out;
use chaveiro_lang::text;

pub(crate) async fn serve(common: &Common, out: Out, serve: &Serve) -> Result<()> {
    let config = Config::load(&common.data(), serve.config.as_deref(), std::env::vars(), &serve.keys.0)?;
    init_logging(&config.log);
    let running = Server::start(config).await?;
    let value = serde_json::json!({"graphUrl": running.graph_url, "deviceUrl": running.device_url});
    out.say(text!("serving", graph = &running.graph_url, devices = &running.device_url), &value);
    running.wait_for_signal().await?;
    Ok(())
}
