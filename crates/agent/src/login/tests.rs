//! Tests against the programs of the machine itself: each has an `/etc` of its own, and a real account in it.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::{Command, Stdio};

use super::*;
use crate::testing::in_private_etc;

const SALT: [u8; 16] = *b"0123456789abcdef";
const TODAY: i64 = 20_000;

/// The accounts of this machine.
fn here() -> Accounts<'static> {
    Accounts { root: Path::new("/") }
}

fn passcode(text: &str) -> Passcode {
    Passcode::new(Zeroizing::new(text.to_owned())).expect("a passcode")
}

fn copy(entry: &Entry) -> Entry {
    Entry::new(Zeroizing::new(entry.hash_text().to_owned()), entry.last_change().to_owned())
}

fn append(file: &str, line: &str) {
    let mut file = fs::OpenOptions::new().append(true).open(file).expect("opened");
    file.write_all(line.as_bytes()).expect("written");
}

/// The account `ana`, whose password `Old-1` the system itself has set.
fn account() {
    append("/etc/passwd", "ana:x:2000:2000:Ana:/home/ana:/bin/sh\n");
    append("/etc/shadow", "ana:*:19000:0:99999:7:::\nbob:*:19000:0:99999:7:::\n");
    let mut chpasswd = Command::new("chpasswd").stdin(Stdio::piped()).spawn().expect("chpasswd runs");
    chpasswd.stdin.take().expect("a pipe").write_all(b"ana:Old-1\n").expect("written");
    assert!(chpasswd.wait().expect("it ends").success());
    assert_eq!(opened("Old-1", "New-1"), (true, false), "what the system set");
}

fn opened(first: &str, second: &str) -> (bool, bool) {
    let opens = |text| here().opens("ana", &passcode(text)).expect("an answer");
    (opens(first), opens(second))
}

fn edit(file: &str, from: &str, to: &str) {
    let text = fs::read_to_string(file).expect("read");
    assert!(text.contains(from), "{from} in {file}");
    fs::write(file, text.replace(from, to)).expect("written");
}

/// Replaces `Old-1` by `New-1`, has the system prove it, and puts the old one back.
fn replace_and_put_back(begin: &str) {
    let old = here().entry("ana").expect("an entry");
    let new = here().make_entry(&old, &passcode("New-1"), &SALT, false, TODAY).expect("made");
    assert!(new.hash_text().starts_with(begin), "{begin}");
    let before = here().fingerprint("ana").expect("a fingerprint");
    here().replace("ana", &old, &new).expect("replaced");
    assert_eq!(opened("Old-1", "New-1"), (false, true), "{begin}");
    assert!(hash::verify(new.hash_text(), &passcode("New-1")).expect("checked"));
    assert_ne!(here().fingerprint("ana").expect("a fingerprint"), before);
    assert_eq!(here().entry("ana").expect("an entry").last_change(), "20000");
    here().replace("ana", &new, &old).expect("put back");
    assert_eq!(opened("Old-1", "New-1"), (true, false), "{begin} put back");
    assert_eq!(here().fingerprint("ana").expect("a fingerprint"), before);
}

#[test]
fn the_system_accepts_the_new_password_in_each_scheme_and_the_old_one_after_it_was_put_back() {
    in_private_etc(
        "login::tests::the_system_accepts_the_new_password_in_each_scheme_and_the_old_one_after_it_was_put_back",
        || {
            account();
            let before = fs::read("/etc/shadow").expect("read");
            fs::write("/etc/pam.d/common-password", "password [success=1] pam_unix.so obscure yescrypt\n")
                .expect("set");
            fs::write("/etc/login.defs", "ENCRYPT_METHOD SHA512\n").expect("set");
            replace_and_put_back("$y$j9T$");
            edit("/etc/pam.d/common-password", " yescrypt", "");
            replace_and_put_back("$6$");
            edit("/etc/login.defs", "SHA512", "SHA512\nSHA_CRYPT_MAX_ROUNDS 6000");
            replace_and_put_back("$6$rounds=6000$");
            edit("/etc/login.defs", "SHA512", "SHA256");
            replace_and_put_back("$5$rounds=6000$");
            edit("/etc/login.defs", "SHA256", "YESCRYPT\nYESCRYPT_COST_FACTOR 2");
            replace_and_put_back("$y$j85$");
            assert!(before == fs::read("/etc/shadow").expect("read"), "nothing else has changed");
        },
    );
}

#[test]
fn a_passcode_that_must_be_changed_is_expired_for_the_system() {
    in_private_etc("login::tests::a_passcode_that_must_be_changed_is_expired_for_the_system", || {
        account();
        let chkexpiry = || {
            let program = "/sbin/unix_chkpwd";
            let status = Command::new(program).args(["ana", "chkexpiry"]).stdin(Stdio::piped()).status();
            status.expect("it runs").code()
        };
        let old = here().entry("ana").expect("an entry");
        for (must_change, today, last_change, code) in [
            (true, TODAY, "0", 12), // PAM_NEW_AUTHTOK_REQD
            (false, TODAY, "20000", 0),
            (false, 0, "", 0),
        ] {
            let new = here().make_entry(&old, &passcode("New-1"), &SALT, must_change, today).expect("made");
            here().replace("ana", &here().entry("ana").expect("an entry"), &new).expect("replaced");
            assert_eq!(here().entry("ana").expect("an entry").last_change(), last_change);
            assert_eq!(chkexpiry(), Some(code), "{must_change} {today}");
            assert_eq!(opened("Old-1", "New-1"), (false, true));
        }
    });
}

#[test]
fn waits_for_an_editor_that_holds_the_lock_and_keeps_what_it_wrote() {
    in_private_etc("login::tests::waits_for_an_editor_that_holds_the_lock_and_keeps_what_it_wrote", || {
        account();
        let script = "#!/bin/sh\n: >/run/editing\nwhile [ ! -e /run/enough ]; do sleep 0.05; done\n\
            echo 'late:*:1:0:99999:7:::' >>\"$1\"\ntouch -d 2030-01-01 \"$1\"\n";
        // vipw keeps an edit only when the time of the file is another, in whole seconds.
        fs::write("/run/editor", script).expect("written");
        fs::set_permissions("/run/editor", fs::Permissions::from_mode(0o700)).expect("set");
        let mut vipw = Command::new("vipw");
        vipw.args(["-s", "-q"]).env("VISUAL", "/run/editor").stdin(Stdio::null());
        let mut vipw = vipw.spawn().expect("vipw runs");
        for _ in 0..200 {
            if Path::new("/run/editing").exists() {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let shadow = Shadow::below(Path::new("/")).expect("found");
        assert!(matches!(shadow.lock(Duration::from_millis(200)), Err(LoginError::Busy)));
        let enough = std::thread::spawn(|| {
            std::thread::sleep(Duration::from_millis(500));
            fs::write("/run/enough", "").expect("written");
        });
        let old = here().entry("ana").expect("an entry");
        let new = here().make_entry(&old, &passcode("New-1"), &SALT, false, TODAY).expect("made");
        here().replace("ana", &old, &new).expect("replaced");
        assert!(vipw.wait().expect("it ends").success());
        enough.join().expect("joined");
        assert_eq!(opened("Old-1", "New-1"), (false, true));
        assert_eq!(here().entry("late").expect("the editor's line").hash_text(), "*");
    });
}

#[test]
fn refuses_to_overwrite_a_password_that_another_program_changed_meanwhile() {
    in_private_etc("login::tests::refuses_to_overwrite_a_password_that_another_program_changed_meanwhile", || {
        account();
        let old = here().entry("ana").expect("an entry");
        let new = here().make_entry(&old, &passcode("New-1"), &SALT, false, TODAY).expect("made");
        let locked = Command::new("usermod").args(["--lock", "ana"]).status().expect("usermod runs");
        assert!(locked.success());
        let before = fs::read("/etc/shadow").expect("read");
        assert!(matches!(here().replace("ana", &old, &new), Err(LoginError::ChangedMeanwhile)));
        assert!(matches!(here().replace("eve", &old, &new), Err(LoginError::NoAccount(_))));
        assert!(before == fs::read("/etc/shadow").expect("read"));
        assert_eq!(here().obstacle("ana", TODAY), Some(Obstacle::Locked));
    });
}

#[test]
fn a_full_disk_leaves_the_old_file_and_no_other() {
    in_private_etc("login::tests::a_full_disk_leaves_the_old_file_and_no_other", || {
        let root = tempfile::tempdir_in("/run").expect("a directory");
        let etc = root.path().join("etc");
        fs::create_dir(&etc).expect("made");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"]).arg(&etc).status();
        assert!(mounted.expect("mount runs").success());
        let text = format!("ana:*:1:0:99999:7:::\n{}", "# a comment\n".repeat(1000));
        fs::write(etc.join("shadow"), &text).expect("written");
        let filled = fs::write(etc.join("filler"), vec![0; 65536]).expect_err("full");
        assert_eq!(filled.kind(), std::io::ErrorKind::StorageFull);
        let accounts = Accounts { root: root.path() };
        let old = accounts.entry("ana").expect("an entry");
        let new = accounts.make_entry(&old, &passcode("New-1"), &SALT, false, TODAY).expect("made");
        let error = accounts.replace("ana", &old, &new).expect_err("refused");
        assert!(matches!(error, LoginError::Unwritten(_)) && error.to_string().contains("make room"), "{error}");
        let names = |etc: &Path| {
            let names = fs::read_dir(etc).expect("listed").map(|file| file.expect("a file").file_name());
            let mut names: Vec<_> = names.map(|name| name.to_string_lossy().into_owned()).collect();
            names.sort();
            names
        };
        assert_eq!(names(&etc), [".pwd.lock", "filler", "shadow"]);
        assert!(fs::read_to_string(etc.join("shadow")).expect("read") == text);
        fs::remove_file(etc.join("filler")).expect("removed");
        accounts.replace("ana", &old, &new).expect("replaced");
        assert!(accounts.opens("ana", &passcode("New-1")).expect("an answer"));
        assert_eq!(names(&etc), [".pwd.lock", "shadow"]);
    });
}

#[test]
fn the_new_file_is_as_protected_as_the_old_one_and_a_planted_temporary_is_not_followed() {
    let name = "login::tests::the_new_file_is_as_protected_as_the_old_one_and_a_planted_temporary_is_not_followed";
    in_private_etc(name, || {
        account();
        let file = fs::File::open("/etc/shadow").expect("opened");
        std::os::unix::fs::chown("/etc/shadow", Some(1), Some(42)).expect("owned");
        file.set_permissions(fs::Permissions::from_mode(0o440)).expect("set");
        let label = b"system_u:object_r:shadow_t:s0";
        let flags = rustix::fs::XattrFlags::empty();
        rustix::fs::setxattr("/etc/shadow", "security.selinux", label, flags).expect("labelled");
        fs::write("/run/victim", "untouched").expect("written");
        std::os::unix::fs::symlink("/run/victim", "/etc/.shadow.chaveiro").expect("planted");
        let old = here().entry("ana").expect("an entry");
        here().replace("ana", &old, &copy(&old)).expect("replaced");
        let metadata = fs::symlink_metadata("/etc/shadow").expect("there");
        assert_ne!(metadata.ino(), file.metadata().expect("there").ino(), "a new file");
        assert_eq!((metadata.uid(), metadata.gid(), metadata.mode() & 0o7777), (1, 42, 0o440));
        let mut kept = [0; 100];
        let size = rustix::fs::getxattr("/etc/shadow", "security.selinux", &mut kept).expect("a label");
        assert_eq!(kept[..size].strip_suffix(b"\0").unwrap_or(&kept[..size]), label);
        assert_eq!(fs::read_to_string("/run/victim").expect("read"), "untouched");
        assert!(!Path::new("/etc/.shadow.chaveiro").exists());
    });
}

#[test]
fn refuses_a_shadow_that_is_a_link_out_of_its_root_and_follows_one_within() {
    let root = tempfile::tempdir().expect("a directory");
    let (etc, accounts) = (root.path().join("etc"), Accounts { root: root.path() });
    fs::create_dir(&etc).expect("made");
    assert!(matches!(accounts.entry("ana"), Err(LoginError::Unusable { .. })));
    assert_eq!(accounts.obstacle("ana", TODAY), Some(Obstacle::NotRoot));
    std::os::unix::fs::symlink("/etc/passwd", etc.join("shadow")).expect("linked");
    assert!(matches!(accounts.entry("root"), Err(LoginError::Outside(_))));
    fs::remove_file(etc.join("shadow")).expect("removed");
    fs::write(root.path().join("kept"), "ana:old:1:\n").expect("written");
    std::os::unix::fs::symlink("../kept", etc.join("shadow")).expect("linked");
    let new = Entry::new(Zeroizing::new("new".to_owned()), "2".to_owned());
    accounts.replace("ana", &accounts.entry("ana").expect("an entry"), &new).expect("replaced");
    assert_eq!(fs::read_to_string(root.path().join("kept")).expect("read"), "ana:new:2:\n");
    assert!(etc.join("shadow").is_symlink());
}

#[test]
fn failed_attempts_are_forgotten_here_and_below_another_root_and_no_bus_is_no_error() {
    let name = "login::tests::failed_attempts_are_forgotten_here_and_below_another_root_and_no_bus_is_no_error";
    in_private_etc(name, || {
        account();
        let root = tempfile::tempdir_in("/run").expect("a directory");
        for accounts in [here(), Accounts { root: root.path() }] {
            accounts.clear_lockout("ana").expect("nothing to forget");
            let tallies = accounts.root.join("var/run/faillock");
            fs::create_dir_all(&tallies).expect("made");
            for name in ["ana", "bob"] {
                // One record of pam_faillock: source, reserved, status (valid), time.
                let record = [&[b'x'; 52][..], &[0, 0], &[1, 0], &[1; 8]].concat();
                fs::write(tallies.join(name), record).expect("written");
            }
            accounts.clear_lockout("ana").expect("forgotten");
            let left = |name| fs::metadata(tallies.join(name)).map_or(0, |metadata| metadata.len());
            assert_eq!((left("ana"), left("bob")), (0, 64));
            assert_eq!(accounts.lock_sessions("ana").expect("no bus"), 0);
        }
    });
}
