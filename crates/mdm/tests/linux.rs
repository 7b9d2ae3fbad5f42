//! Recoveries of Linux devices on the wire: the whole way, and its failures.

use std::sync::Mutex;
use std::time::Duration;

use crate::world::{InProcess, World};
use chaveiro_core::action::{ActionState, Outcome};
use chaveiro_core::caller::{Actor, HostUser};
use chaveiro_core::decisions::ask::Begun;
use chaveiro_core::decisions::disclose_passcode::{Ask, disclose};
use chaveiro_core::decisions::restore::{Accepted, accept};
use chaveiro_core::decisions::take_inventory::MAX_PACKAGES;
use chaveiro_core::device::ManagedDevice;
use chaveiro_core::enrollment::Enrollment;
use chaveiro_core::escrow::Standing;
use chaveiro_core::id::{ActionId, EnrollmentId, RequestId};
use chaveiro_core::lock::{EscrowTest, Lock, Unpromoted};
use chaveiro_core::ports::Decided;
use chaveiro_core::ports::{Clock, ResourceScope, Unsealer};
use chaveiro_core::query::Listing;
use chaveiro_core::resource::ResourceKind;
use chaveiro_core::scope_tag::Visibility;
use chaveiro_csp as csp;
use chaveiro_fleet::linux::{LinuxBehavior, LinuxDevice, VOLUME};
use chaveiro_fleet::transport::{Request, Response, Transport, TransportError};
use chaveiro_mdm::PeerCertificate;
use omadm::Limits;
use omadm::syncml::{self, CONTENT_TYPE};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl World {
    async fn row(&self, device: &LinuxDevice) -> ManagedDevice {
        self.device_named(&device.oma_device_id).await
    }

    /// The result that the newest action left in escrow, opened.
    async fn escrowed(&self, device: &LinuxDevice) -> Option<String> {
        let (_, secrets) = self.newest(self.row(device).await.id).await;
        let mut current = secrets.iter().filter(|secret| secret.standing == Standing::Current);
        let secret = current.next()?;
        assert!(current.next().is_none(), "one result");
        let envelope = secret.envelope.as_deref().expect("an envelope");
        let opened = self.keyring.unseal(&secret.context, envelope).map(|passcode| passcode.expose_secret().to_owned());
        Some(opened.expect("opens"))
    }

    /// The apps or users of that device.
    async fn linked(&self, device: &LinuxDevice, kind: ResourceKind) -> Vec<String> {
        let (tenant, id, page) = (self.tenant, self.row(device).await.id, Listing::first(10_000));
        let read = self.store.read(move |view| {
            Ok(view.resources(tenant, ResourceScope::OfDevice(kind, id), &Visibility::All, &page)?)
        });
        let found = read.await.expect("read").items;
        found.into_iter().map(|resource| resource.properties).collect()
    }
}

/// Records requests and answers.
struct Recording(InProcess, Mutex<Vec<(Vec<u8>, Vec<u8>)>>);

impl Transport for Recording {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let asked = request.body.clone();
        let response = self.0.send(request).await?;
        self.1.lock().expect("the list").push((asked, response.body.clone()));
        Ok(response)
    }
}

/// Replaces values that differ in every run with names: ids, hashes, keys and ciphertext.
fn redacted(text: &str) -> String {
    let is_part = |character: char| character.is_ascii_alphanumeric() || "+/=-".contains(character);
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(is_part) {
        let end = rest[start..].find(|character| !is_part(character)).map_or(rest.len(), |length| start + length);
        let word = &rest[start..end];
        let is_hex = word.chars().all(|character| matches!(character, '0'..='9' | 'a'..='f'));
        out.push_str(&rest[..start]);
        out.push_str(match word.len() {
            36 if word.matches('-').count() == 4 => "[id]",
            64 if is_hex => "[sha256]",
            16 if is_hex => "[key]",
            80.. => "[base64]",
            _ => word,
        });
        rest = &rest[end..];
    }
    out + rest
}

#[tokio::test]
async fn a_recovery_ends_with_the_passcode_of_the_device_in_escrow_and_the_old_one_gone() {
    let world = World::new().await;
    let mut device = world.enrolled_linux(7).await;
    let id = world.row(&device).await.id;
    let before = device.passcode().to_owned();
    _ = world.ask(id).await;
    let transport = Recording(world.certified(&device.account), Mutex::default());
    let report = device.sync(&transport).await.expect("a session");
    let ran: Vec<_> = report.commands.iter().map(|(_, node, status)| (node.as_str(), *status)).collect();
    assert_eq!(
        ran,
        [
            (csp::PREPARE, 200),
            (csp::CANDIDATE, 200),
            (csp::REPORT, 200),
            (csp::APPLY, 200),
            (csp::REPORT, 200),
            (csp::RETIRE, 200)
        ]
    );
    let (action, secrets) = world.newest(id).await;
    assert_eq!((action.state, action.outcome), (ActionState::Done, Some(Outcome::Replaced)));
    assert_eq!(action.opens.iter().map(|of| of.lock).collect::<Vec<_>>(), [Lock::Login]);
    assert_eq!(action.device_reason.as_deref(), Some("luks2:/dev/sda3 noKey"));
    assert_eq!((secrets.len(), action.verified.is_some()), (1, true));
    assert_eq!(world.escrowed(&device).await.as_deref(), Some(device.passcode()));
    assert!(before != device.passcode() && !device.is_unsettled());
    let exchanges = transport.1.into_inner().expect("the list");
    let text = exchanges.iter().map(|(asked, answered)| {
        let lines = |bytes: &[u8]| redacted(&String::from_utf8_lossy(bytes)).replace("><", ">\n<");
        assert!(!String::from_utf8_lossy(asked).contains(device.passcode()), "it never travels in clear");
        format!("DEVICE\n{}\n\nSERVER\n{}\n", lines(asked), lines(answered))
    });
    insta::assert_snapshot!("a_linux_recovery_on_the_wire", text.collect::<Vec<_>>().join("\n"));
}

#[tokio::test]
async fn every_behaviour_of_a_linux_device_has_its_outcome_and_locks_no_user_out() {
    use ActionState::{Active, Done, Failed, NotSupported};
    // After one session, and then as many honest ones as needed.
    let table = [
        (LinuxBehavior::Honest, Done, Done, Some(Outcome::Replaced)),
        (LinuxBehavior::LosesCandidate, Failed, Failed, Some(Outcome::DeviceRefused)),
        (LinuxBehavior::NothingReady, NotSupported, NotSupported, Some(Outcome::FeatureAbsent)),
        (LinuxBehavior::FailsApply, Failed, Failed, Some(Outcome::DeviceRefused)),
        (LinuxBehavior::GarbageEnvelope, Failed, Failed, Some(Outcome::ValueNotDelivered)),
        (LinuxBehavior::SealsToNoRecipient, Failed, Failed, Some(Outcome::ValueNotDelivered)),
        (LinuxBehavior::GarbageReport, Failed, Failed, Some(Outcome::Contradictory)),
        (LinuxBehavior::ReportsAnother, Failed, Failed, Some(Outcome::Contradictory)),
        (LinuxBehavior::LosesAnswer, Active, Done, Some(Outcome::Replaced)),
        (LinuxBehavior::LosesRetire, Done, Done, Some(Outcome::Replaced)),
        (LinuxBehavior::GarbageStanding, Done, Done, Some(Outcome::Replaced)),
    ];
    for (number, (behavior, first, last, outcome)) in (1..).zip(table) {
        let world = World::new().await;
        let mut device = world.enrolled_linux(number).await;
        let id = world.row(&device).await.id;
        let before = device.passcode().to_owned();
        _ = world.ask(id).await;
        device.behavior = behavior;
        // Some of these sessions end in an error for the device, as intended.
        let _ = device.sync(&world.certified(&device.account)).await;
        assert_eq!(world.newest(id).await.0.state, first, "{behavior:?}, first session");
        device.behavior = LinuxBehavior::Honest;
        for _ in 0..3 {
            device.sync(&world.certified(&device.account)).await.expect("an honest session");
        }
        let (action, _) = world.newest(id).await;
        assert_eq!((action.state, action.outcome), (last, outcome), "{behavior:?}, in the end");
        let opens = world.escrowed(&device).await.unwrap_or(before);
        assert_eq!(opens, device.passcode(), "{behavior:?}: the escrow's passcode if it has one, else the old one");
        assert!(!device.is_unsettled(), "{behavior:?}");
        assert!(matches!(world.ask(id).await, Decided::Done(Begun::Opened(_))), "{behavior:?}: another can follow");
    }
}

#[tokio::test]
async fn a_disk_is_escrowed_before_a_caller_asks_and_once_though_the_answers_are_lost() {
    let world = World::new().await;
    let mut device = world.enrolled_linux(7).await;
    let id = world.row(&device).await.id;
    device.volume_ready = true;
    // The device applies, gets no answer, repeats it, gets no answer to the end, and repeats it.
    for behavior in [LinuxBehavior::LosesAnswer, LinuxBehavior::LosesRetire, LinuxBehavior::LosesRetire] {
        device.behavior = behavior;
        device.sync(&world.certified(&device.account)).await.expect_err("the connection broke");
        world.advance(Duration::from_secs(60));
    }
    device.behavior = LinuxBehavior::Honest;
    for _ in 0..3 {
        device.sync(&world.certified(&device.account)).await.expect("an honest session");
        world.advance(DAY * 2);
    }
    let tenant = world.tenant;
    let actions = world.store.read(move |view| Ok(view.actions(tenant, id, 10)?)).await.expect("read");
    assert_eq!(actions.len(), 1, "one recovery escrowed it");
    assert_eq!(actions[0].opens.iter().map(|of| of.subject.as_str()).collect::<Vec<_>>(), [VOLUME]);
    assert_eq!(world.escrowed(&device).await.as_deref(), Some(device.passcode()));
}

#[tokio::test]
async fn a_machine_proves_after_a_restore_which_passcodes_still_open_its_disk() {
    let world = World::new().await;
    let mut device = world.enrolled_linux(7).await;
    let id = world.row(&device).await.id;
    device.volume_ready = true;
    device.sync(&world.certified(&device.account)).await.expect("its disk is escrowed");
    let accepted = Accepted { doubt: "a backup".to_owned(), kind: "copy", reason: "a test".to_owned(), moved: false };
    let now = world.clock.now();
    let restored = world.store.write(move |unit| {
        Ok(accept(unit, &accepted, &Actor::operator(&HostUser::new("root", 0)), uuid::Uuid::from_u128(9), now)?)
    });
    restored.await.expect("accepted");
    assert_eq!(world.newest(id).await.0.before_restore, Some(now));
    device.sync(&world.certified(&device.account)).await.expect("a session");
    let (action, _) = world.newest(id).await;
    assert_eq!((action.before_restore, action.state), (None, ActionState::Done));
    assert_eq!(world.escrowed(&device).await.as_deref(), Some(device.passcode()));
}

#[tokio::test]
async fn a_disk_whose_passcode_was_seen_is_escrowed_anew_once_though_the_end_is_lost() {
    let world = World::new().await;
    let mut device = world.enrolled_linux(7).await;
    let id = world.row(&device).await.id;
    device.volume_ready = true;
    device.sync(&world.certified(&device.account)).await.expect("its disk is escrowed");
    let (action, _) = world.newest(id).await;
    let (caller, request) = (world.caller(), RequestId(uuid::Uuid::nil()));
    let (seen, now) = (action.clone(), world.clock.now());
    let shown = world.store.write(move |unit| disclose(unit, &Ask::new(&caller, &seen, request), now)).await;
    assert!(matches!(shown.expect("recorded"), Decided::Done(_)));
    // While the end is lost, the device counts the disclosed passcode as the one in escrow.
    for behavior in [LinuxBehavior::LosesRetire, LinuxBehavior::LosesRetire, LinuxBehavior::Honest] {
        world.advance(Duration::from_secs(60 * 60));
        device.behavior = behavior;
        assert_eq!(device.sync(&world.certified(&device.account)).await.is_ok(), behavior == LinuxBehavior::Honest);
    }
    device.sync(&world.certified(&device.account)).await.expect("a session");
    let tenant = world.tenant;
    let actions = world.store.read(move |view| Ok(view.actions(tenant, id, 10)?)).await.expect("read");
    assert_eq!(actions.len(), 2, "{actions:?}");
    assert_ne!(actions[0].id, action.id);
    assert_eq!(world.escrowed(&device).await.as_deref(), Some(device.passcode()));
}

#[tokio::test]
async fn a_candidate_of_an_unknown_recovery_is_taken_back_before_a_new_one_is_made() {
    let world = World::new().await;
    let mut device = world.enrolled_linux(7).await;
    let id = world.row(&device).await.id;
    let before = device.passcode().to_owned();
    _ = world.ask(id).await;
    device.behavior = LinuxBehavior::GarbageReport;
    device.sync(&world.certified(&device.account)).await.expect("a session");
    assert!(device.is_unsettled() && before != device.passcode());
    // The next recovery is requested before the device returns.
    _ = world.ask(id).await;
    device.behavior = LinuxBehavior::Honest;
    let report = device.sync(&world.certified(&device.account)).await.expect("a session");
    let order: Vec<_> = report.commands.iter().map(|(_, node, _)| node.as_str()).collect();
    assert_eq!((order[0], order[1]), (csp::UNDO, csp::PREPARE));
    assert_eq!(world.newest(id).await.0.state, ActionState::Done);
    assert_eq!(world.escrowed(&device).await.as_deref(), Some(device.passcode()));
}

#[tokio::test]
async fn what_a_device_says_of_its_locks_is_kept_and_garbage_is_ignored() {
    let world = World::new().await;
    let mut device = world.enrolled_linux(7).await;
    let row = world.row(&device).await;
    assert_eq!(row.recoverability, device.standing().locks);
    assert_eq!(row.recoverability[1].obstacle.as_deref(), Some("noKey"));
    device.volume_ready = true;
    device.behavior = LinuxBehavior::GarbageStanding;
    device.sync(&world.certified(&device.account)).await.expect("a session");
    assert_eq!(world.row(&device).await.recoverability, row.recoverability);
    device.behavior = LinuxBehavior::Honest;
    device.sync(&world.certified(&device.account)).await.expect("a session");
    device.sync(&world.certified(&device.account)).await.expect("a session");
    let row = world.row(&device).await;
    let escrows: Vec<_> = row.recoverability.iter().map(|entry| entry.escrow).collect();
    assert_eq!(escrows, [EscrowTest::Opens, EscrowTest::Opens], "its disk was escrowed meanwhile");
    assert_eq!(world.linked(&device, ResourceKind::User).await.len(), 1, "whose account it is");
}

/// Sends only a first message with that standing: no session follows.
async fn say(world: &World, device: &LinuxDevice, session: u32, standing: &str) -> u16 {
    let data = standing.replace('&', "&amp;").replace('<', "&lt;");
    let body = format!(
        "<SyncML xmlns=\"SYNCML:SYNCML1.2\"><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto><SessionID>{session}</SessionID>\
         <MsgID>1</MsgID><Target><LocURI>x</LocURI></Target><Source><LocURI>{}</LocURI></Source></SyncHdr><SyncBody>\
         <Alert><CmdID>1</CmdID><Data>1201</Data></Alert><Alert><CmdID>2</CmdID><Data>1226</Data><Item><Meta>\
         <Type xmlns=\"syncml:metinf\">{}</Type></Meta><Data>{data}</Data></Item></Alert><Final/></SyncBody></SyncML>",
        device.oma_device_id,
        csp::STANDING_ALERT
    );
    let url = device.account.management.address.clone();
    let request = Request { method: "POST", url, content_type: Some(CONTENT_TYPE), body: body.into_bytes() };
    let response = world.certified(&device.account).send(request).await.expect("an answer");
    assert!(syncml::decode(&response.body, Limits::MESSAGE).is_ok(), "an answer");
    response.status
}

#[tokio::test]
async fn a_device_that_says_the_same_in_a_hundred_sessions_does_not_fill_the_queue() {
    let world = World::new().await;
    let device = world.enrolled_linux(7).await;
    let row = world.row(&device).await;
    let (tenant, id) = (world.tenant, row.id);
    _ = world.ask(id).await;
    for session in 100..200_u32 {
        let unpromoted = Unpromoted {
            action: ActionId(uuid::Uuid::from_u128(u128::from(session % 3))),
            attempt: 1,
            envelope_sha256: "00".to_owned(),
        };
        let standing = csp::Standing {
            unpromoted: Some(unpromoted),
            packages_sha256: Some(session.to_string()),
            ..device.standing()
        };
        assert_eq!(say(&world, &device, session, &csp::encode(&standing)).await, 200);
    }
    let queued = world.store.read(move |view| {
        let enrollment = view.open_enrollment(tenant, id)?.expect("an enrolment");
        Ok(view.deliveries_queued(enrollment.id)?.len())
    });
    let queued = queued.await.expect("read");
    assert!(queued <= 5, "{queued} deliveries are queued");
}

#[tokio::test]
async fn what_a_stranger_says_of_its_locks_stays_within_bounds() {
    let world = World::new().await;
    let device = world.enrolled_linux(7).await;
    let mut standing = device.standing();
    standing.locks[0].of.subject = format!("\u{7}{}", "s".repeat(2000));
    standing.locks[1].obstacle = Some("<o&\u{1b}>".repeat(300));
    standing.locks = standing.locks.iter().cycle().take(50).cloned().collect();
    // The document is too long, so the server takes nothing of it.
    let before = world.row(&device).await;
    assert_eq!(say(&world, &device, 50, &csp::encode(&standing)).await, 200);
    assert_eq!(world.row(&device).await.recoverability, before.recoverability);
    standing.locks.truncate(20);
    let fits = csp::encode(&standing);
    assert!(fits.len() < csp::MAX_DOCUMENT_BYTES);
    assert_eq!(say(&world, &device, 51, &fits).await, 200);
    let locks = world.row(&device).await.recoverability;
    assert_eq!(locks.len(), 20);
    for entry in locks {
        let texts = [Some(entry.of.subject), entry.obstacle];
        assert!(texts.iter().flatten().all(|text| text.len() < 1000 && !text.contains(char::is_control)));
    }
    for garbage in ["", "[]", "{\"locks\":[{}]}", "{\"unpromoted\":{\"action\":\"x\"}}", "\u{1f511}"] {
        assert_eq!(say(&world, &device, 52, garbage).await, 200, "{garbage}");
    }
}

#[tokio::test]
async fn packages_are_read_when_they_change_and_a_flood_of_them_is_cut() {
    let world = World::new().await;
    let mut device = world.enrolled_linux(7).await;
    assert_eq!(world.linked(&device, ResourceKind::DetectedApp).await.len(), 1);
    let asked = |report: &chaveiro_fleet::windows::SyncReport| {
        report.commands.iter().filter(|(_, node, _)| node == csp::PACKAGES).count()
    };
    let unchanged = device.sync(&world.certified(&device.account)).await.expect("a session");
    assert_eq!(asked(&unchanged), 0);
    device.packages = (0..MAX_PACKAGES + 100).map(|number| format!("p{number:05}\t1\n")).collect();
    let changed = device.sync(&world.certified(&device.account)).await.expect("a session");
    assert_eq!(asked(&changed), 1);
    assert_eq!(world.linked(&device, ResourceKind::DetectedApp).await.len(), MAX_PACKAGES);
    let again = device.sync(&world.certified(&device.account)).await.expect("a session");
    assert_eq!(asked(&again), 0, "what was cut is not asked for again");
}

#[tokio::test]
async fn a_digest_alone_speaks_for_no_linux_machine() {
    let world = World::new().await;
    let mut device = world.enrolled_linux(7).await;
    let id = world.row(&device).await.id;
    _ = world.ask(id).await;
    let refused = device.sync(&world.transport()).await.expect_err("refused");
    assert!(refused.to_string().contains("401"), "{refused}");
    assert_eq!(world.newest(id).await.0.state, ActionState::Pending);
    device.sync(&world.certified(&device.account)).await.expect("a session");
    assert_eq!(world.newest(id).await.0.state, ActionState::Done);
}

#[tokio::test]
async fn a_machine_of_before_goes_on_by_digest_and_is_listed_until_it_shows_its_certificate() {
    let world = World::new().await;
    let mut device = world.enrolled_linux(7).await;
    let row = world.row(&device).await;
    // An enrolment as an older server made it.
    let certificate = b"its certificate".as_slice();
    let enrollment = Enrollment {
        id: EnrollmentId(uuid::Uuid::from_u128(77)),
        tenant: world.tenant,
        device: row.id,
        certificate_sha256: aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, certificate)
            .as_ref()
            .try_into()
            .expect("32"),
        reported_id: device.oma_device_id.clone(),
        needs_certificate: false,
        created: world.clock.now(),
        closed: None,
    };
    let (id, tenant, now) = (enrollment.id, world.tenant, world.clock.now());
    let written = world.store.write(move |unit| {
        let open = unit.open_enrollment(tenant, row.id)?.expect("an enrolment");
        unit.close_enrollment(open.id, now)?;
        Ok(unit.insert_enrollment(&enrollment)?)
    });
    written.await.expect("written");
    let account = &mut device.account.management;
    account.user = world.credentials.client_name(id);
    account.password = world.credentials.client_secret(id);
    account.nonce = world.credentials.first_nonce(id).to_vec();
    let listed = || async {
        let read = world.store.read(move |view| Ok(view.devices_without_certificate(tenant, 10)?));
        read.await.expect("read").into_iter().map(|device| device.id).collect::<Vec<_>>()
    };

    device.sync(&world.transport()).await.expect("by digest");
    assert_eq!(listed().await, [row.id]);
    let mut shown = world.transport();
    shown.peer = Some(PeerCertificate::of(certificate));
    device.sync(&shown).await.expect("by certificate");
    assert_eq!(listed().await, []);
    let refused = device.sync(&world.transport()).await.expect_err("refused");
    assert!(refused.to_string().contains("401"), "{refused}");
    device.sync(&shown).await.expect("by certificate");
}
