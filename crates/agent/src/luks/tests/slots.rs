use super::*;

#[test]
fn a_replacement_adds_before_it_removes_and_the_owner_always_gets_in() {
    let bench = Bench::enrolled();
    let slot = bench.volume.free_slot().expect("read").expect("a free one");
    bench.add("antiga", slot).expect("added");
    assert!(bench.opens(slot, "antiga") && !bench.opens(slot, "nova") && !bench.opens(0, "antiga"));
    let other = bench.volume.free_slot().expect("read").expect("a free one");
    assert_ne!(slot, other);
    bench.volume.add(&bench.key, &passcode("nova"), FAST, &mark(2), other).expect("added");
    assert!(bench.opens(slot, "antiga") && bench.opens(other, "nova"));
    let marks: Vec<_> = bench.volume.owned().expect("read").into_iter().map(|owned| (owned.slot, owned.mark)).collect();
    assert_eq!(marks, [(31, None), (slot, Some(mark(1))), (other, Some(mark(2)))]);
    bench.kill(slot, false).expect("removed");
    assert!(!bench.opens(slot, "antiga") && !bench.opens_when_typed("antiga"));
    assert!(bench.opens(other, "nova") && bench.opens_when_typed("nova") && bench.opens_when_typed(ANA));
    assert_eq!(bench.volume.owned().expect("read").len(), 2, "its token went too");
}

#[test]
fn a_passcode_is_what_is_typed_whatever_it_is_made_of() {
    let bench = Bench::enrolled();
    let long = "x".repeat(chaveiro_core::secret::MAX_PASSCODE_BYTES);
    for (words, slot) in
        [("abacate-abelha ação", 2), (" espaços  ", 3), ("-", 4), ("$(reboot) \"'\\", 5), ("çãé√🔑", 6), (&long, 7)]
    {
        bench.add(words, slot).expect("added");
        assert!(bench.opens(slot, words) && bench.opens_when_typed(words), "{slot}");
        assert!(!bench.opens(slot, "abacate-abelha") && !bench.opens_when_typed("abacate-abelha"));
    }
}

#[test]
fn each_derivation_makes_a_slot_that_opens() {
    for (kdf, name) in [(FAST, "pbkdf2"), (Kdf::Argon2id, "argon2id"), (Kdf::Default, "argon2id")] {
        // A volume of its own: a key is tried on every slot before its own, and an expensive one takes seconds.
        let bench = Bench::enrolled();
        bench.volume.add(&bench.key, &passcode("abacate"), kdf, &mark(1), 2).expect("added");
        assert!(bench.opens(2, "abacate"));
        assert_eq!(bench.volume.header().expect("a header").slots[&2]["kdf"]["type"], name);
    }
}

#[test]
fn the_token_of_another_program_does_not_stand_in_for_a_passcode() {
    let bench = Bench::enrolled();
    bench.add("abacate", 2).expect("added");
    let token = r#"{"type":"luks2-keyring","keyslots":["2"],"key_description":"chaveiro-test"}"#;
    bench.volume.run_token(&["import", "--json-file=-"], token.as_bytes()).expect("imported");
    assert!(bench.opens(2, "abacate") && !bench.opens(2, "abelha"));
}

#[test]
fn the_slots_of_people_and_of_the_agent_are_not_removed() {
    let bench = Bench::enrolled();
    assert!(bench.add_by_hand(2, "outra pessoa"));
    let token = r#"{"type":"another","keyslots":["2"]}"#;
    bench.volume.run_token(&["import", "--json-file=-"], token.as_bytes()).expect("imported");
    for (slot, claimed) in [(0, false), (31, false), (31, true), (2, false), (2, true)] {
        let error = bench.kill(slot, claimed).expect_err("refused");
        assert!(matches!(error, LuksError::NotOurs(refused) if refused == slot), "{error}");
    }
    assert_eq!(bench.used(), [0, 2, 31]);
}

#[test]
fn a_slot_that_a_person_put_where_ours_was_is_a_persons() {
    let bench = Bench::enrolled();
    bench.add("abacate", 2).expect("added");
    assert!(bench.cryptsetup(&["luksRemoveKey", "--key-file=-"], &[], "abacate"));
    assert!(bench.add_by_hand(2, "outra pessoa"));
    assert!(matches!(bench.kill(2, false), Err(LuksError::NotOurs(2))));
}

#[test]
fn a_slot_that_is_gone_already_is_fine() {
    let bench = Bench::enrolled();
    bench.add("abacate", 2).expect("added");
    assert!(bench.cryptsetup(&["luksRemoveKey", "--key-file=-"], &[], "abacate"));
    assert!(!bench.opens(2, "abacate"));
    assert_eq!(bench.volume.header().expect("a header").tokens.len(), 2);
    for _ in 0..2 {
        bench.kill(2, false).expect("no error");
        assert_eq!(bench.volume.header().expect("a header").tokens.len(), 1, "the token left behind is removed");
    }
}

#[test]
fn what_a_crash_left_without_a_token_is_removed_only_when_it_is_claimed() {
    let bench = Bench::enrolled();
    bench.add("abacate", 2).expect("added");
    bench.volume.run_token(&["remove", "--token-id=1"], &[]).expect("removed");
    assert!(matches!(bench.kill(2, false), Err(LuksError::NotOurs(2))));
    bench.kill(2, true).expect("removed");
    assert_eq!(bench.used(), [0, 31]);
}

#[test]
fn slots_come_from_the_top_and_what_people_add_from_the_bottom() {
    let bench = Bench::enrolled();
    let slot = bench.volume.free_slot().expect("read").expect("a free one");
    bench.add("abacate", slot).expect("added");
    let ana = bench.directory.path().join("ana");
    std::fs::write(&ana, ANA).expect("written");
    let key_file = format!("--key-file={}", ana.display());
    assert!(bench.cryptsetup(
        &["luksAddKey", &key_file, "--pbkdf=pbkdf2", "--pbkdf-force-iterations=1000"],
        &["-"],
        "outra"
    ));
    assert_eq!(bench.used(), [0, 1, 30, 31]);
}

#[test]
fn an_addition_that_was_interrupted_anywhere_is_known_as_the_agents_and_nothing_else_is() {
    let none_kept = |_: &Owned| false;
    for stage in ["added", "marked", "changed"] {
        let bench = Bench::enrolled();
        // Slots of people, one of them as cheap as the agent's and up there, and one that another program named.
        assert!([1, 29, 28].into_iter().all(|slot| bench.add_by_hand(slot, "outra pessoa")));
        let token = r#"{"type":"another","keyslots":["28"]}"#;
        bench.volume.run_token(&["import", "--json-file=-"], token.as_bytes()).expect("imported");
        let before = bench.used();
        bench.volume.add_key(&bench.key, &bench.key, 30, FAST, &[]).expect("added");
        if stage != "added" {
            bench.volume.note(30, Role::Escrow, Some(&mark(1))).expect("marked");
        }
        if stage == "changed" {
            bench.volume.change_key(&bench.key, 30, FAST, b"abacate").expect("changed");
            assert!(bench.opens(30, "abacate") && !bench.volume.is_of_agent(30, &bench.key).expect("told"));
        }
        assert_eq!(bench.volume.left_behind(&bench.key, none_kept).expect("told"), [30], "{stage}");
        let kept = bench.volume.left_behind(&bench.key, |owned| owned.mark == Some(mark(1))).expect("told");
        assert_eq!(kept.is_empty(), stage != "added", "{stage}: a slot without a mark is not current");
        bench.kill(30, true).expect("removed");
        assert_eq!(bench.used(), before, "{stage}");
        assert_eq!(bench.volume.left_behind(&bench.key, none_kept).expect("told"), [0; 0], "{stage}");
        for slot in [0, 1, 28, 29, 31] {
            assert!(matches!(bench.kill(slot, false), Err(LuksError::NotOurs(_))), "{stage}: {slot}");
        }
    }
}

#[test]
fn a_token_that_cryptsetup_copied_to_a_second_slot_names_both() {
    let bench = Bench::enrolled();
    for slot in [29, 30] {
        bench.volume.add_key(&bench.key, &bench.key, slot, FAST, &[]).expect("added");
    }
    let token = r#"{"type":"chaveiro","keyslots":["30","29"],"role":"escrow","action":"0191-a1","attempt":1}"#;
    bench.volume.run_token(&["import", "--json-file=-"], token.as_bytes()).expect("imported");
    let mut left = bench.volume.left_behind(&bench.key, |_| false).expect("told");
    left.sort_unstable();
    assert_eq!(left, [29, 30]);
}

#[test]
fn a_slot_in_use_is_never_overwritten() {
    let bench = Bench::enrolled();
    let before = bench.bytes();
    assert!(matches!(bench.add("abacate", 0), Err(LuksError::SlotTaken(0))));
    assert!(before == bench.bytes());
}

#[test]
fn nothing_is_added_or_removed_without_the_key_of_the_agent() {
    let bench = Bench::new(&[]);
    let error = bench.add("abacate", 2).expect_err("refused").to_string();
    assert!(error.contains("chaveiro-agent escrow"), "{error}");
    assert!(bench.add_by_hand(2, "órfã"));
    assert!(matches!(bench.kill(2, true), Err(LuksError::NotEscrowed(_))));
}

#[test]
fn a_volume_on_which_every_slot_is_taken_has_no_free_one() {
    let bench = Bench::new(&[]);
    assert!((1..32).all(|slot| bench.add_by_hand(slot, "cheia")));
    assert_eq!(bench.volume.free_slot().expect("read"), None);
    assert_eq!(bench.volume.obstacle(None, true), Some(Obstacle::NoFreeSlot));
    assert!(matches!(bench.enroll(ANA), Err(LuksError::NoFreeSlot(_))));
    assert!(!bench.key.exists());
}

#[test]
fn a_volume_with_little_room_runs_out_of_it_before_it_runs_out_of_numbers() {
    let bench = Bench::new(&["--luks2-keyslots-size=774144"]);
    bench.enroll(ANA).expect("enrolled");
    let free = || (bench.volume.free_slot().expect("read"), bench.volume.free_slots().expect("read"));
    assert_eq!(free(), (Some(30), 1));
    bench.add("abacate", 30).expect("added");
    assert_eq!(free(), (None, 0));
    bench.kill(30, false).expect("removed");
    assert_eq!(free(), (Some(30), 1));
}

#[test]
fn the_fingerprint_changes_with_what_opens_the_slot_and_with_nothing_else() {
    let bench = Bench::enrolled();
    bench.add("abacate", 2).expect("added");
    let fingerprint = || bench.volume.fingerprint(2).expect("told");
    let first = fingerprint();
    assert_eq!(first.len(), 64);
    bench.add("abelha", 3).expect("added");
    bench.kill(3, false).expect("removed");
    assert_eq!(first, fingerprint());
    let area = bench.volume.header().expect("a header").area(2).expect("an area");
    let at = usize::try_from(area.offset + area.size - 1).expect("small");
    let byte = bench.bytes()[at];
    bench.overwrite(at as u64, &[byte ^ 1]);
    assert_ne!(first, fingerprint());
    bench.overwrite(at as u64, &[byte]);
    assert_eq!(first, fingerprint());
    // The same passcode again is another slot: its salt is.
    bench.kill(2, false).expect("removed");
    assert!(matches!(bench.volume.fingerprint(2), Err(LuksError::NoSuchSlot(2))));
    bench.add("abacate", 2).expect("added");
    assert_ne!(first, fingerprint());
    let second = fingerprint();
    assert!(bench.cryptsetup(&["config", "--priority=ignore", "--key-slot=2"], &[], ""));
    assert_ne!(second, fingerprint(), "it is not tried any more when the machine starts");
}
