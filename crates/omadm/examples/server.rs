//! The server's end of one management session, without IO: asks each device for its model.
//!
//! `cargo run --example server` prints the answer to one message of a device.

use omadm::Secret;
use omadm::session::server::{Answered, Entered, Evidence, Moment, Sent, Session, Step, challenge};
use omadm::syncml::{Item, Verb};

type Error = Box<dyn std::error::Error>;

/// Answers one message. `session` is the stored form after the message before, if there was one.
pub(crate) fn answer(session: Option<&[u8]>, message: &[u8]) -> Result<(Secret, Option<Vec<u8>>), Error> {
    let session = match session {
        Some(stored) => Session::open(stored, |sealed| Some(sealed.into()))?,
        None => Session::new([1; 16]),
    };
    // A real server derives the challenge from a key and the time, and seals what it stores.
    let fresh = [2; 16];
    let evidence = Evidence::Digest { user: "ana".to_owned(), password: "secret".into(), challenges: vec![fresh] };
    let proven = match session.expecting(evidence).receive(message) {
        Step::Unreadable(error) => return Err(error.into()),
        Step::Unproven(request) => return Ok((challenge(&request, "https://mdm.example/dm", fresh), None)),
        Step::Repeated(answer) => return Ok((answer, None)),
        Step::Proven(proven) => proven,
    };
    let turn = match proven.enter(Moment::new("https://mdm.example/dm", [3; 16], 0, 120)) {
        Entered::Turn(turn) => turn,
        Entered::Exhausted(answer) => return Ok((answer, None)),
    };
    for item in turn.message().results().flat_map(|results| &results.items) {
        println!("{}: {}", item.source.as_deref().unwrap_or_default(), item.data.as_deref().unwrap_or_default());
    }
    let commands = if turn.is_new() { vec![(Verb::Get, Item::at("./DevInfo/Mod"))] } else { Vec::new() };
    let (Sent::Now(turn, _) | Sent::Next(turn) | Sent::Never(turn)) = turn.command(commands, 0);
    let Answered { text, session, .. } = turn.answer();
    Ok((text, Some(session.store(|text| Some(text.to_owned()))?)))
}

fn main() -> Result<(), Error> {
    let message = "<SyncML xmlns=\"SYNCML:SYNCML1.2\"><SyncHdr><SessionID>1</SessionID><MsgID>1</MsgID>\
        <Target><LocURI>https://mdm.example/dm</LocURI></Target><Source><LocURI>urn:device:1</LocURI></Source>\
        </SyncHdr><SyncBody><Final/></SyncBody></SyncML>";
    println!("{}", answer(None, message.as_bytes())?.0.as_str());
    Ok(())
}
