//! The two examples talk with each other, and the device's end answers as the protocol wants.

use omadm::digest::Claim;
use omadm::session::device::{Account, Next, Session, Tree};
use omadm::syncml::{
    Alert, Challenge, Command, Container, ContainerKind, Element, HEADER_REF, Header, Item, Message, Status, Verb,
    alert,
};
use omadm::{Limits, Secret, syncml};

#[path = "../examples/device.rs"]
#[allow(dead_code, reason = "the example has a main of its own")]
mod device;
#[path = "../examples/server.rs"]
#[allow(dead_code, reason = "the example has a main of its own")]
mod server;

#[test]
fn the_examples_talk_with_each_other_until_the_session_ends() {
    let (mut stored, mut heard) = (None, Vec::new());
    let end = device::session(|message| {
        heard.push(String::from_utf8_lossy(message).into_owned());
        let (answer, session) = server::answer(stored.as_deref(), message).expect("an answer");
        stored = session.or(stored.take());
        answer.as_str().as_bytes().to_vec()
    })
    .expect("every answer is a message");
    assert!(matches!(end, Next::End), "the session ends well");
    assert_eq!(heard.len(), 3, "a message without credential, one with it, and the value");
    assert!(!heard[0].contains("<Cred>") && heard[1].contains("<Cred>"));
    assert!(heard[2].contains("<Data>Laptop 7</Data>"), "{}", heard[2]);
}

/// A tree that answers each operation with a status of its own.
struct Statuses;

impl Tree for Statuses {
    fn get(&mut self, uri: &str) -> Result<Option<Secret>, u16> {
        match uri {
            "./Value" => Ok(Some("x".into())),
            "./Empty" => Ok(None),
            _ => Err(404),
        }
    }
    fn exec(&mut self, _: &str, data: Option<&str>) -> u16 {
        if data == Some("go") { 200 } else { 500 }
    }
    fn set(&mut self, verb: Verb, _: &str, _: Option<&str>) -> u16 {
        if verb == Verb::Add { 418 } else { 200 }
    }
}

/// A tree that implements reading alone.
struct Empty;

impl Tree for Empty {
    fn get(&mut self, _: &str) -> Result<Option<Secret>, u16> {
        Ok(None)
    }
}

#[test]
fn a_tree_that_only_reads_refuses_every_other_command_with_405() {
    let mut tree = Empty;
    assert_eq!(tree.exec("./Run", Some("go")), 405);
    assert_eq!([Verb::Add, Verb::Replace, Verb::Delete].map(|verb| tree.set(verb, "./A", None)), [405; 3]);
}

fn account() -> Account {
    let mut account = Account::new("https://mdm.example/dm", "urn:device:1");
    (account.user, account.password) = ("ana".to_owned(), "secret".into());
    account
}

fn from_server(mut body: Vec<Element>) -> Message {
    for (id, element) in (1..).zip(&mut body) {
        element.number(id);
    }
    Message::new(Header::new("1", "1", "urn:device:1", "https://mdm.example/dm"), body)
}

fn header_status(code: u16, nonce: Option<u8>) -> Message {
    let mut status = Status::new("1", HEADER_REF, "SyncHdr", code);
    status.challenge = nonce.map(|nonce| Challenge::new(&[nonce; 16]));
    from_server(vec![Element::Status(status)])
}

#[test]
fn a_device_answers_three_challenges_each_with_its_nonce_and_then_gives_up() {
    let mut account = account();
    let mut session = Session::new(&mut account, "1", false, Vec::new(), Vec::new());
    assert!(session.begin().header.credential.is_none());
    for nonce in 1..=3 {
        let Next::Send(message) = session.receive(&header_status(407, Some(nonce)), &mut Statuses) else {
            panic!("the challenge {nonce} is answered")
        };
        let credential = message.header.credential.expect("a credential");
        assert!(Claim::new(&credential.data, "ana", "secret").is_for(&[nonce; 16]));
    }
    assert!(matches!(session.receive(&header_status(401, Some(4)), &mut Statuses), Next::Refused(401)));
    assert_eq!(account.nonce, [4; 16], "the nonce of the last challenge is kept for the next session");
}

#[test]
fn a_device_ends_a_session_without_commands_and_reports_a_refusal() {
    for (code, refused) in [(200, false), (212, false), (403, true), (407, true), (503, true)] {
        let mut account = account();
        let mut session = Session::new(&mut account, "1", false, Vec::new(), Vec::new());
        let next = session.receive(&header_status(code, None), &mut Statuses);
        assert!(if refused { matches!(next, Next::Refused(said) if said == code) } else { matches!(next, Next::End) });
    }
}

#[test]
fn every_command_of_a_server_gets_its_status_and_a_get_its_value() {
    let command = |verb, uri: &str| Command::new(verb, vec![Item::at(uri)]);
    let run = Command::new(Verb::Exec, vec![Item::at("./Run").holding("go")]);
    let request = from_server(vec![
        Element::Command(command(Verb::Get, "./Value")),
        Element::Command(command(Verb::Get, "./Empty")),
        Element::Command(command(Verb::Get, "./None")),
        Element::Command(run),
        Element::Container(Container::new(
            ContainerKind::Atomic,
            vec![command(Verb::Add, "./A"), command(Verb::Replace, "./A")],
        )),
        Element::Alert(Alert::new(alert::NEXT_MESSAGE, Vec::new())),
    ]);
    let mut account = account();
    let mut session = Session::new(&mut account, "1", false, Vec::new(), Vec::new());
    let Next::Send(answer) = session.receive(&request, &mut Statuses) else { panic!("an answer") };
    let answer = syncml::decode(syncml::encode(&answer).as_bytes(), Limits::MESSAGE).expect("a message");
    let said: Vec<_> = answer.statuses().map(|status| (status.command.as_str(), status.code)).collect();
    let gets = [("SyncHdr", 200), ("Get", 200), ("Get", 200), ("Get", 404)];
    assert_eq!(said, [&gets[..], &[("Exec", 200), ("Atomic", 200), ("Add", 418), ("Replace", 200)]].concat());
    let values: Vec<_> =
        answer.results().flat_map(|results| &results.items).map(|item| item.value().is_some()).collect();
    assert_eq!(values, [true, false]);
}
