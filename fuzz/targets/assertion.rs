//! A client assertion at the token endpoint: the input cannot have the key of the registered certificate, so none
//! proves anything.
#![no_main]

use std::sync::LazyLock;

use chaveiro_auth::{check_client_assertion, read_certificate};
use chaveiro_core::Timestamp;
use chaveiro_core::application::Application;
use chaveiro_core::id::TenantId;

static APPLICATION: LazyLock<Application> = LazyLock::new(|| {
    let pem = include_str!("../seeds/certificate/rsa.pem");
    let kept = read_certificate(pem, Timestamp::UNIX_EPOCH).expect("a certificate");
    let tenant = TenantId("11111111-2222-4333-8444-555555555555".parse().expect("an id"));
    Application { certificates: vec![kept], ..Application::command_line(tenant) }
});

libfuzzer_sys::fuzz_target!(|assertion: &str| {
    let now = APPLICATION.certificates[0].begins;
    let audiences = ["https://chaveiro.example".to_owned()];
    let checked = check_client_assertion(assertion, &APPLICATION, &audiences, now);
    assert!(checked.is_err(), "an assertion without a valid signature was believed");
});
