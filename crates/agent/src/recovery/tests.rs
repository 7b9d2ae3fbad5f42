//! Recoveries of a login password below a directory: every order right, wrong, repeated, interrupted.

use chaveiro_core::id::{DeviceId, TenantId};
use chaveiro_core::lock::EscrowTest;
use chaveiro_core::passcode::PasscodePolicy;
use chaveiro_core::ports::{Sealer, Unsealer};
use chaveiro_escrow::Keyring;
use uuid::Uuid;

use super::*;

const OLD: &str = "old-password";
/// A day of 2026.
const TODAY: i64 = 20_781;

struct Bench {
    directory: tempfile::TempDir,
    keyring: Keyring,
    recovery: Recovery,
}

fn passcode(text: &str) -> Passcode {
    Passcode::new(Zeroizing::new(text.to_owned())).expect("a passcode")
}

impl Bench {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let root = directory.path();
        std::fs::create_dir_all(root.join("etc")).expect("made");
        std::fs::create_dir_all(root.join("usr/sbin")).expect("made");
        std::fs::write(root.join("usr/sbin/unix_chkpwd"), "").expect("written");
        std::fs::write(root.join("etc/passwd"), "ana:x:1000:1000:Ana:/home/ana:/bin/sh\n").expect("written");
        // The fewest rounds: each password is hashed and checked many times.
        std::fs::write(root.join("etc/login.defs"), "SHA_CRYPT_MAX_ROUNDS 1000\n").expect("written");
        let accounts = Accounts { root };
        let empty = Entry::new(Zeroizing::new("$6$x$y".to_owned()), "19000".to_owned());
        let old = accounts.make_entry(&empty, &passcode(OLD), &[7; 16], false, 19_000).expect("a hash");
        let shadow = format!("root:*:19000:0:99999:7:::\nana:{}:19000:0:99999:7:::\nbob:*:1::::::\n", old.hash_text());
        std::fs::write(root.join("etc/shadow"), shadow).expect("written");
        let keyring = Keyring::open(&root.join("keys")).expect("a keyring");
        keyring.create_tenant_key(tenant()).expect("a key");
        std::fs::create_dir_all(root.join("state")).expect("made");
        let recovery = Self::open(root);
        Self { keyring, recovery, directory }
    }

    fn open(root: &Path) -> Recovery {
        let config = crate::config::load(root).expect("no configuration");
        let mut recovery = Recovery::open(root, &root.join("state"), config).expect("opened");
        recovery.resume().expect("resumed");
        recovery
    }

    /// Starts the agent again after its death.
    fn restart(&mut self) {
        self.recovery = Self::open(self.directory.path());
    }

    fn order(&self, attempt: u32) -> Prepare {
        Prepare {
            tenant: tenant(),
            device: DeviceId(Uuid::from_u128(2)),
            action: action(),
            attempt,
            recipients: Sealer::recipients(&self.keyring, tenant()).expect("recipients"),
            locks: vec![Lock::Login, Lock::Luks2],
            passcode: PasscodePolicy::default(),
            must_change: false,
            lock_sessions: false,
        }
    }

    /// Prepares a candidate. Returns the server's next order, and the passcode that only the escrow could know.
    fn prepared(&mut self, attempt: u32) -> (Apply, Passcode) {
        assert_eq!(self.recovery.prepare(&self.order(attempt), TODAY), OK);
        let envelope = self.recovery.envelope().expect("a candidate").to_vec();
        self.keyring.check(tenant(), &envelope).expect("sealed to the recipients");
        let context = SecretContext {
            tenant: tenant(),
            device: DeviceId(Uuid::from_u128(2)),
            action: action(),
            attempt,
            kind: SecretKind::Passcode,
        };
        let candidate = self.keyring.unseal(&context, &envelope).expect("it opens");
        (Apply { action: action(), attempt, envelope_sha256: sha256_hex(&envelope) }, candidate)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn shadow(&self) -> String {
        std::fs::read_to_string(self.file("etc/shadow")).expect("read")
    }

    fn opens(&self, candidate: &Passcode) -> bool {
        Accounts { root: self.directory.path() }.opens("ana", candidate).expect("checked")
    }

    fn old_opens(&self) -> bool {
        self.opens(&passcode(OLD))
    }

    fn reasons(&self) -> Vec<String> {
        let report = self.recovery.report().expect("a report");
        report.obstacles.iter().map(|obstacle| obstacle.code.clone()).collect()
    }
}

fn tenant() -> TenantId {
    TenantId(Uuid::from_u128(1))
}

fn action() -> ActionId {
    ActionId(Uuid::from_u128(3))
}

fn finish(attempt: u32) -> Finish {
    Finish { action: action(), attempt }
}

#[test]
fn a_recovery_goes_from_prepare_to_retire_and_each_order_may_be_repeated() {
    let mut bench = Bench::new();
    let before = bench.shadow();
    let (apply, candidate) = bench.prepared(1);
    assert_eq!(bench.shadow(), before, "nothing changes before the escrow holds the candidate");
    let envelope = bench.recovery.envelope().expect("a candidate").to_vec();
    assert_eq!(bench.recovery.prepare(&bench.order(1), TODAY), OK);
    assert_eq!(bench.recovery.envelope(), Some(envelope.as_slice()), "a repeat is answered alike");

    for _ in 0..2 {
        assert_eq!(bench.recovery.apply(&apply, TODAY), OK);
        let report = bench.recovery.report().expect("a report");
        assert_eq!(report.opens.iter().map(ToString::to_string).collect::<Vec<_>>(), ["login:ana"]);
        assert!(bench.opens(&candidate) && !bench.old_opens());
        bench.restart();
        let waiting = bench.recovery.standing(TODAY).unpromoted.expect("it waits for the server");
        assert_eq!((waiting.attempt, &waiting.envelope_sha256), (1, &apply.envelope_sha256));
    }
    for _ in 0..2 {
        assert_eq!(bench.recovery.retire(&finish(1)), OK);
        bench.restart();
        let standing = bench.recovery.standing(TODAY);
        assert!(standing.unpromoted.is_none());
        assert_eq!((standing.locks[0].escrow, standing.locks[0].action), (EscrowTest::Opens, Some(action())));
    }
    assert_eq!(bench.recovery.undo(&finish(1)), CONFLICT, "there is no way back from what was promoted");
    assert!(bench.opens(&candidate));
    assert!(!bench.file("state/recovery.journal").exists());
}

#[test]
fn undoing_puts_every_byte_back() {
    let mut bench = Bench::new();
    let before = bench.shadow();
    let (apply, _) = bench.prepared(1);
    assert_eq!(bench.recovery.apply(&apply, TODAY), OK);
    assert_eq!(bench.recovery.undo(&finish(2)), CONFLICT, "another attempt");
    assert_eq!(bench.recovery.undo(&finish(1)), OK);
    assert_eq!(bench.shadow(), before);
    assert_eq!(bench.recovery.undo(&finish(1)), OK, "a repeat is answered alike");
    assert_eq!(bench.recovery.retire(&finish(1)), CONFLICT, "what was taken back cannot be promoted");
}

#[test]
fn an_agent_that_dies_while_it_takes_back_goes_on_taking_back_and_never_says_applied() {
    let mut bench = Bench::new();
    let (before, (apply, _)) = (bench.shadow(), bench.prepared(1));
    assert_eq!(bench.recovery.apply(&apply, TODAY), OK);
    let after = bench.shadow();
    bench.recovery.journal.append(Record::TakingBack).expect("written");
    let journal = std::fs::read(bench.file("state/recovery.journal")).expect("a journal");
    for shadow in [&after, &before] {
        std::fs::write(bench.file("etc/shadow"), shadow).expect("written");
        std::fs::write(bench.file("state/recovery.journal"), &journal).expect("written");
        bench.restart();
        assert!(bench.recovery.standing(TODAY).unpromoted.is_none());
        assert_eq!(bench.recovery.apply(&apply, TODAY), CONFLICT);
        assert_eq!(bench.shadow(), before);
        assert!(!bench.file("state/recovery.journal").exists());
    }
}

#[test]
fn what_is_being_retired_cannot_be_undone() {
    let mut bench = Bench::new();
    let (apply, candidate) = bench.prepared(1);
    assert_eq!(bench.recovery.apply(&apply, TODAY), OK);
    bench.recovery.journal.append(Record::Retiring).expect("written");
    assert_eq!(bench.recovery.undo(&finish(1)), CONFLICT);
    bench.restart();
    assert!(bench.opens(&candidate) && bench.recovery.standing(TODAY).unpromoted.is_none());
}

#[test]
fn orders_that_cannot_be_carried_out_change_nothing_and_say_why() {
    let mut bench = Bench::new();
    let before = bench.shadow();
    let good = bench.order(1);
    let junk = |recipients: &[&str]| Prepare {
        recipients: recipients.iter().map(|line| (*line).to_owned()).collect(),
        ..good.clone()
    };
    let mut half = good.clone();
    half.recipients.push("p256 AAAA broken".to_owned());
    let weak = PasscodePolicy::Characters { alphabet: chaveiro_core::passcode::Alphabet::Digits, length: 4 };
    for (order, status, reason) in [
        (junk(&[]), BAD_FORMAT, "recipientsUnusable"),
        (junk(&["key"]), BAD_FORMAT, "recipientsUnusable"),
        (junk(&["rsa AAAA x"]), BAD_FORMAT, "recipientsUnusable"),
        (half, BAD_FORMAT, "recipientsUnusable"),
        (Prepare { passcode: weak, ..good.clone() }, BAD_FORMAT, "passcodePolicyUnusable"),
        (Prepare { locks: vec![Lock::Luks2], ..good.clone() }, NOTHING_READY, "noVolume"),
        (Prepare { locks: vec![], ..good.clone() }, NOTHING_READY, ""),
    ] {
        assert_eq!(bench.recovery.prepare(&order, TODAY), status);
        assert!(reason.is_empty() || bench.reasons().iter().any(|code| code == reason), "{:?}", bench.reasons());
        assert!(bench.recovery.envelope().is_none());
    }
    let (apply, candidate) = bench.prepared(1);
    for wrong in [
        Apply { attempt: 2, ..apply.clone() },
        Apply { action: ActionId(Uuid::from_u128(9)), ..apply.clone() },
        Apply { envelope_sha256: "00".to_owned(), ..apply.clone() },
    ] {
        assert_eq!(bench.recovery.apply(&wrong, TODAY), CONFLICT);
        assert_eq!(bench.shadow(), before);
    }
    assert_eq!(bench.recovery.apply(&apply, TODAY), OK, "a wrong order does not spoil the right one");
    assert!(bench.opens(&candidate));
    assert_eq!(bench.recovery.prepare(&bench.order(2), TODAY), CONFLICT, "one recovery at a time");
}

#[test]
fn a_candidate_that_was_undone_before_it_was_applied_is_gone() {
    let mut bench = Bench::new();
    let (apply, _) = bench.prepared(1);
    assert_eq!(bench.recovery.undo(&finish(2)), OK, "another attempt");
    assert!(bench.recovery.envelope().is_some());
    assert_eq!(bench.recovery.undo(&finish(1)), OK);
    assert_eq!(bench.recovery.apply(&apply, TODAY), CONFLICT);
    assert!(bench.old_opens());
}

#[test]
fn a_candidate_does_not_outlive_the_agent_that_made_it() {
    let mut bench = Bench::new();
    let (apply, _) = bench.prepared(1);
    bench.restart();
    assert_eq!(bench.recovery.apply(&apply, TODAY), CONFLICT);
    assert!(bench.old_opens());
}

#[test]
fn a_password_that_another_program_changed_meanwhile_stays() {
    let mut bench = Bench::new();
    let (apply, candidate) = bench.prepared(1);
    let accounts = Accounts { root: &bench.file("") };
    let old = accounts.entry("ana").expect("an entry");
    let newer = accounts.make_entry(&old, &passcode("ana knows this one"), &[8; 16], false, TODAY).expect("a hash");
    accounts.replace("ana", &old, &newer).expect("replaced");
    assert_eq!(bench.recovery.apply(&apply, TODAY), FAILED);
    assert!(bench.reasons().contains(&"changedMeanwhile".to_owned()), "{:?}", bench.reasons());
    assert!(bench.opens(&passcode("ana knows this one")) && !bench.opens(&candidate));
    assert!(!bench.file("state/recovery.journal").exists());

    // The same between applying and taking back: what is newer than ours is not ours to undo.
    let (apply, _) = bench.prepared(2);
    assert_eq!(bench.recovery.apply(&apply, TODAY), OK);
    let ours = accounts.entry("ana").expect("an entry");
    accounts.replace("ana", &ours, &newer).expect("replaced");
    assert_eq!(bench.recovery.undo(&finish(2)), OK);
    assert!(bench.opens(&passcode("ana knows this one")));
}

#[test]
fn other_lines_may_change_between_prepare_and_apply_and_are_kept() {
    let mut bench = Bench::new();
    let (apply, candidate) = bench.prepared(1);
    let changed = bench.shadow().replace("bob:*:1::::::\n", "bob:!:2::::::\ncarl:*:3::::::\n");
    std::fs::write(bench.file("etc/shadow"), changed).expect("written");
    assert_eq!(bench.recovery.apply(&apply, TODAY), OK);
    assert!(bench.opens(&candidate) && bench.shadow().contains("bob:!:2::::::\ncarl:*:3::::::\n"));
}

#[test]
fn an_account_that_is_gone_between_prepare_and_apply_fails_the_action() {
    let mut bench = Bench::new();
    let (apply, _) = bench.prepared(1);
    std::fs::write(bench.file("etc/shadow"), "root:*:19000:0:99999:7:::\n").expect("written");
    assert_eq!(bench.recovery.apply(&apply, TODAY), FAILED);
    assert!(bench.reasons().contains(&"noAccount".to_owned()), "{:?}", bench.reasons());
}

#[test]
fn a_clock_that_is_off_by_a_year_does_not_stop_a_recovery() {
    for today in [TODAY - 365, TODAY + 365, 0] {
        let mut bench = Bench::new();
        let (apply, candidate) = bench.prepared(1);
        assert_eq!(bench.recovery.apply(&apply, today), OK, "{today}");
        assert!(bench.opens(&candidate), "{today}");
    }
}

#[test]
fn a_password_that_must_be_changed_says_so_in_shadow_where_the_person_can_change_it() {
    const ADMIN: &str = "etc/systemd/system/display-manager.service";
    const DISTRIBUTION: &str = "usr/lib/systemd/system/display-manager.service";
    const DEBIAN: &str = "etc/X11/default-display-manager";
    // A file and its text; a unit is a link to that text.
    for (must_change, machine, last_change) in [
        (true, &[][..], "0"),
        (true, &[(ADMIN, "/usr/lib/systemd/system/gdm.service")], "0"),
        (true, &[(ADMIN, "/usr/lib/systemd/system/gdm3.service")], "0"),
        (true, &[(ADMIN, "/usr/lib/systemd/system/lightdm.service")], "0"),
        (true, &[(ADMIN, "/usr/lib/systemd/system/sddm.service")], "20781"),
        (true, &[(ADMIN, "/usr/lib/systemd/system/greetd.service")], "20781"),
        (true, &[("run/systemd/system/display-manager.service", "/usr/lib/systemd/system/sddm.service")], "20781"),
        (true, &[(DISTRIBUTION, "sddm.service")], "20781"),
        (true, &[(DISTRIBUTION, "gdm.service")], "0"),
        (true, &[(DISTRIBUTION, "gdm.service"), (ADMIN, "/usr/lib/systemd/system/sddm.service")], "20781"),
        (true, &[(DISTRIBUTION, "sddm.service"), (ADMIN, "/dev/null")], "0"),
        (true, &[(DEBIAN, "/usr/bin/sddm\n")], "20781"),
        (true, &[(DEBIAN, "/usr/sbin/gdm3\n")], "0"),
        (false, &[], "20781"),
    ] {
        let mut bench = Bench::new();
        for (name, text) in machine {
            let file = bench.file(name);
            std::fs::create_dir_all(file.parent().expect("a parent")).expect("made");
            match *name {
                DEBIAN => std::fs::write(file, text).expect("written"),
                _ => std::os::unix::fs::symlink(text, file).expect("linked"),
            }
        }
        let order = Prepare { must_change, ..bench.order(1) };
        assert_eq!(bench.recovery.prepare(&order, TODAY), OK);
        let sha256 = sha256_hex(bench.recovery.envelope().expect("a candidate"));
        let apply = Apply { action: action(), attempt: 1, envelope_sha256: sha256 };
        assert_eq!(bench.recovery.apply(&apply, TODAY), OK);
        let line = bench.shadow().lines().nth(1).expect("a line").to_owned();
        assert_eq!(line.split(':').nth(2), Some(last_change), "{must_change} {machine:?}: {line}");
    }
}

/// The power goes at any moment, and of the journal any part is on the disk.
#[test]
fn a_journal_cut_at_any_byte_leaves_the_old_password_or_the_escrowed_one() {
    let mut bench = Bench::new();
    let before = bench.shadow();
    let (apply, candidate) = bench.prepared(1);
    assert_eq!(bench.recovery.apply(&apply, TODAY), OK);
    let (after, journal) = (bench.shadow(), std::fs::read(bench.file("state/recovery.journal")).expect("a journal"));
    for (shadow, is_new) in [(&before, false), (&after, true)] {
        for cut in 0..=journal.len() {
            std::fs::write(bench.file("etc/shadow"), shadow).expect("written");
            std::fs::write(bench.file("state/recovery.journal"), &journal[..cut]).expect("written");
            bench.restart();
            assert!(bench.old_opens() || bench.opens(&candidate), "cut at {cut}");
            let standing = bench.recovery.standing(TODAY);
            match (standing.unpromoted.is_some(), cut == journal.len()) {
                (true, true) | (false, false) => {}
                other => panic!("cut at {cut}: {other:?}"),
            }
            // The server decides; then nothing is left to be done, and something that is known opens the account.
            let status = bench.recovery.undo(&finish(1));
            assert_eq!(status, OK, "cut at {cut}");
            assert!(bench.old_opens() || (is_new && bench.opens(&candidate)), "cut at {cut}");
            assert!(!bench.file("state/recovery.journal").exists(), "cut at {cut}");
        }
    }
}

#[test]
fn a_changed_password_is_seen_before_a_user_is_locked_out() {
    let mut bench = Bench::new();
    assert_eq!(bench.recovery.standing(TODAY).locks[0].escrow, EscrowTest::Never);
    let (apply, _) = bench.prepared(1);
    assert_eq!(bench.recovery.apply(&apply, TODAY), OK);
    assert_eq!(bench.recovery.retire(&finish(1)), OK);
    assert_eq!(bench.recovery.standing(TODAY).locks[0].escrow, EscrowTest::Opens);
    let accounts = Accounts { root: &bench.file("") };
    let ours = accounts.entry("ana").expect("an entry");
    let newer = accounts.make_entry(&ours, &passcode("her own again"), &[8; 16], false, TODAY).expect("a hash");
    accounts.replace("ana", &ours, &newer).expect("replaced");
    assert_eq!(bench.recovery.standing(TODAY).locks[0].escrow, EscrowTest::Changed);
}
