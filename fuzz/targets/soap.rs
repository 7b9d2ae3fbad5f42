//! Enrolment messages, in both directions.
#![no_main]

use omadm::soap::discovery::{Discover, Discovered};
use omadm::soap::enrollment::{Issued, RequestSecurityToken};
use omadm::soap::policy::{GetPolicies, Policy};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(discover) = Discover::decode(bytes) {
        let again =
            Discover::decode(discover.encode("https://mdm.example/").as_bytes()).expect("what we write we read");
        assert_eq!(discover.email, again.email);
        assert_eq!(discover.version, again.version);
    }
    let _ = Discovered::decode(bytes);
    let _ = GetPolicies::decode(bytes);
    let _ = Policy::decode(bytes);
    let _ = Issued::decode(bytes);
    if let Ok(request) = RequestSecurityToken::decode(bytes) {
        let written = request.encode("https://mdm.example/");
        let again = RequestSecurityToken::decode(written.as_bytes()).expect("what we write we read");
        assert_eq!(request.pkcs10, again.pkcs10);
    }
});
