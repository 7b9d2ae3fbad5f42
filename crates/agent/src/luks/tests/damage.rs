use super::super::header::MIN_HEADER;
use super::*;

#[test]
fn what_stands_in_the_way_is_told_by_the_header_alone() {
    let bench = Bench::new(&[]);
    assert_eq!(bench.volume.obstacle(Some(&bench.key), true), Some(Obstacle::NotEscrowed));
    bench.enroll(ANA).expect("enrolled");
    let missing = Some(Obstacle::Missing("cryptsetup", "cryptsetup-bin"));
    for (key, has_cryptsetup, obstacle) in [
        (Some(bench.key.as_path()), true, None),
        (Some(Path::new("/nowhere")), true, Some(Obstacle::NotEscrowed)),
        (None, true, Some(Obstacle::NotEscrowed)),
        (Some(&bench.key), false, missing),
    ] {
        assert_eq!(bench.volume.obstacle(key, has_cryptsetup), obstacle);
    }
}

#[test]
fn what_is_no_luks2_volume_is_refused_with_the_reason() {
    let old = Bench::new(&[]);
    assert!(old.cryptsetup(&["luksFormat", "--type=luks1", "--iter-time=1", "--key-file=-"], &[], ANA));
    let plain = Bench::new(&[]);
    std::fs::write(&plain.volume.path, [0; 1 << 16]).expect("written");
    for (bench, words) in [(old, "LUKS version 1"), (plain, "not a LUKS volume")] {
        for error in [
            bench.enroll(ANA).expect_err("refused"),
            bench.add("abacate", 2).expect_err("refused"),
            bench.kill(2, true).expect_err("refused"),
            bench.volume.fingerprint(0).expect_err("refused"),
            bench.volume.leave(&bench.key).expect_err("refused"),
        ] {
            assert!(error.to_string().contains(words), "{error}");
        }
    }
}

#[test]
fn a_damaged_first_header_is_read_from_the_second_and_a_passcode_can_be_added() {
    let bench = Bench::enrolled();
    // In the binary header with its magic, in the text, and in the checksum.
    for (slot, at) in [(2, 0), (3, 5000), (4, 450)] {
        let before = bench.volume.owned().expect("read");
        bench.overwrite(at, &[0; 10]);
        assert_eq!(bench.volume.owned().expect("read from the second copy"), before);
        assert_eq!(bench.volume.obstacle(Some(&bench.key), true), None);
        bench.add("abacate", slot).expect("added");
        assert!(bench.opens(slot, "abacate"));
        bench.overwrite(MIN_HEADER, &[0; 10]);
        assert_eq!(bench.volume.owned().expect("the first was repaired").len(), before.len() + 1);
        assert!(bench.cryptsetup(&["luksDump"], &[], ""));
    }
}

#[test]
fn two_damaged_headers_are_reported_with_what_to_do() {
    let bench = Bench::enrolled();
    for at in [5000, MIN_HEADER + 5000] {
        bench.overwrite(at, &[0; 10]);
    }
    let error = bench.volume.owned().expect_err("refused").to_string();
    assert!(error.contains("damaged") && error.contains("luksDump"), "{error}");
    // Without the magic of the first copy, the second one tells that this was a volume.
    bench.overwrite(0, &[0; 10]);
    let error = bench.volume.owned().expect_err("refused").to_string();
    assert!(error.contains("damaged"), "{error}");
}

#[test]
fn a_volume_without_a_sound_header_comes_back_from_the_copy_that_was_kept() {
    let bench = Bench::enrolled();
    bench.add("abacate", 2).expect("added");
    bench.volume.backup_header(&bench.backup).expect("kept");
    bench.volume.backup_header(&bench.backup).expect("an older copy is replaced");
    let before = bench.volume.fingerprint(2).expect("told");
    bench.overwrite(0, &[0; 32768]);
    let error = bench.volume.owned().expect_err("refused").to_string();
    assert!(error.contains("not a LUKS volume"), "{error}");
    let copy = format!("--header-backup-file={}", bench.backup.display());
    assert!(bench.cryptsetup(&["luksHeaderRestore", &copy], &[], ""));
    assert_eq!(before, bench.volume.fingerprint(2).expect("told"));
    assert!(bench.opens(2, "abacate"));
}
