//! The device's end of one management session, without IO.
//!
//! `cargo run --example device` prints the first message that a device sends.

use omadm::session::device::{Account, Next, Session, Tree};
use omadm::syncml::{self, Verb};
use omadm::{Limits, Secret};

/// A device with one node.
struct Model;

impl Tree for Model {
    fn get(&mut self, uri: &str) -> Result<Option<Secret>, u16> {
        if uri == "./DevInfo/Mod" { Ok(Some("Laptop 7".into())) } else { Err(404) }
    }
    fn exec(&mut self, _: &str, _: Option<&str>) -> u16 {
        405
    }
    fn set(&mut self, _: Verb, _: &str, _: Option<&str>) -> u16 {
        405
    }
}

/// Runs one session: `send` carries a message to the server and returns its answer.
pub(crate) fn session(mut send: impl FnMut(&[u8]) -> Vec<u8>) -> Result<(), Box<dyn std::error::Error>> {
    let mut account = Account::new("https://mdm.example/dm", "urn:device:1");
    (account.user, account.password) = ("ana".to_owned(), "secret".into());
    let mut session = Session::new(&mut account, "1", false, Vec::new(), Vec::new());
    let mut message = session.begin();
    loop {
        let answer = syncml::decode(&send(syncml::encode(&message).as_bytes()), Limits::MESSAGE)?;
        match session.receive(&answer, &mut Model) {
            Next::Send(next) => message = next,
            Next::End => return Ok(()),
            Next::Refused(code) => return Err(format!("the server refuses this device with status {code}").into()),
        }
    }
}

fn main() {
    let ended = session(|message| {
        println!("{}", String::from_utf8_lossy(message));
        Vec::new()
    });
    println!("Without a server the session ends here: {}", ended.is_err());
}
