//! A management session over mutual TLS, and the nodes that this machine has (`docs/linux.md` lists them).

use anyhow::{Context, Result, bail};
use chaveiro_device::transport::{Request, Transport};
use omadm::session::device::{Account, Event, Next, Session, Tree};
use omadm::syncml::{self, CONTENT_TYPE, Verb};
use omadm::xml::Limits;
use zeroize::Zeroizing;

use crate::inventory::Inventory;
use crate::state::Enrolment;

/// Messages of one session, at the most: a server that never ends one is wrong.
const MAX_MESSAGES: usize = 50;

/// SyncML status: no such node.
const NOT_FOUND: u16 = 404;
/// SyncML status: this node does not do that.
const NOT_ALLOWED: u16 = 405;

/// The nodes of this machine.
pub(crate) struct Nodes<'a>(pub(crate) &'a Inventory);

impl Nodes<'_> {
    fn value(&self, uri: &str) -> Option<Option<String>> {
        let Self(inventory) = self;
        let number = |number: Option<u64>| number.map(|number| number.to_string());
        Some(match uri {
            "./DevDetail/SwV" => Some(inventory.os_version.clone()),
            "./Vendor/Chaveiro/Inventory/DeviceName" => Some(inventory.device_name.clone()),
            "./Vendor/Chaveiro/Inventory/SerialNumber" => inventory.serial_number.clone(),
            "./Vendor/Chaveiro/Inventory/TotalStorage" => number(inventory.total_storage_mib),
            "./Vendor/Chaveiro/Inventory/FreeStorage" => number(inventory.free_storage_mib),
            "./Vendor/Chaveiro/Inventory/TotalRam" => number(inventory.total_ram_mib),
            _ => return None,
        })
    }
}

impl Tree for Nodes<'_> {
    fn get(&mut self, uri: &str) -> Result<Option<Zeroizing<String>>, u16> {
        self.value(uri).map(|value| value.map(Zeroizing::new)).ok_or(NOT_FOUND)
    }

    fn exec(&mut self, uri: &str, _: Option<&str>) -> u16 {
        if self.value(uri).is_some() { NOT_ALLOWED } else { NOT_FOUND }
    }

    fn set(&mut self, _: Verb, uri: &str, _: Option<&str>) -> u16 {
        if self.value(uri).is_some() { NOT_ALLOWED } else { NOT_FOUND }
    }
}

/// One whole session; says how many messages it took. The certificate of the connection proves who we are, so that
/// no digest is needed.
pub(crate) async fn run(
    transport: &impl Transport,
    enrolment: &Enrolment,
    inventory: &Inventory,
    events: Vec<Event>,
) -> Result<usize> {
    let mut account = Account {
        address: enrolment.address.clone(),
        oma_device_id: enrolment.oma_device_id.clone(),
        user: String::new(),
        password: Zeroizing::default(),
        nonce: Vec::new(),
    };
    let information = vec![
        ("./DevInfo/DevId", enrolment.oma_device_id.clone()),
        ("./DevInfo/Man", inventory.manufacturer.clone()),
        ("./DevInfo/Mod", inventory.model.clone()),
        ("./DevInfo/DmV", "1.2".to_owned()),
        ("./DevInfo/Lang", "en-US".to_owned()),
    ];
    let number = enrolment.sessions.to_string();
    let mut session = Session::new(&mut account, &number, false, information, events);
    let mut nodes = Nodes(inventory);
    let mut message = session.begin();
    for sent in 1..=MAX_MESSAGES {
        let body = syncml::encode(&message).as_bytes().to_vec();
        let url = enrolment.address.clone();
        let request = Request { method: "POST", url, content_type: Some(CONTENT_TYPE), body };
        let response = transport.send(request).await.context("the server was not reached; try again later")?;
        if response.status != 200 {
            bail!("the server answered with HTTP {}; try again later", response.status);
        }
        let answer = syncml::decode(&response.body, Limits::MESSAGE).context("the server's answer is not readable")?;
        match session.receive(&answer, &mut nodes) {
            Next::Send(next) => message = next,
            Next::End => return Ok(sent),
            Next::Refused(code) => bail!(
                "the server refuses this machine with status {code}; it was retired or enrolled anew: unenrol, then enrol again"
            ),
        }
    }
    bail!("the session did not end after {MAX_MESSAGES} messages")
}
