//! A management session over mutual TLS.

use anyhow::{Result, bail};
use chaveiro_device::transport::{Request, Transport};
use omadm::session::device::{Account, Event, Next, Session};
use omadm::syncml::{self, CONTENT_TYPE};
use omadm::xml::Limits;
use zeroize::Zeroizing;

use crate::complaint::Complaint;
use crate::nodes::Nodes;
use crate::state::Enrolment;

/// Messages of one session, at the most: a server that never ends one is wrong.
const MAX_MESSAGES: usize = 50;

/// One whole session; says how many messages it took. The certificate of the connection proves who we are, so that
/// no digest is needed.
pub(crate) async fn run(
    transport: &impl Transport,
    enrolment: &Enrolment,
    nodes: &mut Nodes<'_>,
    events: Vec<Event>,
) -> Result<usize> {
    let inventory = nodes.inventory;
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
    let mut message = session.begin();
    for sent in 1..=MAX_MESSAGES {
        let body = syncml::encode(&message).as_bytes().to_vec();
        let url = enrolment.address.clone();
        let request = Request { method: "POST", url, content_type: Some(CONTENT_TYPE), body };
        let response = transport.send(request).await.map_err(Complaint::NotReached)?;
        if response.status != 200 {
            bail!(Complaint::Status(response.status));
        }
        let answer = syncml::decode(&response.body, Limits::MESSAGE).map_err(Complaint::AnswerUnreadable)?;
        match session.receive(&answer, nodes) {
            Next::Send(next) => message = next,
            Next::End => return Ok(sent),
            Next::Refused(code) => bail!(Complaint::Refused(code)),
        }
    }
    bail!(Complaint::Endless(MAX_MESSAGES))
}
