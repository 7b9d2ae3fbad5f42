//! A management session over mutual TLS.

use anyhow::{Result, bail};
use chaveiro_device::transport::{Request, Transport};
use chaveiro_lang::{Explain, Text, text};
use omadm::Limits;
use omadm::session::device::{Account, Event, Next, Session};
use omadm::syncml::{self, CONTENT_TYPE};

use crate::nodes::Nodes;
use crate::state::Enrolment;

/// Messages of one session, at the most: a server that never ends one is wrong.
const MAX_MESSAGES: usize = 50;

/// The error of a session in which the server did not know this machine: it was retired, or enrolled anew.
#[derive(Debug)]
pub(crate) struct Refused(u16);

impl Refused {
    pub(crate) fn text(&self) -> Text {
        text!("agent-refused", status = self.0)
    }
}

impl std::fmt::Display for Refused {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.text().fmt(out)
    }
}

impl std::error::Error for Refused {}

/// Runs one whole session, and returns the number of its messages. The certificate of the connection authenticates this
/// machine, so no digest is needed.
pub(crate) async fn run(
    transport: &impl Transport,
    enrolment: &Enrolment,
    nodes: &mut Nodes<'_>,
    events: Vec<Event>,
) -> Result<usize> {
    let inventory = nodes.inventory;
    let mut account = Account::new(&enrolment.address, &enrolment.oma_device_id);
    let information = vec![
        ("./DevInfo/DevId", enrolment.oma_device_id.clone()),
        ("./DevInfo/Man", inventory.manufacturer.clone()),
        ("./DevInfo/Mod", inventory.model.clone()),
        ("./DevInfo/DmV", "1.2".to_owned()),
        ("./DevInfo/Lang", "en-US".to_owned()),
    ];
    let number = enrolment.sessions.to_string();
    let mut session = Session::new(&mut account, &number, false, information, events);
    let mut message = session.begin();
    for sent in 1..=MAX_MESSAGES {
        let body = syncml::encode(&message).as_bytes().to_vec();
        let url = enrolment.address.clone();
        let request = Request { method: "POST", url, content_type: Some(CONTENT_TYPE), body };
        let response = transport.send(request).await.explain(|| text!("agent-not-reached"))?;
        if response.status != 200 {
            bail!(text!("agent-status", status = response.status));
        }
        let answer = syncml::decode(&response.body, Limits::MESSAGE).explain(|| text!("agent-answer-unreadable"))?;
        match session.receive(&answer, nodes) {
            Next::Send(next) => message = next,
            Next::End => return Ok(sent),
            Next::Refused(code) => bail!(Refused(code)),
        }
    }
    bail!(text!("agent-endless", messages = MAX_MESSAGES))
}
