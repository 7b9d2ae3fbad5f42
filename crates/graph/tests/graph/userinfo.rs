//! Callers learn about themselves, and about themselves alone.

use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use chaveiro_core::refused::{By, RefusedRequests};

use super::*;

const USERINFO: &str = "/oidc/userinfo";

#[tokio::test]
async fn an_application_is_told_its_permissions_and_no_right_that_it_lacks() {
    let world = World::new().await;
    let reader = world.token_with(&json!({"roles": ["DeviceManagementManagedDevices.Read.All"], "sub": "desk"}));
    let (status, told) = world.call(&reader, "GET", USERINFO, "").await;
    assert_eq!((status, &told["chaveiro_kind"]), (200, &json!("application")), "{told}");
    assert_eq!(told["chaveiro_permissions"], json!(["DeviceManagementManagedDevices.Read.All"]));
    assert_eq!(told["chaveiro_actions"], Value::Null, "its permissions decide");
    let (_, told) = world.call(&world.token(), "GET", USERINFO, "").await;
    assert!(told["chaveiro_actions"].as_array().is_some_and(|actions| !actions.is_empty()), "an operator: {told}");
}

#[tokio::test]
async fn a_refused_caller_is_known_with_its_address() {
    let world = World::new().await;
    let token = world.token();
    world
        .write(|unit| {
            let found = unit.tenant(tenant(1))?.expect("the tenant");
            Ok(unit.update_tenant(&Tenant { licence: Licence::Inactive, ..found })?)
        })
        .await;
    let peer: SocketAddr = "198.51.100.3:4000".parse().expect("an address");
    let request =
        Request::get(USERINFO).header("Authorization", format!("Bearer {token}")).extension(ConnectInfo(peer));
    let (response, answer) = world.send(request.body(Body::empty()).expect("a request")).await;
    assert!(response.status().is_client_error(), "{answer}");
    let RefusedRequests(refused) = response.extensions().get().expect("a refused request");
    let By::Caller { actor, .. } = &refused[0].by else { panic!("{refused:?}") };
    assert_eq!(actor.address, Some(peer.ip()));
}
