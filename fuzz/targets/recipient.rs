//! A line of a recipients file, and a public key on the command line.
#![no_main]

use chaveiro_escrow::Recipient;

libfuzzer_sys::fuzz_target!(|line: &str| {
    if let Some(recipient) = Recipient::parse(line) {
        let again = Recipient::parse(&recipient.line()).expect("what we write we read");
        assert_eq!(recipient.id(), again.id());
    }
    let _ = line.parse::<chaveiro_audit::PublicKey>();
});
