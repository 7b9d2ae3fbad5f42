//! `chaveiro demo`: the whole product on this machine. The server, the protocols, the store and the agent of the Linux machine
//! are the real ones. Only the Windows device is simulated. `CHAVEIRO_DATA` is ignored, so that the demonstration never runs in
//! the data directory of a real server.

mod linux;
mod story;
mod world;

use std::process::ExitCode;

use anyhow::{Result, bail};
use chaveiro_fleet::windows::WindowsDevice;
use chaveiro_lang::{Explain, text};
use reqwest::Method;
use serde_json::Value;

use crate::args::Common;
use crate::out::Out;
use story::{Recovery, Story};
use world::World;

const DEVICES: &str = "/beta/deviceManagement/managedDevices";

/// Seven URLs with Windows, one with Linux.
const RECOVERIES: usize = 8;

/// Both devices, which come back for as long as the server stays up.
struct Fleet {
    windows: WindowsDevice,
    linux: linux::Machine,
}

pub(crate) async fn run(common: &Common, out: Out, keep: bool, log: &str) -> Result<ExitCode> {
    let story = Story::new(out);
    let mut world = World::begin(common, &story, log).await?;
    let told = tell(&mut world, &story).await;
    let (recoveries, mut fleet) = match told {
        Ok(told) => told,
        Err(error) => {
            // The log of the server is printed before the error.
            world.end().await?;
            return Err(error);
        }
    };
    let audit = world.verify_audit().await?;
    let all_good = recoveries.len() == RECOVERIES && recoveries.iter().all(Recovery::is_good);
    story.end(&recoveries, &audit, all_good);
    if keep {
        leave_one_to_read(&world, &mut fleet.windows).await?;
        story.try_next(&world.hints(&fleet.windows.hardware.device_name, out.lang));
        world.wait(fleet).await?;
    } else {
        world.end().await?;
    }
    Ok(if all_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn tell(world: &mut World, story: &Story) -> Result<(Vec<Recovery>, Fleet)> {
    let mut device = world.enroll_device(story).await?;
    let device_id = world.client.device_id(&device.hardware.device_name).await?;
    let properties = world.client.expect(Method::GET, &format!("{DEVICES}/{device_id}"), None).await?;
    story.inventory(&properties, device.pin_recovery_enabled());
    let paths = world.make_surroundings(story, &device_id).await?;
    story.begin_recoveries(device.pin().len());
    let mut recoveries = Vec::new();
    for path in paths {
        recoveries.push(recover(world, story, &mut device, &device_id, &path).await?);
    }
    let (recovery, linux) = linux::recover(world, story).await?;
    recoveries.push(recovery);
    Ok((recoveries, Fleet { windows: device, linux }))
}

/// Makes one more recovery, whose passcode the application of the demonstration does not read. A passcode is shown to
/// its first reader alone: here, the person who tries the commands.
async fn leave_one_to_read(world: &World, device: &mut WindowsDevice) -> Result<()> {
    let id = world.client.device_id(&device.hardware.device_name).await?;
    world.client.expect(Method::POST, &format!("{DEVICES}/{id}/recoverPasscode"), None).await?;
    device.sync(&world.device_transport).await.map(drop).explain(|| text!("demo-error-session"))
}

/// One recovery: asked for, carried out, read back, compared.
async fn recover(
    world: &World,
    story: &Story,
    device: &mut WindowsDevice,
    device_id: &str,
    path: &str,
) -> Result<Recovery> {
    let before = device.pin().to_owned();
    let (status, answer) = world.client.call(Method::POST, path, None).await?;
    story.asked(path, status.as_u16());
    if status.as_u16() != 204 {
        let words = crate::client::refusal(status, &answer);
        bail!(text!("demo-error-answer", path = path, status = status.as_u16(), words = words));
    }
    story.state(&newest(world, device_id, false).await?["actionState"]);
    let report = device.sync(&world.device_transport).await?;
    let statuses: Vec<u16> = report.commands.iter().map(|(_, _, status)| *status).collect();
    story.device_came(report.messages, &statuses);
    let result = newest(world, device_id, true).await?;
    let passcode = result["passcode"].as_str().unwrap_or_default().to_owned();
    let recovery = Recovery {
        path: path.to_owned(),
        status: status.as_u16(),
        state: result["actionState"].as_str().unwrap_or_default().to_owned(),
        opens: passcode == device.pin() && passcode != before,
        passcode,
    };
    story.read_back(&recovery);
    Ok(recovery)
}

/// The newest result of the device, as Graph shows it. Naming it in `$select` is what shows the passcode.
async fn newest(world: &World, device_id: &str, show: bool) -> Result<Value> {
    let select = if show { "?$select=deviceActionResults" } else { "" };
    let device = world.client.expect(Method::GET, &format!("{DEVICES}/{device_id}{select}"), None).await?;
    let results = device["deviceActionResults"].as_array().cloned().unwrap_or_default();
    results.into_iter().next().explain(|| text!("demo-error-no-action"))
}
