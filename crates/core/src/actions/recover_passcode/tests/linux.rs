//! The way that seals first: the decision about each answer, and about a device that may have changed.

use jiff::Timestamp;
use uuid::Uuid;

use super::super::seal_first::WAY;
use super::settle;
use crate::action::{ActionRecord, ActionState, Outcome};
use crate::caller::Actor;
use crate::command::{Delivery, DeviceCommand, Phase, Purpose, Receipt};
use crate::digest::sha256_hex;
use crate::id::{ActionId, DeviceId, EnrollmentId, TenantId};
use crate::lock::{DeviceLock, DeviceReport, Lock, Obstacle};
use crate::remote_action::{Ending, Evidence, Held, Settlement, Step};
use crate::tenant::TenantSettings;

const ENVELOPE: &[u8] = b"envelope";

fn report(opens: &[Lock]) -> DeviceReport {
    let of = |lock: &Lock| DeviceLock { lock: *lock, subject: "x".to_owned() };
    DeviceReport {
        action: ActionId(Uuid::nil()),
        attempt: 1,
        opens: opens.iter().map(of).collect(),
        obstacles: vec![Obstacle { of: of(&Lock::Luks2), code: "noFreeSlot".to_owned() }],
    }
}

#[test]
fn the_outcome_table_of_linux() {
    use ActionState::{Done, Failed, NotSupported};
    use Outcome::{Contradictory, DeviceRefused, FeatureAbsent, Replaced, ValueNotDelivered};
    use Purpose::{Apply, Prepare};
    let ended =
        |state, outcome| move |status| Settlement::Ended(Ending { state, outcome, device_status: Some(status) });
    let (silent, empty, proof) = (None, Some(report(&[])), Some(report(&[Lock::Login])));
    let absent: &dyn Fn(u16) -> Settlement = &ended(NotSupported, FeatureAbsent);
    let refused: &dyn Fn(u16) -> Settlement = &ended(Failed, DeviceRefused);
    let nothing: &dyn Fn(u16) -> Settlement = &ended(Failed, ValueNotDelivered);
    let unproven: &dyn Fn(u16) -> Settlement = &ended(Failed, Contradictory);
    let done: &dyn Fn(u16) -> Settlement = &ended(Done, Replaced);
    let envelope_sha256 = sha256_hex(ENVELOPE);
    let commands = vec![DeviceCommand::ApplyCandidate { envelope_sha256 }, DeviceCommand::ReadReport];
    let step = Step { purpose: Apply, commands };
    let apply: &dyn Fn(u16) -> Settlement = &|_| Settlement::Next(step.clone());
    let again: &dyn Fn(u16) -> Settlement = &|_| Settlement::TryAgain;
    // (why it was sent, status of the Exec) -> (without a value, with one) x (no report, an empty one, a proof)
    let table = [
        (Prepare, 200, [nothing; 3], [apply; 3]),
        (Prepare, 404, [absent; 3], [absent; 3]),
        (Prepare, 406, [absent; 3], [absent; 3]),
        (Prepare, 409, [again; 3], [again; 3]),
        (Prepare, 400, [refused; 3], [refused; 3]),
        (Prepare, 500, [refused; 3], [refused; 3]),
        (Apply, 200, [unproven; 3], [unproven, unproven, done]),
        (Apply, 404, [absent; 3], [absent; 3]),
        (Apply, 406, [refused; 3], [refused; 3]),
        (Apply, 409, [again; 3], [again; 3]),
        (Apply, 400, [refused; 3], [refused; 3]),
        (Apply, 500, [refused; 3], [refused; 3]),
    ];
    for (purpose, exec, without, with) in table {
        for (has_value, row) in [(false, without), (true, with)] {
            for (report, expected) in [&silent, &empty, &proof].into_iter().zip(row) {
                for read in [200, 404, 500] {
                    let statuses = [Some(exec), Some(read), Some(200)];
                    let value = if has_value { Held::Certain } else { Held::Nothing };
                    let evidence = Evidence {
                        attempt: 1,
                        statuses: &statuses,
                        value,
                        envelope: has_value.then_some(ENVELOPE),
                        report: report.as_ref(),
                        complete: true,
                    };
                    let settlement = settle(purpose, evidence);
                    assert_eq!(settlement, Some(expected(exec)), "{purpose:?} {exec} {has_value} {report:?}");
                }
            }
        }
    }
}

#[test]
fn nothing_is_decided_of_a_candidate_before_every_command_is_answered_and_what_follows_an_end_decides_nothing() {
    let proof = report(&[Lock::Login]);
    let settled = |purpose, statuses: &[Option<u16>]| {
        let (value, envelope) = (Held::Certain, Some(ENVELOPE));
        settle(purpose, Evidence { attempt: 1, statuses, value, envelope, report: Some(&proof), complete: true })
    };
    for purpose in [Purpose::Prepare, Purpose::Apply] {
        for statuses in [[None, None], [Some(200), None], [None, Some(200)]] {
            assert_eq!(settled(purpose, &statuses), None);
        }
        assert_eq!(settled(purpose, &[]), None);
    }
    for purpose in [Purpose::Finish, Purpose::SetUp] {
        assert_eq!(settled(purpose, &[Some(200)]), None);
    }
}

#[test]
fn a_device_may_have_changed_from_the_moment_it_was_told_until_it_has_said_so() {
    use Purpose::{Apply, Finish, Prepare};
    let at = || Receipt { message: "session 1 message 1".to_owned(), first: 1 };
    let (queued, sent, lost, settled) = (Phase::Queued, Phase::Sent(at()), Phase::Lost(at()), Phase::Settled(at()));
    let table: [(&[(Purpose, &Phase)], bool); 12] = [
        (&[], false),
        (&[(Prepare, &queued)], false),
        (&[(Prepare, &sent)], false),
        (&[(Prepare, &lost), (Prepare, &sent)], false),
        (&[(Prepare, &settled), (Apply, &queued)], false),
        (&[(Prepare, &settled), (Apply, &Phase::Withdrawn)], false),
        (&[(Prepare, &settled), (Apply, &sent)], true),
        (&[(Prepare, &settled), (Apply, &lost), (Apply, &queued)], true),
        (&[(Apply, &lost), (Apply, &settled)], false),
        (&[(Apply, &lost), (Apply, &settled), (Prepare, &sent)], false),
        (&[(Apply, &settled), (Prepare, &settled), (Apply, &lost), (Apply, &queued)], true),
        (&[(Finish, &sent), (Finish, &lost)], false),
    ];
    for (row, (deliveries, changed)) in table.into_iter().enumerate() {
        let delivery = |(purpose, phase): &(Purpose, &Phase)| Delivery {
            seq: 0,
            tenant: TenantId(Uuid::nil()),
            device: DeviceId(Uuid::nil()),
            enrollment: EnrollmentId(Uuid::nil()),
            action: None,
            attempt: 1,
            purpose: *purpose,
            commands: Vec::new(),
            phase: (*phase).clone(),
            statuses: Vec::new(),
            created: Timestamp::UNIX_EPOCH,
        };
        let deliveries: Vec<_> = deliveries.iter().map(delivery).collect();
        assert_eq!((WAY.holds_on)(&deliveries), changed, "row {row}");
    }
}

fn action(locks: &[Lock]) -> ActionRecord {
    let (nil, name) = (Uuid::nil(), super::RECOVER_PASSCODE.name);
    let of = (TenantId(nil), DeviceId(nil));
    let action = ActionRecord::pending(ActionId(nil), of, name, Actor::system(), Timestamp::UNIX_EPOCH);
    ActionRecord { locks: locks.to_vec(), ..action }
}

#[test]
fn linux_recovers_what_its_tenant_wants_and_names_it_in_the_first_command() {
    use crate::tenant::LinuxLocks;
    for (linux_locks, locks) in [
        (LinuxLocks::Both, vec![Lock::Login, Lock::Luks2]),
        (LinuxLocks::Login, vec![Lock::Login]),
        (LinuxLocks::Luks2, vec![Lock::Luks2]),
    ] {
        let settings = TenantSettings { linux_locks, ..TenantSettings::default() };
        assert_eq!((WAY.locks)(&settings), locks);
        let Step { purpose, commands } = (WAY.first)(&action(&locks));
        let prepare = DeviceCommand::PrepareCandidate { locks };
        assert_eq!((purpose, &commands[0]), (Purpose::Prepare, &prepare));
        assert_eq!(commands[1..], [DeviceCommand::ReadCandidate, DeviceCommand::ReadReport]);
    }
}
