//! The device's end of a session, without IO. `cargo run --example device` prints the first message; no server answers it.
use omadm::session::device::{Account, Next, Session, Tree};
use omadm::{Limits, Secret, syncml};

/// A device with one node, which can only be read.
struct Model;
impl Tree for Model {
    fn get(&mut self, uri: &str) -> Result<Option<Secret>, u16> {
        (uri == "./DevInfo/Mod").then(|| Some("Laptop 7".into())).ok_or(404)
    }
}
/// Runs one session: `send` carries a message to the server and returns its answer.
pub(crate) fn session(mut send: impl FnMut(&[u8]) -> Vec<u8>) -> Result<Next, syncml::DecodeError> {
    let mut account = Account::new("https://mdm.example/dm", "urn:device:1");
    (account.user, account.password) = ("ana".to_owned(), "secret".into());
    let mut session = Session::new(&mut account, "1", false, Vec::new(), Vec::new());
    let mut next = Next::Send(session.begin());
    while let Next::Send(message) = next {
        let answer = syncml::decode(&send(syncml::encode(&message).as_bytes()), Limits::MESSAGE)?;
        next = session.receive(&answer, &mut Model);
    }
    Ok(next)
}

fn main() {
    _ = session(|message| {
        println!("{}", String::from_utf8_lossy(message));
        Vec::new()
    });
}
