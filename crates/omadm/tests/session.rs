//! The server's end of a session: proof, repeats, limits, statuses, values in chunks, and the stored form.

use std::convert::Infallible;

use omadm::digest::credential;
use omadm::session::MAX_VALUE_BYTES;
use omadm::session::server::{
    Entered, Evidence, MAX_MESSAGES, Moment, Nonce, Proven, Request, Sent, Session, SessionError, Step, Turn,
    challenge, refuse,
};
use omadm::syncml::{self, Alert, Credential, Element, Header, Item, Message, Results, Scheme, Verb, alert};
use omadm::{Limits, Secret};

const ADDRESS: &str = "https://mdm.example/dm";

fn header(session: &str, message: u32, nonce: Option<Nonce>) -> Header {
    let mut header = Header::new(session, &message.to_string(), ADDRESS, "urn:device:1");
    header.source_name = Some("user".to_owned());
    header.credential = nonce.map(|nonce| Credential::new(Scheme::Md5, credential("user", "secret", &nonce)));
    header
}

fn numbered(id: usize, mut element: Element) -> Element {
    element.number(id);
    element
}

fn read(text: &str) -> Message {
    syncml::decode(text.as_bytes(), Limits::MESSAGE).expect("a message")
}

fn request(message: &Message) -> Request {
    Request::read(syncml::encode(message).as_bytes(), Limits::MESSAGE).expect("a message")
}

/// An empty message.
fn plain(session: &str, message: u32, nonce: Option<Nonce>) -> Request {
    request(&Message::new(header(session, message, nonce), Vec::new()))
}

/// The first message of a session, with that body.
fn with_body(body: &str) -> Request {
    let text = syncml::encode(&Message::new(header("1", 1, None), Vec::new()));
    let text = text.replace("<SyncBody>", &format!("<SyncBody>{body}"));
    Request::read(text.as_bytes(), Limits::MESSAGE).expect("a message")
}

/// A seal that a test sees through.
fn conceal(text: &str) -> Option<String> {
    Some(text.chars().rev().collect())
}

fn reveal(sealed: &str) -> Option<Secret> {
    Some(sealed.chars().rev().collect::<String>().into())
}

/// A server that keeps the stored form of one session between messages.
struct Server(Vec<u8>);

impl Server {
    fn new() -> Self {
        Self(Session::new([1; 16]).store(conceal).expect("stored"))
    }

    fn receive(&self, request: Request, password: &str, challenges: &[Nonce]) -> Step<Infallible> {
        let session = Session::open(&self.0, reveal).expect("a session");
        let (user, challenges) = ("user".to_owned(), challenges.to_vec());
        session.expecting(Evidence::Digest { user, password: password.into(), challenges }).receive_request(request)
    }

    fn proves(&self, request: Request, challenges: &[Nonce]) -> bool {
        matches!(self.receive(request, "secret", challenges), Step::Proven(_))
    }

    /// Takes a message that proves itself; the answer, unless the session had too many.
    fn take(&mut self, proven: Proven, next: u8, now: i64) -> Result<(bool, Secret), Secret> {
        let turn = match proven.enter(Moment::new(ADDRESS, [next; 16], now, 124)) {
            Entered::Turn(turn) => turn,
            Entered::Exhausted(answer) => return Err(answer),
        };
        let (is_new, answered) = (turn.is_new(), turn.answer());
        self.0 = answered.session.store(conceal).expect("stored");
        Ok((is_new, answered.text))
    }

    fn take_digest(&mut self, request: Request, challenges: &[Nonce], next: u8, now: i64) -> (bool, Secret) {
        match self.receive(request, "secret", challenges) {
            Step::Proven(proven) => self.take(proven, next, now).ok().expect("room"),
            Step::Repeated(_) => panic!("a repeat"),
            Step::Unproven(_) => panic!("not believed"),
        }
    }

    fn take_certified(&mut self, request: Request, now: i64) -> Result<(bool, Secret), Secret> {
        self.take(certified(Session::open(&self.0, reveal).expect("a session"), request), 4, now)
    }
}

fn certified(session: Session, request: Request) -> Proven {
    match session.expecting(Evidence::Certificate).receive_request(request) {
        Step::Proven(proven) => proven,
        Step::Repeated(_) | Step::Unproven(_) => panic!("not a new message"),
    }
}

/// The turn of a new session on a message under a certificate.
fn turn(message: &Message) -> Turn {
    match certified(Session::new([1; 16]), request(message)).enter(Moment::new(ADDRESS, [4; 16], 0, 124)) {
        Entered::Turn(turn) => turn,
        Entered::Exhausted(_) => panic!("the first message"),
    }
}

#[test]
fn a_device_without_a_credential_is_challenged_for_every_command_and_one_that_answers_is_admitted() {
    let stranger = with_body("<Alert><CmdID>1</CmdID><Data>1201</Data></Alert><Map><CmdID>7</CmdID></Map>");
    let text = challenge(&stranger, ADDRESS, [2; 16]);
    insta::assert_snapshot!(text.replace("><", ">\n<"));

    let (is_new, answer) = Server::new().take_digest(plain("1", 2, Some([2; 16])), &[[2; 16]], 5, 5);
    let status = read(&answer).header_status().cloned().expect("a status");
    assert!(is_new && status.code == 200);
    assert_eq!(status.challenge.map(|challenge| challenge.nonce), Some(vec![5; 16]), "the nonce of the next session");
}

#[test]
fn the_answer_to_a_stranger_is_a_function_of_its_message_alone() {
    let wrong = |message| plain("1", message, Some([9; 16]));
    for (request, code, challenged) in [
        (plain("1", 1, None), 407, true),
        (plain("1", MAX_MESSAGES, None), 407, true),
        (plain("1", MAX_MESSAGES + 1, None), 407, false),
        (wrong(1), 401, true),
        (wrong(2), 401, true),
        (wrong(3), 401, false),
    ] {
        let answer = read(&challenge(&request, ADDRESS, [2; 16]));
        let status = answer.header_status().expect("a status");
        let number = &request.message().header.message;
        assert_eq!((status.code, status.challenge.is_some()), (code, challenged), "{number}");
    }
    let refused = read(&refuse(&wrong(1), ADDRESS, 403));
    assert_eq!(refused.statuses().map(|status| status.code).collect::<Vec<_>>(), [403]);
}

#[test]
fn every_nonce_that_a_device_may_use_proves_it_and_no_other_does() {
    let mut server = Server::new();
    let by =
        |server: &Server, nonce: u8, challenges: &[Nonce]| server.proves(plain("1", 9, Some([nonce; 16])), challenges);
    assert!(by(&server, 1, &[]), "the nonce of the provisioning document");
    assert!(!by(&server, 2, &[]));
    assert!(by(&server, 2, &[[3; 16], [2; 16]]));
    server.take_digest(plain("1", 1, Some([1; 16])), &[], 7, 0);
    assert!(by(&server, 7, &[]) && by(&server, 1, &[]), "devices switch at once or with the next session");
    server.take_digest(plain("1", 2, Some([7; 16])), &[], 8, 0);
    assert!(by(&server, 7, &[]) && !by(&server, 1, &[]));
    assert!(matches!(server.receive(plain("1", 3, Some([7; 16])), "other", &[]), Step::Unproven(_)));
}

#[test]
fn a_session_without_evidence_believes_no_message_and_tells_bytes_from_messages() {
    let message = syncml::encode(&Message::new(header("1", 1, Some([1; 16])), Vec::new()));
    let step = Session::new([1; 16]).receive(message.as_bytes());
    assert!(matches!(step, Step::Unproven(_)), "a right digest without evidence to compare it with");
    let session = || Session::new([1; 16]).expecting(Evidence::Certificate);
    assert!(matches!(session().receive(message.as_bytes()), Step::Proven(_)));
    assert!(matches!(session().receive(b"<SyncML"), Step::Unreadable(_)));

    let Step::Proven(proven) = session().receive(message.as_bytes()) else { panic!("a message") };
    let Entered::Turn(turn) = proven.enter(Moment::new(ADDRESS, [4; 16], 0, 124)) else { panic!("room") };
    let next = turn.answer().session.receive(message.as_bytes());
    assert!(matches!(next, Step::Unproven(_)), "the evidence of one message vouches for no other");
}

#[test]
fn a_credential_of_a_session_before_is_not_believed_again() {
    let mut server = Server::new();
    let challenges = [[2; 16], [3; 16]];
    server.take_digest(plain("1", 2, Some([2; 16])), &challenges, 11, 10);
    server.take_digest(plain("2", 2, Some([3; 16])), &challenges, 12, 11);
    // An attacker who saw the first session repeats its credential, while its challenge could still be answered.
    for number in [1, 2, 3] {
        assert!(!server.proves(plain("1", number, Some([2; 16])), &challenges), "{number}");
    }
    assert!(server.proves(plain("2", 3, Some([3; 16])), &challenges), "the session itself goes on");
}

#[test]
fn nonces_of_another_period_prove_nothing_and_a_certificate_proves_in_each() {
    let evidence = |challenges: &[Nonce]| {
        let (user, challenges) = ("user".to_owned(), challenges.to_vec());
        Evidence::Digest { user, password: "secret".into(), challenges }
    };
    let of = |stored: &[u8], period: u8| Session::open(stored, reveal).expect("a session").within([period; 16]);
    let proves = |stored: &[u8], period: u8, nonce: u8, challenges: &[Nonce]| {
        let session = of(stored, period).expecting(evidence(challenges));
        matches!(session.receive_request(plain("1", 9, Some([nonce; 16]))), Step::Proven(_))
    };
    let new = Session::new([1; 16]).store(conceal).expect("stored");
    for period in [1, 2] {
        assert!(proves(&new, period, 1, &[]), "the nonce of the provisioning document");
    }
    let first = |session: Session| {
        let step = session.expecting(evidence(&[])).receive_request(plain("1", 1, Some([1; 16])));
        let Step::Proven(proven) = step else { panic!("not believed") };
        let Entered::Turn(turn) = proven.enter(Moment::new(ADDRESS, [7; 16], 0, 124)) else { panic!("room") };
        turn.answer().session.store(conceal).expect("stored")
    };
    let stored = first(of(&new, 1));
    assert!(proves(&stored, 1, 1, &[]) && proves(&stored, 1, 7, &[]));
    // An earlier version of the library knew no periods.
    for (stored, period) in [(&stored, 2), (&first(Session::new([1; 16])), 1)] {
        assert!(!proves(stored, period, 1, &[]) && !proves(stored, period, 7, &[]), "{period}");
        assert!(proves(stored, period, 3, &[[3; 16]]), "the challenge of this period");
        let certified = of(stored, period).expecting(Evidence::Certificate);
        assert!(matches!(certified.receive_request(plain("1", 9, None)), Step::Proven(_)));
    }
}

#[test]
fn a_repeat_gets_the_same_bytes_and_only_with_proof() {
    let mut server = Server::new();
    let (_, answer) = server.take_digest(plain("1", 1, Some([1; 16])), &[], 7, 0);
    let before = server.0.clone();
    match server.receive(plain("1", 1, Some([1; 16])), "secret", &[]) {
        Step::Repeated(repeated) => assert_eq!(repeated.as_str(), answer.as_str()),
        Step::Unproven(_) | Step::Proven(_) => panic!("not a repeat"),
    }
    assert!(matches!(server.receive(plain("1", 1, Some([1; 16])), "other", &[]), Step::Unproven(_)));
    assert!(matches!(server.receive(plain("1", 2, Some([1; 16])), "secret", &[]), Step::Proven(_)));
    assert_eq!(server.0, before);
}

#[test]
fn an_answer_with_a_secret_is_stored_sealed_and_repeated() {
    let message = Message::new(header("1", 1, None), Vec::new());
    let commands = vec![(Verb::Replace, Item::at("./Pin").holding("482915"))];
    let Sent::Now(mut turn, _) = turn(&message).command(commands, 0) else { panic!("room") };
    turn.hold_secret();
    let answered = turn.answer();
    let stored = answered.session.store(conceal).expect("stored");
    assert!(answered.text.contains("482915") && !String::from_utf8_lossy(&stored).contains("482915"));
    let repeat = |reveal: fn(&str) -> Option<Secret>| {
        Session::open(&stored, reveal)
            .expect("a session")
            .expecting(Evidence::Certificate)
            .receive_request(request(&message))
    };
    assert!(matches!(repeat(reveal), Step::Repeated(text) if *text == *answered.text));
    assert!(matches!(repeat(|_| None), Step::Proven(_)), "an answer that does not open is lost");
}

#[test]
fn a_session_has_a_number_of_messages_and_no_more_also_when_it_begins_again_and_again() {
    type Numbers = fn(u32) -> u32;
    let counting: Numbers = |message| message;
    let circling: Numbers = |_| 1;
    for numbers in [counting, circling] {
        let mut server = Server::new();
        let mut say = |session: &str, message: u32, now: i64| {
            // An alert with the number keeps two messages of one id apart.
            let body = vec![numbered(message as usize + 2, Element::Alert(Alert::new(1224, Vec::new())))];
            let message = Message::new(header(session, numbers(message), None), body);
            server.take_certified(request(&message), now).map(drop)
        };
        for message in 1..=MAX_MESSAGES {
            assert!(say("1", message, 0).is_ok(), "{message}");
        }
        let ended = say("1", MAX_MESSAGES + 1, 0).expect_err("the limit");
        assert_eq!(read(&ended).header_status().map(|status| status.code), Some(503));
        assert!(say("1", 1, 599).is_err());
        assert!(say("1", 1, 601).is_ok(), "some devices give every session the same number");
        assert!(say("2", 1, 601).is_ok());
    }
}

#[test]
fn the_sessions_of_older_servers_are_read_and_those_of_newer_ones_are_not() {
    let stored = |version: &str, message: &str| {
        let nonce = format!("[{}]", ["1"; 16].join(","));
        let hash = format!("[{}]", ["0"; 32].join(","));
        format!(
            "{{{version}\"session\":\"7\",\"nonce\":{nonce},\"nextNonce\":null,\"challenges\":1,\"proved\":true,\
             \"last\":{{\"message\":{message},\"requestSha256\":{hash},\"response\":\"old\"}}}}"
        )
    };
    for (version, message) in [("", "3"), ("", "\"3\""), ("\"version\":1,", "\"3\"")] {
        let server = Server(stored(version, message).into_bytes());
        assert!(server.proves(plain("7", 4, Some([1; 16])), &[]), "{version} {message}");
        let Step::Proven(proven) = server.receive(plain("7", 4, Some([1; 16])), "secret", &[]) else { panic!() };
        let Entered::Turn(turn) = proven.enter(Moment::new(ADDRESS, [4; 16], 0, 124)) else { panic!("room") };
        assert!(!turn.is_new(), "the session goes on");
        let again = turn.answer().session.store(conceal).expect("stored");
        assert!(String::from_utf8_lossy(&again).contains("\"version\":1"));
    }
    let open = |text: &str| Session::open(text.as_bytes(), reveal).err();
    assert_eq!(open(&stored("\"version\":2,", "\"3\"")), Some(SessionError::Version(2)));
    assert!(matches!(open("{\"nonce\":\"482915\"}"), Some(error) if !error.to_string().contains("482915")));
}

/// A chunk, or a whole value: command, node, size, data, whether more follows.
type Part<'a> = (&'a str, Option<&'a str>, Option<u64>, &'a str, bool);

fn message_of(number: u32, parts: &[Part<'_>], is_final: bool) -> Message {
    let results = parts.iter().zip(1..).map(|((command, node, size, data, more_data), id): (_, usize)| {
        let mut item = Item::default().holding(*data);
        (item.source, item.size, item.more_data) = (node.map(str::to_owned), *size, *more_data);
        numbered(id, Element::Results(Results::new("1", command, vec![item])))
    });
    let mut message = Message::new(header("1", number, None), results.collect());
    message.is_final = is_final;
    message
}

/// The whole values of messages of one session, their statuses, and the number of values whose end was missing.
fn assembled(messages: &[(&[Part<'_>], bool)]) -> (Vec<String>, Vec<u16>, usize) {
    let mut session = Session::new([1; 16]);
    let (mut values, mut statuses, mut missing) = (Vec::new(), Vec::new(), 0);
    for ((parts, is_final), number) in messages.iter().zip(2..) {
        let proven = certified(session, request(&message_of(number, parts, *is_final)));
        let Entered::Turn(turn) = proven.enter(Moment::new(ADDRESS, [4; 16], 0, 124)) else { panic!("room") };
        let items = turn.message().results().flat_map(|results| &results.items);
        values.extend(items.map(|item| {
            let node = item.source.clone().unwrap_or_default();
            format!("{node}={}", item.data.as_deref().unwrap_or_default())
        }));
        let answered = turn.answer();
        let answer = read(&answered.text);
        statuses.extend(answer.statuses().filter(|status| status.command == "Results").map(|status| status.code));
        missing += answer.alerts().filter(|alert| alert.code == alert::NO_END_OF_DATA).count();
        let stored = answered.session.store(conceal).expect("stored");
        assert!(!String::from_utf8_lossy(&stored).contains("4829"), "a part of a passcode is stored sealed");
        session = Session::open(&stored, reveal).expect("a session");
    }
    (values, statuses, missing)
}

#[test]
fn a_turn_gives_its_request_back_to_one_who_looked_unless_it_has_values() {
    let enter = |request| match certified(Session::new([1; 16]), request).enter(Moment::new(ADDRESS, [4; 16], 0, 124)) {
        Entered::Turn(turn) => turn,
        Entered::Exhausted(_) => panic!("the first message"),
    };
    let first = enter(plain("1", 1, None)).answer();
    let back = enter(plain("1", 1, None)).into_request().expect("the request");
    let second = enter(back).answer();
    assert_eq!(&*first.text, &*second.text);
    assert_eq!(first.session.store(conceal), second.session.store(conceal), "its repeat is recognised, too");
    let value = "<Results><CmdID>1</CmdID><MsgRef>1</MsgRef><CmdRef>2</CmdRef><Item><Data>48</Data></Item></Results>";
    assert!(enter(with_body(value)).into_request().is_none());
}

#[test]
fn a_value_counts_when_all_of_its_chunks_are_here_and_not_before() {
    const A: Option<&str> = Some("./A");
    const B: Option<&str> = Some("./B");
    let too_large = Some(MAX_VALUE_BYTES + 1);
    type Case<'a> = (&'a str, &'a [(&'a [Part<'a>], bool)], &'a [&'a str], &'a [u16], usize);
    let table: &[Case<'_>] = &[
        ("whole", &[(&[("2", A, None, "482915", false)], true)], &["./A=482915"], &[], 0),
        ("whole, with its size", &[(&[("2", A, Some(6), "482915", false)], true)], &["./A=482915"], &[], 0),
        ("shorter than its size", &[(&[("2", A, Some(6), "4829", false)], true)], &[], &[424], 0),
        ("longer than its size", &[(&[("2", A, Some(3), "4829", false)], true)], &[], &[424], 0),
        ("a size that is not a number", &[(&[("2", A, Some(u64::MAX), "4829", false)], true)], &[], &[424], 0),
        ("its size in bytes", &[(&[("2", A, Some(2), "\u{e7}", false)], true)], &["./A=\u{e7}"], &[], 0),
        (
            "two chunks",
            &[(&[("2", A, Some(6), "4829", true)], false), (&[("2", A, None, "15", false)], true)],
            &["./A=482915"],
            &[213, 200],
            0,
        ),
        (
            "chunks that do not name their node again",
            &[
                (&[("2", A, Some(6), "48", true)], false),
                (&[("2", None, None, "29", true)], false),
                (&[("2", None, None, "15", false)], true),
            ],
            &["./A=482915"],
            &[213, 213, 200],
            0,
        ),
        (
            "two chunks in one message",
            &[(&[("2", A, Some(4), "48", true), ("2", A, None, "29", false)], true)],
            &["./A=4829"],
            &[213, 200],
            0,
        ),
        (
            "an empty last chunk",
            &[(&[("2", A, Some(2), "48", true), ("2", A, None, "", false)], true)],
            &["./A=48"],
            &[213, 200],
            0,
        ),
        ("no last chunk", &[(&[("2", A, Some(6), "4829", true)], true)], &[], &[213], 1),
        (
            "a last chunk in the next package",
            &[(&[("2", A, Some(6), "4829", true)], true), (&[("2", A, None, "15", false)], true)],
            &["./A=15"],
            &[213],
            1,
        ),
        ("no size", &[(&[("2", A, None, "4829", true)], true)], &[], &[411], 0),
        ("too large", &[(&[("2", A, too_large, "4829", true)], true)], &[], &[413], 0),
        (
            "less than announced",
            &[(&[("2", A, Some(9), "4829", true)], false), (&[("2", A, None, "15", false)], true)],
            &[],
            &[213, 424],
            0,
        ),
        (
            "more than announced",
            &[(&[("2", A, Some(5), "4829", true)], false), (&[("2", A, None, "15", true)], true)],
            &[],
            &[213, 424],
            0,
        ),
        (
            "another value between",
            &[(&[("2", A, Some(6), "4829", true)], false), (&[("3", B, None, "x", false)], true)],
            &["./B=x"],
            &[213],
            1,
        ),
        (
            "another node under the same command",
            &[(&[("2", A, Some(6), "4829", true)], false), (&[("2", B, None, "15", false)], true)],
            &["./B=15"],
            &[213],
            1,
        ),
        (
            "a second value in chunks",
            &[
                (&[("2", A, Some(4), "48", true)], false),
                (&[("3", B, Some(2), "x", true)], false),
                (&[("3", B, None, "y", false)], true),
            ],
            &["./B=xy"],
            &[213, 213, 200],
            1,
        ),
    ];
    for (what, messages, values, statuses, missing) in table {
        let found = assembled(messages);
        let expected: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
        assert_eq!(found, (expected, statuses.to_vec(), *missing), "{what}");
    }
}

fn commands(count: usize) -> Vec<(Verb, Item)> {
    (0..count).map(|number| (Verb::Get, Item::at(&format!("./Some/Node/{number}")))).collect()
}

#[test]
fn a_package_that_goes_on_is_asked_for_its_next_message_and_gets_nothing_else() {
    let body = vec![numbered(5, Element::Alert(Alert::new(1201, Vec::new())))];
    let mut message = Message::new(header("1", 3, None), body);
    message.is_final = false;
    let Sent::Next(turn) = turn(&message).command(commands(1), 0) else { panic!("commands wait") };
    assert!(!turn.is_complete());
    let reply = read(&turn.answer().text);
    assert!(!reply.is_final && reply.commands().next().is_none());
    assert_eq!(reply.alerts().map(|alert| alert.code).collect::<Vec<_>>(), [alert::NEXT_MESSAGE]);
    assert_eq!(reply.header_status().map(|status| status.code), Some(200));
}

#[test]
fn every_element_of_a_device_gets_its_status() {
    let body = "<Alert><CmdID>1</CmdID><Data>1201</Data></Alert><Replace><CmdID>2</CmdID></Replace>\
        <Get><CmdID>3</CmdID></Get><Atomic><CmdID>4</CmdID></Atomic><Map><CmdID>5</CmdID></Map>\
        <Status><CmdID>6</CmdID><CmdRef>0</CmdRef><Data>200</Data></Status>";
    let proven = certified(Session::new([1; 16]), with_body(body));
    let Entered::Turn(turn) = proven.enter(Moment::new(ADDRESS, [4; 16], 0, 124)) else { panic!("room") };
    let reply = read(&turn.answer().text);
    let said: Vec<_> =
        reply.statuses().map(|status| (status.command_ref.as_str(), status.command.as_str(), status.code)).collect();
    let expected = [("0", "SyncHdr", 200), ("1", "Alert", 200), ("2", "Replace", 200), ("3", "Get", 405)];
    assert_eq!(said, [&expected[..], &[("4", "Atomic", 405), ("5", "Map", 400)]].concat());
}

#[test]
fn no_answer_is_longer_than_the_device_takes() {
    let with = |limit: u32, alerts: usize| {
        let alert = |id| numbered(id, Element::Alert(Alert::new(1224, Vec::new())));
        let mut message = Message::new(header("1", 3, None), (1..=alerts).map(alert).collect());
        message.header.max_message = Some(limit);
        turn(&message)
    };
    let (mut now, mut next, mut never) = (0, 0, 0);
    for limit in (500..4000).step_by(50) {
        for alerts in [0, 5, 40] {
            let limit_bytes = limit as usize;
            let (turn, first, is_final) = match with(limit, alerts).command(commands(6), 0) {
                Sent::Now(turn, first) => {
                    now += 1;
                    (turn, Some(first.to_string()), true)
                }
                Sent::Next(turn) => {
                    next += 1;
                    (turn, None, false)
                }
                Sent::Never(turn) => {
                    never += 1;
                    (turn, None, true)
                }
            };
            let text = turn.answer().text;
            let message = read(&text);
            assert_eq!(message.is_final, is_final);
            assert_eq!(message.commands().map(|command| command.id.clone()).next(), first);
            assert_eq!(message.commands().count(), if first.is_some() { 6 } else { 0 });
            assert!(text.len() <= limit_bytes, "{limit} {alerts}: {}", text.len());
            if !is_final {
                // The next message has one status more than the header's, and room for them.
                assert!(matches!(with(limit, 1).command(commands(6), 0), Sent::Now(..)), "{limit}");
            }
        }
    }
    assert!(now > 0 && next > 0 && never > 0, "{now} {next} {never}");
}
