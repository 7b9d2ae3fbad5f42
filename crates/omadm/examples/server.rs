//! The server's end of a session, without IO: asks each device for its model. `cargo run --example server` prints an answer.
use omadm::session::server::{Entered, Evidence, Moment, Session, Step, challenge};
use omadm::syncml::{Header, Item, Message, Verb, encode};

type Answer = Result<(omadm::Secret, Option<Vec<u8>>), Box<dyn std::error::Error>>;
/// Answers one message. `stored` is the session that the last one left. A real server seals it, and derives the challenge.
pub(crate) fn answer(stored: Option<&[u8]>, message: &[u8]) -> Answer {
    let session = stored.map(|stored| Session::open(stored, |text| Some(text.into()))).transpose()?;
    let evidence = Evidence::Digest { user: "ana".to_owned(), password: "secret".into(), challenges: vec![[2; 16]] };
    let proven = match session.unwrap_or_else(|| Session::new([1; 16])).expecting(evidence).receive(message) {
        Step::Unreadable(error) => return Err(error.into()),
        Step::Unproven(request) => return Ok((challenge(&request, "https://mdm.example/dm", [2; 16]), None)),
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
    let answered = turn.command(commands, 0).into_turn().answer();
    Ok((answered.text, Some(answered.session.store(|text| Some(text.to_owned()))?)))
}
fn main() {
    let message = Message::new(Header::new("1", "1", "https://mdm.example/dm", "urn:device:1"), Vec::new());
    _ = answer(None, encode(&message).as_bytes()).map(|(text, _)| println!("{}", text.as_str()));
}
