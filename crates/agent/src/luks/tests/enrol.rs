use std::os::unix::fs::PermissionsExt;

use super::*;

#[test]
fn the_agent_gets_a_slot_of_its_own_and_the_header_as_it_was_is_kept() {
    let bench = Bench::new(&[]);
    let before = bench.bytes();
    bench.enroll(ANA).expect("enrolled");
    assert!(bench.volume.agent_key_opens(&bench.key).expect("told"));
    assert_eq!(bench.volume.owned().expect("read"), [Owned { slot: 31, token: 0, role: Role::Agent, mark: None }]);
    for file in [&bench.key, &bench.backup] {
        assert_eq!(file.metadata().expect("there").permissions().mode() & 0o777, 0o600);
    }
    let backup = std::fs::read(&bench.backup).expect("read");
    assert!(backup.len() > 1 << 20 && backup == before[..backup.len()]);
    assert!(bench.opens_when_typed(ANA));
}

#[test]
fn a_working_agent_slot_is_left_alone() {
    let bench = Bench::enrolled();
    let before = bench.bytes();
    bench.volume.enroll(&Zeroizing::new(b"anything".to_vec()), &bench.key, &bench.backup, &[9; 64]).expect("no change");
    assert!(before == bench.bytes());
    assert_eq!(std::fs::read(&bench.key).expect("read"), RANDOM);
}

#[test]
fn a_mistyped_passphrase_changes_nothing() {
    let bench = Bench::new(&[]);
    let before = bench.bytes();
    for wrong in ["a senha da Eva", "", "a senha da Ana\n"] {
        let error = bench.enroll(wrong).expect_err("refused").to_string();
        assert!(error.contains("opens with what was given") && error.contains("newline"), "{error}");
    }
    assert!(before == bench.bytes());
    assert!(!bench.key.exists() && !bench.backup.exists());
}

#[test]
fn what_an_interrupted_enrolment_left_is_finished_or_replaced() {
    // A key without a slot.
    let bench = Bench::new(&[]);
    chaveiro_keyfile::create_directory(bench.key.parent().expect("a parent")).expect("made");
    chaveiro_keyfile::create(&bench.key, b"of another time").expect("written");
    bench.enroll(ANA).expect("enrolled");
    assert!(bench.volume.agent_key_opens(&bench.key).expect("told"));
    // A slot without a token.
    bench.volume.run_token(&["remove", "--token-id=0"], &[]).expect("removed");
    assert!(!bench.volume.agent_key_opens(&bench.key).expect("told"));
    bench.enroll(ANA).expect("enrolled");
    assert!(bench.volume.agent_key_opens(&bench.key).expect("told"));
    assert_eq!(bench.used(), [0, 31]);
    // A slot without a key, or with a damaged one: it cannot be opened, so it makes place.
    for damaged in [false, true] {
        std::fs::remove_file(&bench.key).expect("removed");
        if damaged {
            chaveiro_keyfile::create(&bench.key, &RANDOM[..32]).expect("written");
        }
        assert!(bench.enroll("a senha da Eva").is_err());
        bench.enroll(ANA).expect("enrolled");
        assert!(bench.volume.agent_key_opens(&bench.key).expect("told"));
        assert_eq!((bench.used(), bench.volume.owned().expect("read").len()), (vec![0, 31], 1));
    }
    assert!(bench.opens_when_typed(ANA));
}

#[test]
fn a_recovery_passcode_can_enrol_again() {
    let bench = Bench::enrolled();
    bench.add("abacate abelha", 2).expect("added");
    std::fs::remove_file(&bench.key).expect("removed");
    bench.enroll("abacate abelha").expect("enrolled");
    assert!(bench.volume.agent_key_opens(&bench.key).expect("told") && bench.opens(2, "abacate abelha"));
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let bench = Bench::enrolled();
    std::fs::set_permissions(&bench.key, std::fs::Permissions::from_mode(0o644)).expect("chmod");
    let error = bench.add("abacate", 2).expect_err("refused").to_string();
    assert!(error.contains("chmod 600"), "{error}");
}

#[test]
fn a_machine_that_leaves_takes_all_its_slots_and_no_other() {
    let bench = Bench::enrolled();
    bench.add("abacate", 2).expect("added");
    bench.add("abelha", 4).expect("added");
    assert!(bench.add_by_hand(3, "outra pessoa"));
    bench.volume.leave(&bench.key).expect("left");
    assert_eq!(bench.used(), [0, 3]);
    assert!(bench.volume.header().expect("a header").tokens.is_empty());
    assert!(!bench.key.exists() && bench.opens_when_typed(ANA) && bench.opens_when_typed("outra pessoa"));
    bench.volume.leave(&bench.key).expect("leaving twice is no error");
}

#[test]
fn a_machine_that_leaves_in_the_middle_of_enrolling_takes_what_was_done() {
    let bench = Bench::enrolled();
    bench.volume.run_token(&["remove", "--token-id=0"], &[]).expect("removed");
    bench.volume.leave(&bench.key).expect("left");
    assert_eq!(bench.used(), [0]);
}

#[test]
fn leaving_removes_no_slot_when_none_of_a_person_remains_or_the_key_is_lost() {
    let bench = Bench::enrolled();
    bench.add("abacate", 2).expect("added");
    let key = std::fs::read(&bench.key).expect("read");
    std::fs::remove_file(&bench.key).expect("removed");
    let error = bench.volume.leave(&bench.key).expect_err("refused").to_string();
    assert!(error.contains("chaveiro-agent escrow"), "{error}");
    chaveiro_keyfile::create(&bench.key, &key).expect("written");
    assert!(bench.cryptsetup(&["luksRemoveKey", "--key-file=-"], &[], ANA));
    let error = bench.volume.leave(&bench.key).expect_err("refused").to_string();
    assert!(error.contains("last one") && bench.key.exists(), "{error}");
    assert_eq!(bench.used(), [2, 31], "nothing was removed, not even what is ours");
}
