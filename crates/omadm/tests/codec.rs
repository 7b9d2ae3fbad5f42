//! Whatever one end says the other end reads; whatever a stranger sends is a value or a typed error.

use omadm::provisioning::Provisioned;
use omadm::session::server::{Admission, Expected, Reply, State};
use omadm::soap::discovery::{Discover, Discovered};
use omadm::soap::enrollment::{Issued, RequestSecurityToken};
use omadm::soap::policy::{GetPolicies, Policy};
use omadm::syncml::{
    self, Alert, Challenge, Command, Container, ContainerKind, Credential, Element, Header, Item, Message, Results,
    Status, Verb,
};
use omadm::xml::{self, Limits};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use zeroize::Zeroizing;

/// Target, source, format, type, data. Messages have neither `Debug` nor equality, because they can hold a passcode;
/// tests make them from facts and compare those.
type ItemFacts = [Option<String>; 5];

/// Number, verb, items.
type CommandFacts = (u32, Verb, Vec<ItemFacts>);

#[derive(Clone, Debug, PartialEq)]
enum ElementFacts {
    Status(Status),
    Results(u32, u32, u32, Vec<ItemFacts>),
    Alert(u32, u16, Vec<ItemFacts>),
    Command(CommandFacts),
    Container(u32, ContainerKind, Vec<CommandFacts>),
    Unknown(u32, String),
}

#[derive(Clone, Debug, PartialEq)]
struct MessageFacts {
    session: String,
    number: u32,
    ends: (String, String, Option<String>),
    credential: Option<(String, String)>,
    body: Vec<ElementFacts>,
    is_final: bool,
}

/// A name or a URI: what is read without the white space around it.
fn word() -> impl Strategy<Value = String> {
    "[A-Za-z0-9./:<>&'\"çã£-]{1,20}"
}

/// A value: every character that XML can carry counts, at the ends too.
fn data() -> impl Strategy<Value = String> {
    "[ -~\\t\\r\\nçã£\u{1F511}]{0,40}"
}

fn items() -> impl Strategy<Value = Vec<ItemFacts>> {
    let item = (of(word()), of(word()), of(word()), of(word()), of(data()));
    vec(item.prop_map(|(target, source, format, kind, data)| [target, source, format, kind, data]), 0..3)
}

fn command() -> impl Strategy<Value = CommandFacts> {
    let verb = prop_oneof![Just(Verb::Add), Just(Verb::Replace), Just(Verb::Delete), Just(Verb::Get), Just(Verb::Exec)];
    (any::<u32>(), verb, items())
}

prop_compose! {
    fn status()(
        id in any::<u32>(),
        message_ref in any::<u32>(),
        command_ref in any::<u32>(),
        command in word(),
        target_ref in of(word()),
        nonce in of(vec(any::<u8>(), 0..20)),
        code in any::<u16>(),
    ) -> Status {
        let challenge = nonce.map(|nonce| Challenge { nonce });
        Status { id, message_ref, command_ref, command, target_ref, challenge, code }
    }
}

fn element() -> impl Strategy<Value = ElementFacts> {
    let kind = prop_oneof![Just(ContainerKind::Atomic), Just(ContainerKind::Sequence)];
    prop_oneof![
        status().prop_map(ElementFacts::Status),
        (any::<u32>(), any::<u32>(), any::<u32>(), items())
            .prop_map(|(id, message, command, items)| ElementFacts::Results(id, message, command, items)),
        (any::<u32>(), any::<u16>(), items()).prop_map(|(id, code, items)| ElementFacts::Alert(id, code, items)),
        command().prop_map(ElementFacts::Command),
        (any::<u32>(), kind, vec(command(), 0..3))
            .prop_map(|(id, kind, commands)| ElementFacts::Container(id, kind, commands)),
    ]
}

prop_compose! {
    fn message()(
        session in "[0-9A-F]{1,16}",
        number in any::<u32>(),
        ends in (word(), word(), of(word())),
        credential in of((word(), word())),
        body in vec(element(), 0..6),
        is_final in any::<bool>(),
    ) -> MessageFacts {
        MessageFacts { session, number, ends, credential, body, is_final }
    }
}

fn build_items(facts: &[ItemFacts]) -> Vec<Item> {
    let build = |[target, source, format, kind, data]: ItemFacts| Item {
        target,
        source,
        format,
        kind,
        data: data.map(Zeroizing::new),
    };
    facts.iter().cloned().map(build).collect()
}

fn build_command((id, verb, items): &CommandFacts) -> Command {
    Command { id: *id, verb: *verb, items: build_items(items) }
}

fn build(facts: &MessageFacts) -> Message {
    let element = |facts: &ElementFacts| match facts {
        ElementFacts::Status(status) => Element::Status(status.clone()),
        ElementFacts::Results(id, message_ref, command_ref, items) => Element::Results(Results {
            id: *id,
            message_ref: *message_ref,
            command_ref: *command_ref,
            items: build_items(items),
        }),
        ElementFacts::Alert(id, code, items) => {
            Element::Alert(Alert { id: *id, code: *code, items: build_items(items) })
        }
        ElementFacts::Command(command) => Element::Command(build_command(command)),
        ElementFacts::Container(id, kind, commands) => Element::Container(Container {
            id: *id,
            kind: *kind,
            commands: commands.iter().map(build_command).collect(),
        }),
        ElementFacts::Unknown(id, name) => Element::Unknown { id: *id, name: name.clone() },
    };
    let (target, source, source_name) = facts.ends.clone();
    let credential = facts.credential.clone().map(|(kind, data)| Credential { kind, data: Zeroizing::new(data) });
    let header =
        Header { session: facts.session.clone(), message: facts.number, target, source, source_name, credential };
    Message { header, body: facts.body.iter().map(element).collect(), is_final: facts.is_final }
}

fn item_facts(items: &[Item]) -> Vec<ItemFacts> {
    let facts = |item: &Item| {
        let data = item.data.as_ref().map(|data| data.to_string());
        [item.target.clone(), item.source.clone(), item.format.clone(), item.kind.clone(), data]
    };
    items.iter().map(facts).collect()
}

fn command_facts(command: &Command) -> CommandFacts {
    (command.id, command.verb, item_facts(&command.items))
}

fn facts(message: &Message) -> MessageFacts {
    let element = |element: &Element| match element {
        Element::Status(status) => ElementFacts::Status(status.clone()),
        Element::Results(results) => {
            ElementFacts::Results(results.id, results.message_ref, results.command_ref, item_facts(&results.items))
        }
        Element::Alert(alert) => ElementFacts::Alert(alert.id, alert.code, item_facts(&alert.items)),
        Element::Command(command) => ElementFacts::Command(command_facts(command)),
        Element::Container(container) => ElementFacts::Container(
            container.id,
            container.kind,
            container.commands.iter().map(command_facts).collect(),
        ),
        Element::Unknown { id, name } => ElementFacts::Unknown(*id, name.clone()),
    };
    let header = &message.header;
    MessageFacts {
        session: header.session.clone(),
        number: header.message,
        ends: (header.target.clone(), header.source.clone(), header.source_name.clone()),
        credential: header.credential.as_ref().map(|held| (held.kind.clone(), held.data.to_string())),
        body: message.body.iter().map(element).collect(),
        is_final: message.is_final,
    }
}

/// Every decoder of bytes from outside.
fn decode_everything(bytes: &[u8]) {
    let _ = xml::Element::parse(bytes, Limits::MESSAGE);
    let _ = syncml::decode(bytes, Limits::MESSAGE);
    let _ = Discover::decode(bytes);
    let _ = Discovered::decode(bytes);
    let _ = GetPolicies::decode(bytes);
    let _ = Policy::decode(bytes);
    let _ = RequestSecurityToken::decode(bytes);
    let _ = Issued::decode(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = Provisioned::decode(text);
    }
}

fn discover() -> Discover {
    Discover {
        message_id: "urn:uuid:1".to_owned(),
        email: "ana@example.org".to_owned(),
        version: (4, 0),
        device_type: "CIMClient_Windows".to_owned(),
        os_edition: Some(4),
        auth_policies: vec!["OnPremise".to_owned()],
    }
}

proptest! {
    #[test]
    fn a_message_is_read_as_it_was_written(message in message()) {
        let written = syncml::encode(&build(&message));
        let read = syncml::decode(written.as_bytes(), Limits::MESSAGE).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(facts(&read), message);
    }

    #[test]
    fn any_bytes_are_a_value_or_an_error(bytes in vec(any::<u8>(), 0..400)) {
        decode_everything(&bytes);
    }

    #[test]
    fn a_message_with_any_bytes_in_its_midst_is_a_value_or_an_error(
        message in message(), at in any::<prop::sample::Index>(), cut in 0_usize..40, bytes in vec(any::<u8>(), 0..8),
    ) {
        let soap = discover().encode("https://mdm.example/EnrollmentServer/Discovery.svc");
        for document in [syncml::encode(&build(&message)).as_bytes(), soap.as_bytes()] {
            let mut document = document.to_vec();
            let from = at.index(document.len());
            let to = (from + cut).min(document.len());
            document.splice(from..to, bytes.iter().copied());
            decode_everything(&document);
        }
    }

    #[test]
    fn a_truncated_message_is_an_error(message in message(), at in any::<prop::sample::Index>()) {
        let written = syncml::encode(&build(&message));
        let cut = at.index(written.len());
        prop_assert!(syncml::decode(&written.as_bytes()[..cut], Limits::MESSAGE).is_err());
    }
}

#[test]
fn a_device_without_a_credential_is_challenged_and_one_that_answers_the_challenge_is_admitted() {
    let header = |credential| Header {
        session: "1".to_owned(),
        message: 1,
        target: "https://mdm.example/dm".to_owned(),
        source: "urn:device:1".to_owned(),
        source_name: Some("user".to_owned()),
        credential,
    };
    let expected = Expected { certificate: false, user: "user", password: "secret" };
    let mut state = State::new([1; 16]);
    let without = header(None);
    assert!(state.enter(&without));
    let Admission::Challenged(code, challenge) = state.admit(&without, expected, [2; 16]) else {
        panic!("a message without a credential was believed");
    };
    assert_eq!(code, 407);
    let request = Message { header: without, body: Vec::new(), is_final: true };
    insta::assert_snapshot!(
        Reply::to(&request, "https://mdm.example/dm", code, Some(challenge)).encode().replace("><", ">\n<")
    );

    let answer = omadm::digest::credential("user", "secret", &[2; 16]);
    let with = header(Some(Credential { kind: syncml::AUTH_MD5.to_owned(), data: answer }));
    assert!(matches!(state.admit(&with, expected, [3; 16]), Admission::Admitted(Some(_))));
}

#[test]
fn who_proves_itself_wrongly_is_challenged_twice_and_then_refused() {
    let expected = Expected { certificate: false, user: "user", password: "secret" };
    let mut state = State::new([1; 16]);
    let wrong = Credential { kind: syncml::AUTH_MD5.to_owned(), data: Zeroizing::new("AAAA".to_owned()) };
    let header = Header {
        session: "1".to_owned(),
        message: 1,
        target: String::new(),
        source: String::new(),
        source_name: None,
        credential: Some(wrong),
    };
    state.enter(&header);
    let challenged = |admission| matches!(admission, Admission::Challenged(401, _));
    assert!(challenged(state.admit(&header, expected, [2; 16])));
    assert!(challenged(state.admit(&header, expected, [3; 16])));
    assert_eq!(state.admit(&header, expected, [4; 16]), Admission::Refused);
}
