//! `chaveiro serve`.

use anyhow::Result;
use chaveiro_server::{Config, Server, init_logging};

use crate::args::{Common, Serve};
use crate::out::Out;
use chaveiro_lang::text;

pub(crate) async fn serve(common: &Common, out: Out, serve: &Serve) -> Result<()> {
    let data = common.data();
    let config = Config::load(&data, serve.config.as_deref(), std::env::vars(), &serve.keys.0)?;
    init_logging(&config.log);
    let running = Server::start(config).await?;
    let loopback: Vec<_> = running.loopback.iter().map(|door| door.listen).collect();
    let value = serde_json::json!({
        "graphUrl": running.graph_url,
        "deviceUrl": running.device_url,
        "onlyThisMachine": loopback,
    });
    out.say(text!("serving", graph = &running.graph_url, devices = &running.device_url), &value);
    let file = serve.config.clone().unwrap_or_else(|| data.join("chaveiro.toml"));
    for door in &running.loopback {
        // A port is told as it is typed, without marks between thousands.
        let port = door.port.to_string();
        out.text(text!("serving-loopback", listen = door.listen, file = &file, port = port, url = door.url));
    }
    running.wait_for_signal().await?;
    Ok(())
}
