//! Whatever one end says the other end reads; whatever a stranger sends is a value or a typed error.

use omadm::provisioning::Provisioned;
use omadm::soap::discovery::{Discover, Discovered};
use omadm::soap::enrollment::{Issued, RequestSecurityToken};
use omadm::soap::policy::{GetPolicies, Policy};
use omadm::syncml::{
    self, Alert, Challenge, Command, Container, ContainerKind, Credential, Element, Format, Header, Item, Message,
    Results, Status, Verb,
};
use omadm::{Limits, Secret};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

/// Target, source, format, type, data; size, more data. Messages have neither `Debug` nor equality, because they can hold a passcode;
/// tests make them from facts and compare those.
type ItemFacts = ([Option<String>; 5], Option<u64>, bool);

/// Number, verb, items.
type CommandFacts = (String, Verb, Vec<ItemFacts>);

#[derive(Clone, Debug, PartialEq)]
enum ElementFacts {
    Status(Status),
    Results(String, String, String, Option<String>, Vec<ItemFacts>),
    Alert(String, u16, Vec<ItemFacts>),
    Command(CommandFacts),
    Container(String, ContainerKind, Vec<CommandFacts>),
    Unknown(String, String),
}

#[derive(Clone, Debug, PartialEq)]
struct MessageFacts {
    session: String,
    number: String,
    longest: Option<u32>,
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

/// The id of a command or message: a number, a UUID, or whatever a device makes up.
fn id() -> impl Strategy<Value = String> {
    prop_oneof![
        (1_u64..).prop_map(|number| number.to_string()),
        "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}",
        "[A-Za-z1-9][A-Za-z0-9._:-]{0,40}",
    ]
}

fn items() -> impl Strategy<Value = Vec<ItemFacts>> {
    let item = (of(word()), of(word()), of(word()), of(word()), of(data()), of(any::<u64>()), any::<bool>());
    let facts = |(target, source, format, kind, data, size, more)| ([target, source, format, kind, data], size, more);
    vec(item.prop_map(facts), 0..3)
}

fn command() -> impl Strategy<Value = CommandFacts> {
    let verb = prop_oneof![Just(Verb::Add), Just(Verb::Replace), Just(Verb::Delete), Just(Verb::Get), Just(Verb::Exec)];
    (id(), verb, items())
}

prop_compose! {
    fn status()(
        id in id(),
        message_ref in id(),
        command_ref in prop_oneof![Just("0".to_owned()), id()],
        command in word(),
        target_ref in of(word()),
        nonce in of(vec(any::<u8>(), 0..20)),
        code in any::<u16>(),
    ) -> Status {
        let mut status = Status::new(&message_ref, &command_ref, &command, code);
        (status.id, status.target_ref) = (id, target_ref);
        status.challenge = nonce.map(|nonce| Challenge::new(&nonce));
        status
    }
}

fn element() -> impl Strategy<Value = ElementFacts> {
    let kind = prop_oneof![Just(ContainerKind::Atomic), Just(ContainerKind::Sequence)];
    prop_oneof![
        status().prop_map(ElementFacts::Status),
        (id(), id(), id(), of(word()), items())
            .prop_map(|(id, message, command, node, items)| ElementFacts::Results(id, message, command, node, items)),
        (id(), any::<u16>(), items()).prop_map(|(id, code, items)| ElementFacts::Alert(id, code, items)),
        command().prop_map(ElementFacts::Command),
        (id(), kind, vec(command(), 0..3)).prop_map(|(id, kind, commands)| ElementFacts::Container(id, kind, commands)),
    ]
}

prop_compose! {
    fn message()(
        session in prop_oneof!["[0-9A-F]{1,16}", id()],
        number in id(),
        longest in of(any::<u32>()),
        ends in (word(), word(), of(word())),
        credential in of((word(), word())),
        body in vec(element(), 0..6),
        is_final in any::<bool>(),
    ) -> MessageFacts {
        MessageFacts { session, number, longest, ends, credential, body, is_final }
    }
}

fn build_items(facts: &[ItemFacts]) -> Vec<Item> {
    let build = |([target, source, format, kind, data], size, more_data): ItemFacts| {
        let mut item = Item::default();
        (item.target, item.source, item.kind) = (target, source, kind);
        (item.size, item.more_data) = (size, more_data);
        item.format = format.as_deref().map(Format::from);
        item.data = data.map(Secret::new);
        item
    };
    facts.iter().cloned().map(build).collect()
}

fn build_command((id, verb, items): &CommandFacts) -> Command {
    let mut command = Command::new(*verb, build_items(items));
    command.id.clone_from(id);
    command
}

fn build(facts: &MessageFacts) -> Message {
    let element = |facts: &ElementFacts| match facts {
        ElementFacts::Status(status) => Element::Status(status.clone()),
        ElementFacts::Results(id, message_ref, command_ref, node_ref, items) => {
            let mut results = Results::new(message_ref, command_ref, build_items(items));
            results.id.clone_from(id);
            results.node_ref.clone_from(node_ref);
            Element::Results(results)
        }
        ElementFacts::Alert(id, code, items) => {
            let mut alert = Alert::new(*code, build_items(items));
            alert.id.clone_from(id);
            Element::Alert(alert)
        }
        ElementFacts::Command(command) => Element::Command(build_command(command)),
        ElementFacts::Container(id, kind, commands) => {
            let mut container = Container::new(*kind, commands.iter().map(build_command).collect());
            container.id.clone_from(id);
            Element::Container(container)
        }
        ElementFacts::Unknown(id, name) => Element::unknown(id, name),
    };
    let (target, source, source_name) = facts.ends.clone();
    let credential = |(scheme, data): &(String, String)| Credential::new(scheme.as_str().into(), data.as_str().into());
    let mut header = Header::new(&facts.session, &facts.number, &target, &source);
    header.source_name = source_name;
    header.credential = facts.credential.as_ref().map(credential);
    header.max_message = facts.longest;
    let mut message = Message::new(header, facts.body.iter().map(element).collect());
    message.is_final = facts.is_final;
    message
}

fn item_facts(items: &[Item]) -> Vec<ItemFacts> {
    let facts = |item: &Item| {
        let data = item.data.as_ref().map(|data| data.to_string());
        let format = item.format.as_ref().map(|format| format.name().to_owned());
        let texts = [item.target.clone(), item.source.clone(), format, item.kind.clone(), data];
        (texts, item.size, item.more_data)
    };
    items.iter().map(facts).collect()
}

fn command_facts(command: &Command) -> CommandFacts {
    (command.id.clone(), command.verb, item_facts(&command.items))
}

fn facts(message: &Message) -> MessageFacts {
    let element = |element: &Element| match element {
        Element::Status(status) => ElementFacts::Status(status.clone()),
        Element::Results(results) => {
            let Results { id, message_ref, command_ref, node_ref, items, .. } = results;
            let ids = (id.clone(), message_ref.clone(), command_ref.clone());
            ElementFacts::Results(ids.0, ids.1, ids.2, node_ref.clone(), item_facts(items))
        }
        Element::Alert(alert) => ElementFacts::Alert(alert.id.clone(), alert.code, item_facts(&alert.items)),
        Element::Command(command) => ElementFacts::Command(command_facts(command)),
        Element::Container(container) => ElementFacts::Container(
            container.id.clone(),
            container.kind,
            container.commands.iter().map(command_facts).collect(),
        ),
        Element::Unknown { id, name, .. } => ElementFacts::Unknown(id.clone(), name.clone()),
        _ => unreachable!("every element is listed"),
    };
    let header = &message.header;
    MessageFacts {
        session: header.session.clone(),
        number: header.message.clone(),
        longest: header.max_message,
        ends: (header.target.clone(), header.source.clone(), header.source_name.clone()),
        credential: header.credential.as_ref().map(|held| (held.scheme.name().to_owned(), held.data.to_string())),
        body: message.body.iter().map(element).collect(),
        is_final: message.is_final,
    }
}

/// Every decoder of bytes from outside.
fn decode_everything(bytes: &[u8]) {
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
    let mut discover = Discover::new("urn:uuid:1", "ana@example.org", (4, 0), "CIMClient_Windows");
    (discover.os_edition, discover.auth_policies) = (Some(4), vec!["OnPremise".to_owned()]);
    discover
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

/// A message with that body, and with these ids.
fn text(session: &str, message: &str, body: &str) -> String {
    format!(
        "<SyncML xmlns=\"SYNCML:SYNCML1.2\"><SyncHdr><SessionID>{session}</SessionID><MsgID>{message}</MsgID>\
         <Target><LocURI>s</LocURI></Target><Source><LocURI>d</LocURI></Source></SyncHdr><SyncBody>{body}</SyncBody></SyncML>"
    )
}

#[test]
fn an_id_is_any_text_that_is_neither_empty_nor_zero() {
    let decoded = |text: &str| syncml::decode(text.as_bytes(), Limits::MESSAGE);
    let uuid = "5f0c9a52-7a54-4d3c-9a9f-9f1d7f3f6c10";
    let longest = "9".repeat(syncml::MAX_ID_BYTES);
    for id in ["1", "4294967296", "18446744073709551616", "-1", "1.5", "a", "\u{e7}", uuid, &longest] {
        let body = format!(
            "<Status><CmdID>{id}</CmdID><MsgRef>{id}</MsgRef><CmdRef>{id}</CmdRef><Cmd>Get</Cmd><Data>200</Data></Status>\
             <Alert><CmdID>{id}</CmdID><Data>1201</Data></Alert><Replace><CmdID>{id}</CmdID></Replace>"
        );
        let message = decoded(&text(id, id, &body)).unwrap_or_else(|error| panic!("{id}: {error}"));
        assert_eq!((message.header.session.as_str(), message.header.message.as_str()), (id, id));
        let status = message.statuses().next().expect("a status");
        assert_eq!((status.message_ref.as_str(), status.command_ref.as_str()), (id, id));
        assert_eq!((message.alerts().count(), message.commands().count()), (1, 1), "{id}");
    }
    for id in ["", " ", "0", " 0 "] {
        let error = decoded(&text("1", id, "")).err().expect("refused");
        assert!(error.to_string().contains("MsgID"), "{error}");
        // An answer counts by what it refers to; what wants an answer itself is answered, and not carried out.
        let body = format!(
            "<Status><CmdID>{id}</CmdID><CmdRef>2</CmdRef><Data>200</Data></Status><Results><CmdID>{id}</CmdID></Results>\
             <Alert><CmdID>{id}</CmdID><Data>1201</Data></Alert><Atomic><CmdID>{id}</CmdID></Atomic>"
        );
        let message = decoded(&text("0", "1", &body)).expect("a message");
        assert_eq!((message.statuses().count(), message.results().count(), message.alerts().count()), (1, 1, 0));
        let unknown = message.body.iter().filter(|element| matches!(element, Element::Unknown { .. })).count();
        assert_eq!(unknown, 2, "{id}");
    }
    let long = "9".repeat(syncml::MAX_ID_BYTES + 1);
    for (session, message) in [(long.as_str(), "1"), ("1", &long), ("", "1")] {
        assert!(decoded(&text(session, message, "")).is_err());
    }
    assert!(decoded(&text("1", "1", &format!("<Results><CmdID>{long}</CmdID></Results>"))).is_err());
}

#[test]
fn one_unreadable_number_spoils_no_message() {
    let body = "<Status><CmdID>1</CmdID><CmdRef>2</CmdRef><Data>fine</Data></Status>\
        <Alert><CmdID>3</CmdID></Alert>\
        <Results><CmdID>4</CmdID><CmdRef>3</CmdRef><Item><Meta><Size>many</Size></Meta><Data>x</Data></Item></Results>";
    let message = syncml::decode(text("1", "1", body).as_bytes(), Limits::MESSAGE).expect("a message");
    assert_eq!(message.statuses().map(|status| status.code).collect::<Vec<_>>(), [0]);
    assert_eq!(message.alerts().map(|alert| alert.code).collect::<Vec<_>>(), [0]);
    assert_eq!(message.results().flat_map(|results| &results.items).map(|item| item.size).next(), Some(Some(u64::MAX)));
}

#[test]
fn meta_of_the_command_counts_for_items_without_their_own() {
    let body = "<Results><CmdID>1</CmdID><CmdRef>3</CmdRef><Meta><Format>b64</Format><Size>4</Size></Meta>\
        <SourceRef>./A</SourceRef><Item><Data>x</Data></Item>\
        <Item><Source><LocURI>./B</LocURI></Source><Meta><Format>chr</Format></Meta><Data>y</Data></Item></Results>";
    let message = syncml::decode(text("1", "1", body).as_bytes(), Limits::MESSAGE).expect("a message");
    let results = message.results().next().expect("results");
    let said: Vec<_> = results.items.iter().map(|item| (results.node(item), item.format.clone(), item.size)).collect();
    assert_eq!(said, [(Some("./A"), Some(Format::Base64), Some(4)), (Some("./B"), Some(Format::Text), Some(4))]);
}
