//! Unauthenticated requests to the local issuer are limited by address. One address never uses up the allowance of
//! another.

use chaveiro_auth::TokenCeilings;
use http::HeaderMap;
use serde_json::Value;

use crate::support::{Endpoints, PROXY, SCOPE, form, tenant};

const HERE: &str = "203.0.113.9";
const ELSEWHERE: &str = "198.51.100.4";

fn ceilings(device_codes_by_address: u32, failures_by_address: u32) -> TokenCeilings {
    TokenCeilings { device_codes_by_address, failures_by_address, ..TokenCeilings::default() }
}

/// Status, AADSTS number, seconds to wait.
type Said = (u16, u64, Option<u64>);

fn said((status, headers, answer): &(u16, HeaderMap, Value)) -> Said {
    let wait = headers.get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
    (*status, answer["error_codes"][0].as_u64().unwrap_or_default(), wait)
}

async fn begin(endpoints: &Endpoints, peer: &str) -> Said {
    let id = Endpoints::TOOL.to_string();
    said(&endpoints.post_from(peer, "devicecode", &[("client_id", &id), ("scope", SCOPE)]).await)
}

async fn prove(endpoints: &Endpoints, peer: &str, secret: &str) -> Said {
    let id = Endpoints::DESK.to_string();
    let fields =
        [("grant_type", "client_credentials"), ("client_id", &id), ("client_secret", secret), ("scope", SCOPE)];
    said(&endpoints.post_from(peer, "token", &fields).await)
}

const WRONG: Said = (401, 7_000_215, None);

#[tokio::test]
async fn one_address_cannot_take_every_code_that_may_wait() {
    let endpoints = Endpoints::with(ceilings(3, 0)).await;
    for _ in 0..2 {
        assert_eq!(begin(&endpoints, HERE).await, (200, 0, None));
    }
    assert_eq!(begin(&endpoints, HERE).await, (429, 90_055, Some(450)), "the third after half of 15 minutes");
    assert_eq!(begin(&endpoints, ELSEWHERE).await, (200, 0, None), "no other client waits");
    endpoints.pass(449);
    assert_eq!(begin(&endpoints, HERE).await, (429, 90_055, Some(1)));
    endpoints.pass(1);
    assert_eq!(begin(&endpoints, HERE).await, (200, 0, None));
    assert_eq!(begin(&endpoints, HERE).await, (429, 90_055, Some(450)), "no fourth before the first two have ended");
}

#[tokio::test]
async fn an_ipv6_network_is_one_address_and_a_proxy_is_not_its_clients() {
    let endpoints = Endpoints::with(ceilings(1, 0)).await;
    assert_eq!(begin(&endpoints, "2001:db8:1:2::1").await.0, 200);
    assert_eq!(begin(&endpoints, "2001:db8:1:2:ffff::9").await.0, 429);
    assert_eq!(begin(&endpoints, "2001:db8:1:3::1").await.0, 200);

    let through = async |peer: &str, client: &str| {
        let body = format!("client_id={}&scope={SCOPE}", Endpoints::TOOL);
        let mut request = form(&tenant().to_string(), "devicecode", &body);
        request.headers_mut().insert("x-forwarded-for", client.parse().expect("a value"));
        endpoints.send_from(peer, request).await.0
    };
    assert_eq!(through(PROXY, HERE).await, 200);
    assert_eq!(through(PROXY, HERE).await, 429);
    assert_eq!(through(PROXY, ELSEWHERE).await, 200);
    assert_eq!(through(PROXY, &format!("192.0.2.200, {HERE}")).await, 429, "a client cannot invent a hop");
    assert_eq!(through("192.0.2.81", "192.0.2.201").await, 200);
    assert_eq!(through("192.0.2.81", "192.0.2.202").await, 429, "nor be another by a header");
}

#[tokio::test]
async fn guessing_is_slow_from_one_address() {
    let endpoints = Endpoints::with(ceilings(0, 19)).await;
    for _ in 0..10 {
        assert_eq!(prove(&endpoints, HERE, "wrong").await, WRONG);
    }
    assert_eq!(prove(&endpoints, HERE, "wrong").await, (429, 50_053, Some(30)));
    let secret = endpoints.secret.clone();
    assert_eq!(prove(&endpoints, HERE, &secret).await.0, 429, "or the next guess would tell");
    // A refused attempt is not counted: one guess in 30 seconds, however often a client tries.
    for round in 0..10 {
        endpoints.pass(29);
        assert_eq!(prove(&endpoints, HERE, "wrong").await, (429, 50_053, Some(1)), "round {round}");
        endpoints.pass(1);
        assert_eq!(prove(&endpoints, HERE, "wrong").await, WRONG, "round {round}");
        assert_eq!(prove(&endpoints, HERE, "wrong").await, (429, 50_053, Some(30)), "round {round}");
    }
    endpoints.pass(300);
    assert_eq!(prove(&endpoints, HERE, &secret).await.0, 200);
}

#[tokio::test]
async fn no_application_is_locked_out_by_guesses_from_another_address() {
    let endpoints = Endpoints::with(ceilings(0, 2)).await;
    let secret = endpoints.secret.clone();
    for host in 0..2_000 {
        let peer = format!("2001:db8:{host:x}::1");
        assert_eq!(prove(&endpoints, &peer, "wrong").await, WRONG);
        assert_eq!(prove(&endpoints, &peer, "wrong").await.0, 429);
    }
    assert_eq!(prove(&endpoints, ELSEWHERE, &secret).await, (200, 0, None));
    assert_eq!(
        begin(&endpoints, "2001:db8:7::1").await,
        (200, 0, None),
        "another application at an address that guessed"
    );
}

#[tokio::test]
async fn what_succeeds_or_proves_at_least_something_is_never_counted() {
    let endpoints = Endpoints::with(ceilings(0, 1)).await;
    let secret = endpoints.secret.clone();
    for _ in 0..50 {
        assert_eq!(prove(&endpoints, HERE, &secret).await, (200, 0, None));
    }
    endpoints.pass(181 * 24 * 3600);
    for _ in 0..5 {
        assert_eq!(prove(&endpoints, HERE, &secret).await, (401, 7_000_222, None), "an ended secret is no guess");
    }
}

#[tokio::test]
async fn wrong_assertions_and_unknown_device_codes_count_as_wrong_secrets_do() {
    let (desk, tool) = (Endpoints::DESK.to_string(), Endpoints::TOOL.to_string());
    let jwt = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let assertion = [
        ("grant_type", "client_credentials"),
        ("client_id", &desk),
        ("client_assertion_type", jwt),
        ("client_assertion", "e30.e30.x"),
        ("scope", SCOPE),
    ];
    let code = [("grant_type", "device_code"), ("client_id", tool.as_str()), ("device_code", "unknown")];
    for (fields, first) in [(&assertion[..], (401, 50_027)), (&code[..], (400, 70_000))] {
        let endpoints = Endpoints::with(ceilings(0, 1)).await;
        let answer = said(&endpoints.post_from(HERE, "token", fields).await);
        assert_eq!((answer.0, answer.1), first);
        assert_eq!(said(&endpoints.post_from(HERE, "token", fields).await), (429, 50_053, Some(300)));
    }
}
