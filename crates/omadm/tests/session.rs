//! The server's end of a session: who is believed, what is answered, and how values come together.

use omadm::Limits;
use omadm::digest::credential;
use omadm::session::large::{MAX_VALUE_BYTES, Unfinished, assemble};
use omadm::session::server::{
    Admitted, Expected, MAX_MESSAGES, Nonce, Proof, Reply, Sent, State, TooManyMessages, unproven,
};
use omadm::syncml::{self, Alert, Credential, Element, Header, Item, Message, Results, Scheme, Verb, alert};

const EXPECTED: Expected<'_> = Expected { user: "user", password: "secret" };

fn header(session: &str, message: u32, nonce: Option<Nonce>) -> Header {
    let mut header = Header::new(session, &message.to_string(), "https://mdm.example/dm", "urn:device:1");
    header.source_name = Some("user".to_owned());
    header.credential = nonce.map(|nonce| Credential::new(Scheme::Md5, credential("user", "secret", &nonce)));
    header
}

fn numbered(id: usize, mut element: Element) -> Element {
    element.number(id);
    element
}

fn request(header: Header) -> Message {
    Message::new(header, Vec::new())
}

/// Believes a message, and takes it in.
fn admit(state: &mut State, message: &Message, challenges: &[Nonce], now: i64) -> Option<Admitted> {
    let proof = state.proof(&message.header, EXPECTED, challenges)?;
    state.admit(message, proof, [u8::try_from(now % 251).unwrap_or(0) | 1; 16], now, 124).ok()
}

#[test]
fn a_device_without_a_credential_is_challenged_for_every_command_and_one_that_answers_is_admitted() {
    let mut request = request(header("1", 1, None));
    let code = alert::CLIENT_INITIATED;
    request.body.push(numbered(1, Element::Alert(Alert::new(code, Vec::new()))));
    request.body.push(Element::unknown("7", "Map"));
    let answer = unproven(&request.header, [2; 16]);
    assert_eq!(answer.code, 407);
    let reply = Reply::to(&request, "https://mdm.example/dm", answer.code, answer.challenge);
    insta::assert_snapshot!(reply.refuse(&request, answer.code).encode().replace("><", ">\n<"));

    let mut state = State::new([1; 16]);
    let answered = self::request(header("1", 2, Some([2; 16])));
    let admitted = admit(&mut state, &answered, &[[2; 16]], 5).expect("believed");
    assert!(admitted.is_new && admitted.challenge.is_some());
}

#[test]
fn the_answer_to_a_stranger_is_a_function_of_its_message_alone() {
    let wrong = |message| header("1", message, Some([9; 16]));
    for (header, code, challenged) in [
        (header("1", 1, None), 407, true),
        (header("1", MAX_MESSAGES, None), 407, true),
        (header("1", MAX_MESSAGES + 1, None), 407, false),
        (wrong(1), 401, true),
        (wrong(2), 401, true),
        (wrong(3), 401, false),
    ] {
        let answer = unproven(&header, [2; 16]);
        assert_eq!((answer.code, answer.challenge.is_some()), (code, challenged), "{}", header.message);
    }
}

#[test]
fn every_nonce_that_a_device_may_use_proves_it_and_no_other_does() {
    let mut state = State::new([1; 16]);
    let by = |state: &State, nonce: u8, challenges: &[Nonce]| {
        state.proof(&header("1", 1, Some([nonce; 16])), EXPECTED, challenges)
    };
    assert_eq!(by(&state, 1, &[]), Some(Proof::Nonce), "of the provisioning document");
    assert_eq!(by(&state, 2, &[]), None);
    assert_eq!(by(&state, 2, &[[3; 16], [2; 16]]), Some(Proof::Challenge([2; 16])));
    state.admit(&request(header("1", 1, None)), Proof::Nonce, [7; 16], 0, 124).expect("room");
    assert_eq!(by(&state, 7, &[]), Some(Proof::NextNonce));
    assert_eq!(by(&state, 1, &[]), Some(Proof::Nonce), "devices switch at once or with the next session");
    state.admit(&request(header("1", 2, None)), Proof::NextNonce, [8; 16], 0, 124).expect("room");
    assert_eq!((by(&state, 7, &[]), by(&state, 1, &[])), (Some(Proof::Nonce), None));
    let other = Expected { password: "other", ..EXPECTED };
    assert_eq!(state.proof(&header("1", 3, Some([7; 16])), other, &[]), None);
}

#[test]
fn a_credential_of_a_session_before_is_not_believed_again() {
    let mut state = State::new([1; 16]);
    let challenges = [[2; 16], [3; 16]];
    let first = request(header("1", 2, Some([2; 16])));
    admit(&mut state, &first, &challenges, 10).expect("the first session");
    let second = request(header("2", 2, Some([3; 16])));
    admit(&mut state, &second, &challenges, 11).expect("the second session");
    // Somebody who saw the first session repeats its credential, while its challenge could still be answered.
    for number in [1, 2, 3] {
        let replayed = request(header("1", number, Some([2; 16])));
        assert_eq!(state.proof(&replayed.header, EXPECTED, &challenges), None, "{number}");
    }
    assert!(state.proof(&second.header, EXPECTED, &challenges).is_some(), "the session itself goes on");
}

#[test]
fn a_session_has_a_number_of_messages_and_no_more_also_when_it_begins_again_and_again() {
    type Numbers = fn(u32) -> u32;
    let counting: Numbers = |message| message;
    let circling: Numbers = |_| 1;
    for numbers in [counting, circling] {
        let mut state = State::new([1; 16]);
        let say = |state: &mut State, session: &str, message: u32, now: i64| {
            let request = request(header(session, numbers(message), None));
            state.admit(&request, Proof::Certificate, [4; 16], now, 124).map(drop)
        };
        for message in 1..=MAX_MESSAGES {
            assert_eq!(say(&mut state, "1", message, 0), Ok(()), "{message}");
        }
        assert_eq!(say(&mut state, "1", MAX_MESSAGES + 1, 0), Err(TooManyMessages));
        assert_eq!(say(&mut state, "1", 1, 599), Err(TooManyMessages));
        assert_eq!(say(&mut state, "1", 1, 601), Ok(()), "some devices give every session the same number");
        assert_eq!(say(&mut state, "2", 1, 601), Ok(()));
    }
}

#[test]
fn the_state_of_an_older_server_is_read() {
    let nonce = serde_json::to_string(&[1_u8; 16]).expect("JSON");
    let hash = serde_json::to_string(&[0_u8; 32]).expect("JSON");
    let stored = format!(
        "{{\"session\":\"7\",\"nonce\":{nonce},\"nextNonce\":null,\"challenges\":1,\"proved\":true,\
         \"last\":{{\"message\":3,\"requestSha256\":{hash},\"response\":\"old\"}}}}"
    );
    let state: State = serde_json::from_str(&stored).expect("readable");
    assert_eq!(state.recall(&header("7", 3, None), &[0; 32]), Some("old"));
    assert_eq!(state.recall(&header("7", 4, None), &[0; 32]), None);
    assert_eq!(state.proof(&header("7", 4, Some([1; 16])), EXPECTED, &[]), Some(Proof::Nonce));
}

/// A chunk, or a whole value: command, node, size, data, whether more follows.
type Part<'a> = (&'a str, Option<&'a str>, Option<u64>, &'a str, bool);

fn message_of(parts: &[Part<'_>], is_final: bool) -> Message {
    let results = parts.iter().zip(1..).map(|((command, node, size, data, more_data), id): (_, usize)| {
        let mut item = Item::default().holding(*data);
        (item.source, item.size, item.more_data) = (node.map(str::to_owned), *size, *more_data);
        numbered(id, Element::Results(Results::new("1", command, vec![item])))
    });
    let mut message = Message::new(header("1", 2, None), results.collect());
    message.is_final = is_final;
    message
}

/// What came together of messages: the whole values, the statuses, and how often the end of a value was missing.
fn assembled(messages: &[(&[Part<'_>], bool)]) -> (Vec<String>, Vec<u16>, usize) {
    let (mut values, mut statuses, mut missing) = (Vec::new(), Vec::new(), 0);
    let mut unfinished: Option<Unfinished> = None;
    for (parts, is_final) in messages {
        let mut message = message_of(parts, *is_final);
        let assembled = assemble(unfinished.take(), &mut message);
        let items = message.results().flat_map(|results| &results.items);
        values.extend(items.map(|item| {
            let node = item.source.clone().unwrap_or_default();
            format!("{node}={}", item.data.as_deref().unwrap_or_default())
        }));
        statuses.extend(assembled.statuses.iter().map(|(_, code)| *code));
        missing += usize::from(assembled.end_missing);
        unfinished = assembled.unfinished;
    }
    (values, statuses, missing)
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
        ("a size that is none", &[(&[("2", A, Some(u64::MAX), "4829", false)], true)], &[], &[424], 0),
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
            "less than was said",
            &[(&[("2", A, Some(9), "4829", true)], false), (&[("2", A, None, "15", false)], true)],
            &[],
            &[213, 424],
            0,
        ),
        (
            "more than was said",
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

fn read(reply: &Reply) -> Message {
    syncml::decode(reply.encode().as_bytes(), Limits::MESSAGE).expect("a message")
}

#[test]
fn a_package_that_goes_on_is_asked_for_its_next_message_and_gets_nothing_else() {
    let mut request = request(header("1", 3, None));
    request.is_final = false;
    request.body.push(numbered(5, Element::Alert(Alert::new(1201, Vec::new()))));
    let reply = read(&Reply::to(&request, "s", 200, None).acknowledge(&request).ask_for_more());
    assert!(!reply.is_final && reply.commands().next().is_none());
    assert_eq!(reply.alerts().map(|alert| alert.code).collect::<Vec<_>>(), [alert::NEXT_MESSAGE]);
    assert_eq!(reply.header_status().map(|status| status.code), Some(200));
}

#[test]
fn no_answer_is_longer_than_the_device_takes() {
    let plain = |limit: u32, alerts: u32| {
        let mut request = request(header("1", 3, None));
        request.header.max_message = Some(limit);
        for id in 1..=alerts as usize {
            request.body.push(numbered(id, Element::Alert(Alert::new(1224, Vec::new()))));
        }
        Reply::to(&request, "https://mdm.example/dm", 200, None).acknowledge(&request)
    };
    let (mut now, mut next, mut never) = (0, 0, 0);
    for limit in (500..4000).step_by(50) {
        for alerts in [0, 5, 40] {
            let limit_bytes = limit as usize;
            let (reply, is_final) = match plain(limit, alerts).command(commands(6), 0) {
                Sent::Now(reply, first) => {
                    now += 1;
                    let message = read(&reply);
                    assert_eq!(message.commands().map(|command| command.id.clone()).next(), Some(first.to_string()));
                    assert_eq!(message.commands().count(), 6);
                    (reply, true)
                }
                Sent::Next(reply) => {
                    next += 1;
                    (reply, false)
                }
                Sent::Never(reply) => {
                    never += 1;
                    (reply, true)
                }
            };
            assert_eq!(read(&reply).is_final, is_final);
            assert!(reply.encode().len() <= limit_bytes, "{limit} {alerts}: {}", reply.encode().len());
            if !is_final {
                // The next message has one status more than the header's, and room for them.
                assert!(matches!(plain(limit, 1).command(commands(6), 0), Sent::Now(..)), "{limit}");
            }
        }
    }
    assert!(now > 0 && next > 0 && never > 0, "{now} {next} {never}");
}

#[test]
fn a_part_of_a_passcode_is_in_no_stored_state() {
    let mut message = message_of(&[("2", Some("./A"), Some(6), "482915", true)], false);
    let unfinished = assemble(None, &mut message).unfinished.expect("a part");
    assert_eq!(unfinished.data.as_str(), "482915");
    let mut state = State::new([1; 16]);
    state.unfinished = Some(unfinished.origin);
    assert!(!serde_json::to_string(&state).expect("JSON").contains("4829"));
}
