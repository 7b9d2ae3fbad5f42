//! A Linux machine: a system below a directory, with a real password file and a real LUKS2 volume, and the real agent.
//! Nothing outside of that directory is read or changed, so that no rights are needed.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use chaveiro_agent::Embedded;
use chaveiro_core::Timestamp;
use chaveiro_core::ports::Entropy;
use chaveiro_core::secret::joined;
use chaveiro_keyfile as keyfile;
use chaveiro_lang::{Explain, text};
use chaveiro_server::SystemEntropy;
use reqwest::Method;
use serde_json::Value;
use zeroize::Zeroizing;

use super::story::{Check, Recovery, Secret, Story};
use super::world::{World, random_pin};
use super::{DEVICES, newest};

pub(super) const NAME: &str = "ana-desktop";
const ACCOUNT: &str = "ana";
const VOLUME: &str = "/disk.img";
const VOLUME_BYTES: u64 = 8 << 20;

/// Sessions until the server has nothing more to do: inventory and the escrow of the disk take two or three.
const MAX_SESSIONS: usize = 6;

pub(super) struct Machine {
    agent: Embedded,
    /// The password that opened the account until now.
    password: Zeroizing<String>,
    disk: Option<Disk>,
}

struct Disk {
    /// The user's own, which no recovery touches.
    passphrase: Zeroizing<String>,
    /// The passcode that was in escrow before anyone asked.
    escrowed: Zeroizing<String>,
}

/// A machine enrols, its disk's passcode goes into escrow, and both of its locks are recovered.
pub(super) async fn recover(world: &World, story: &Story) -> Result<(Recovery, Machine)> {
    let (mut machine, id) = begin(world, story).await?;
    let path = format!("{DEVICES}/{id}/recoverPasscode");
    let (status, answer) = world.client.call(Method::POST, &path, None).await?;
    story.asked(&path, status.as_u16());
    if status.as_u16() != 204 {
        let words = crate::client::refusal(status, &answer);
        bail!(text!("demo-error-answer", path = path, status = status.as_u16(), words = words));
    }
    story.state(&newest(world, &id, false).await?["actionState"]);
    story.machine_came(sessions(&mut machine.agent, world).await?);
    let result = newest(world, &id, true).await?;
    let passcode = Zeroizing::new(result["passcode"].as_str().unwrap_or_default().to_owned());
    let checks = machine.check(&passcode)?;
    let recovery = Recovery {
        path,
        status: status.as_u16(),
        state: result["actionState"].as_str().unwrap_or_default().to_owned(),
        opens: checks.iter().all(Check::is_good) && machine.claims_match(&result["chaveiro_opens"]),
        passcode: passcode.to_string(),
    };
    story.proven(&recovery, &checks);
    Ok((recovery, machine))
}

/// The machine, enrolled, with its disk in escrow; and its id.
async fn begin(world: &World, story: &Story) -> Result<(Machine, String)> {
    let directory = world.linux_directory();
    let (root, state) = (directory.join("root"), directory.join("state"));
    let (password, passphrase) = (Zeroizing::new(random_pin()), Zeroizing::new(random_pin()));
    let has_disk = Embedded::has_cryptsetup();
    make_system(&root, &password, has_disk)?;
    let token = world.enroll_token().await?;
    let (server, certificate) = (world.device_url(), world.root_certificate());
    let enrolled = Embedded::enroll(&root, &state, server, token.expose_secret(), &certificate).await;
    let mut agent = enrolled.explain(|| text!("demo-error-linux-not-enrolled"))?;
    story.machine(NAME, ACCOUNT, has_disk.then_some(VOLUME));
    if has_disk {
        Embedded::make_volume(&root.join(VOLUME.trim_start_matches('/')), &passphrase)?;
        Embedded::escrow(&root, &state, Path::new(VOLUME), &passphrase)?;
    } else {
        story.no_cryptsetup();
    }
    sessions(&mut agent, world).await?;
    let id = world.client.device_id(NAME).await?;
    let disk = if has_disk {
        let result = newest(world, &id, true).await?;
        let escrowed = result["passcode"].as_str().explain(|| text!("demo-error-disk-not-in-escrow"))?.to_owned();
        let escrowed = Zeroizing::new(escrowed);
        story.disk_escrowed(&escrowed, agent.passphrase_opens(Path::new(VOLUME), &escrowed)?);
        Some(Disk { passphrase, escrowed })
    } else {
        None
    };
    Ok((Machine { agent, password, disk }, id))
}

/// The files that the agent reads of a Linux system, and an encrypted volume.
fn make_system(root: &Path, password: &str, has_disk: bool) -> Result<()> {
    let write = |name: &str, text: &str| -> Result<()> {
        let file: PathBuf = root.join(name);
        keyfile::create_directory(file.parent().unwrap_or(root))?;
        Ok(keyfile::create(&file, text.as_bytes())?)
    };
    let volumes = if has_disk { format!("volumes = [\"{VOLUME}\"]\n") } else { String::new() };
    let config = format!("account = \"{ACCOUNT}\"\n{volumes}kdf = \"pbkdf2\"\npbkdf2_iterations = 1000\n");
    for (name, text) in [
        ("etc/machine-id", format!("{}\n", SystemEntropy.uuid().simple())),
        ("etc/hostname", format!("{NAME}\n")),
        ("etc/os-release", "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_ID=\"12\"\n".to_owned()),
        ("etc/passwd", format!("{ACCOUNT}:x:1000:1000:Ana Souza,,,:/home/{ACCOUNT}:/bin/bash\n")),
        ("etc/chaveiro-agent.toml", config),
        ("var/lib/dpkg/status", "Package: bash\nStatus: install ok installed\nVersion: 5.2.15-2\n".to_owned()),
        // A machine must have the program that proves passwords. For a system that is not the running one the agent
        // proves them itself, so that its name is enough.
        ("usr/sbin/unix_chkpwd", String::new()),
    ] {
        write(name, &text)?;
    }
    let hash = Embedded::password_hash(root, password)?;
    let line = joined(&[ACCOUNT, ":", &hash, ":19000:0:99999:7:::\n"]);
    write("etc/shadow", &line)?;
    if has_disk {
        File::create(root.join(VOLUME.trim_start_matches('/')))?.set_len(VOLUME_BYTES)?;
    }
    Ok(())
}

/// Sessions until one has nothing to do; how many commands were run.
async fn sessions(agent: &mut Embedded, world: &World) -> Result<usize> {
    let mut commands = 0;
    for _ in 0..MAX_SESSIONS {
        match agent.sync(world.now()).await.explain(|| text!("demo-error-linux-session"))? {
            0 => return Ok(commands),
            run => commands += run,
        }
    }
    bail!(text!("demo-error-linux-endless"))
}

impl Machine {
    /// One session.
    pub(super) async fn sync(&mut self, now: Timestamp) -> Result<()> {
        self.agent.sync(now).await.map(drop)
    }

    /// The secrets that open and those that do not, by the word of the machine itself.
    fn check(&self, passcode: &str) -> Result<Vec<Check>> {
        let (login, luks2) = (format!("login:{ACCOUNT}"), format!("luks2:{VOLUME}"));
        let mut checks = Vec::new();
        for (secret, text, expected) in
            [(Secret::Former, self.password.as_str(), false), (Secret::Recovered, passcode, true)]
        {
            let opens = self.agent.password_opens(ACCOUNT, text)?;
            checks.push(Check { lock: login.clone(), secret, expected, opens });
        }
        let Some(disk) = &self.disk else { return Ok(checks) };
        for (secret, text, expected) in [
            (Secret::Former, disk.escrowed.as_str(), false),
            (Secret::Recovered, passcode, true),
            (Secret::Own, disk.passphrase.as_str(), true),
        ] {
            let opens = self.agent.passphrase_opens(Path::new(VOLUME), text)?;
            checks.push(Check { lock: luks2.clone(), secret, expected, opens });
        }
        Ok(checks)
    }

    /// Says whether the passcode opens what there is, by the word of the server.
    fn claims_match(&self, opens: &Value) -> bool {
        let mut claimed: Vec<&str> = opens.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        claimed.sort_unstable();
        let (login, luks2) = (format!("login:{ACCOUNT}"), format!("luks2:{VOLUME}"));
        let there = [Some(login.as_str()), self.disk.as_ref().map(|_| luks2.as_str())];
        claimed == there.into_iter().flatten().collect::<Vec<_>>()
    }
}
