//! Enrolment as a device sees it, and its failures.

use std::time::Duration;

use crate::world::{BASE, InProcess, USER, World};
use chaveiro_core::action::{ActionState, Outcome};
use chaveiro_core::alert::{Alert, News};
use chaveiro_core::caller::{Actor, HostUser};
use chaveiro_core::decisions::retire::retire;
use chaveiro_core::device::ManagementState;
use chaveiro_core::id::{DeviceId, ResourceId};
use chaveiro_core::inventory::InventoryField;
use chaveiro_core::ports::{Clock, Unsealer};
use chaveiro_core::query::Value;
use chaveiro_core::resource::{Resource, ResourceKind};
use chaveiro_core::tenant::Licence;
use chaveiro_fleet::enroll::{EnrollError, certificate_request, context, enroll};
use chaveiro_fleet::hardware::Hardware;
use chaveiro_fleet::windows::WindowsDevice;
use chaveiro_mdm::{DISCOVERY_PATH, ENROLLMENT_PATH, POLICY_PATH};
use omadm::soap::SoapError;
use omadm::soap::discovery::{Discover, ON_PREMISE};
use omadm::soap::enrollment::RequestSecurityToken;
use omadm::soap::{CONTENT_TYPE, UsernameToken};
use rcgen::{KeyPair, PKCS_RSA_SHA256};
use uuid::Uuid;

#[tokio::test]
async fn a_device_enrols_and_its_first_session_fills_its_properties_and_sets_the_policy() {
    let world = World::new().await;
    let device = world.enrolled(7).await;
    let row = world.device_of(&device).await;
    let inventory = &row.inventory;
    assert_eq!(row.management_state, ManagementState::Managed);
    for (field, text) in [
        (InventoryField::DEVICE_NAME, "ANA-LT7"),
        (InventoryField::MANUFACTURER, "Contoso"),
        (InventoryField::OS_VERSION, "10.0.26200.9278"),
        (InventoryField::ETHERNET_MAC_ADDRESS, "00155D000007"),
        (InventoryField::named("wifiMacAddress").expect("a row"), "00155DA1B2C3"),
        (InventoryField::named("processorArchitecture").expect("a row"), "x64"),
    ] {
        assert_eq!(inventory.text(field), Some(text));
    }
    assert_eq!(inventory.get(InventoryField::PHYSICAL_MEMORY), Some(&Value::Number(16 << 30)));
    assert_eq!(inventory.get(InventoryField::TOTAL_STORAGE), Some(&Value::Number(488_281 << 20)));
    assert!(device.pin_recovery_enabled());
}

/// The alerts about devices that share a name: the new one, the earlier one, whether that is still enrolled.
async fn duplicates(world: &World) -> Vec<(DeviceId, DeviceId, bool)> {
    let alerts = world.store.read(|view| Ok(view.alerts(100)?)).await.expect("read");
    let duplicate = |alert: Alert| match alert.news {
        News::DeviceDuplicate { device, duplicate_of, still_enrolled } => (device, duplicate_of, still_enrolled),
        other => panic!("{other:?}"),
    };
    alerts.into_iter().map(duplicate).collect()
}

/// A user of the tenant.
async fn user(world: &World, number: u128) -> ResourceId {
    let id = ResourceId(Uuid::from_u128(number));
    let row = Resource {
        tenant: world.tenant,
        kind: ResourceKind::User,
        id,
        owner: None,
        device: None,
        alternate_key: Some(format!("user{number}@example.org")),
        properties: "{}".to_owned(),
        created: world.clock.now(),
        modified: world.clock.now(),
    };
    world.store.write(move |unit| Ok(unit.insert_resource(&row)?)).await.expect("inserted");
    id
}

#[tokio::test]
async fn a_name_takes_nothing_over_with_any_users_token_and_operators_are_told() {
    for (first, second) in [(None, None), (Some(1), Some(1)), (Some(1), Some(2)), (None, Some(1)), (Some(1), None)] {
        let world = World::new().await;
        let users = [user(&world, 1).await, user(&world, 2).await];
        let of = |number: Option<usize>| number.map(|number| users[number - 1]);
        let token = world.token_for(of(first), None).await;
        let mut old = world.enroll_over(&world.transport(), 7, &token).await.expect("enrolled");
        old.sync(&world.transport()).await.expect("a session");
        let before = world.device_of(&old).await;
        _ = world.ask(before.id).await;

        let token = world.token_for(of(second), None).await;
        let mut new = world.enroll_over(&world.transport(), 7, &token).await.expect("enrolled");
        let after = world.device_of(&new).await;
        assert_eq!(duplicates(&world).await, [(after.id, before.id, true)], "{first:?} {second:?}");
        assert_eq!((before.user, after.user), (of(first), of(second)));
        // Both work independently: an action for the old device reaches the old device.
        for _ in 0..2 {
            new.sync(&world.transport()).await.expect("a session");
            old.sync(&world.transport()).await.expect("a session");
        }
        new.sync(&world.certified(&new.account)).await.expect("a session");
        old.sync(&world.certified(&old.account)).await.expect("a session");
        let (action, secrets) = world.newest(before.id).await;
        assert_eq!(action.state, ActionState::Done);
        let envelope = secrets[0].envelope.as_deref().expect("an envelope");
        let passcode = world.keyring.unseal(&secrets[0].context, envelope).expect("opens");
        assert_eq!(passcode.expose_secret(), old.pin());
    }
}

#[tokio::test]
async fn a_device_comes_back_with_a_token_that_was_made_for_it_or_with_its_old_certificate() {
    let by_token: fn(&World, &WindowsDevice) -> InProcess = |world, _| world.transport();
    let by_certificate: fn(&World, &WindowsDevice) -> InProcess = |world, old| world.certified(&old.account);
    for (made_for_it, over) in [(true, by_token), (false, by_certificate), (true, by_certificate)] {
        let world = World::new().await;
        let owner = user(&world, 1).await;
        let token = world.token_for(Some(owner), None).await;
        let mut old = world.enroll_over(&world.transport(), 7, &token).await.expect("enrolled");
        let row = world.device_of(&old).await;
        _ = world.ask(row.id).await;
        let token = world.token_for(None, made_for_it.then_some(row.id)).await;
        let mut new = world.enroll_over(&over(&world, &old), 7, &token).await.expect("enrolled");
        assert_eq!(world.devices().await.len(), 1);
        assert_eq!(duplicates(&world).await, []);
        assert_eq!((world.device_of(&new).await.id, world.device_of(&new).await.user), (row.id, Some(owner)));
        let (action, _) = world.newest(row.id).await;
        assert_eq!((action.state, action.outcome), (ActionState::Canceled, Some(Outcome::Reenrolled)));
        let refused = old.sync(&world.certified(&old.account)).await.expect_err("closed");
        assert!(refused.to_string().contains("403"), "{refused}");
        assert!(old.sync(&world.transport()).await.is_err(), "nor by its digest");
        assert!(new.sync(&world.certified(&new.account)).await.is_ok());
    }
}

#[tokio::test]
async fn a_token_for_a_device_serves_also_when_the_device_has_another_name_now() {
    let world = World::new().await;
    let old = world.enrolled(7).await;
    let row = world.device_of(&old).await;
    let other = world.device_of(&world.enrolled(8).await).await;
    // The machine was reinstalled and has a new name; in the second case that of another device, which raises an alert.
    for (number, told) in [(9, vec![]), (8, vec![(row.id, other.id, true)])] {
        let token = world.token_for(None, Some(row.id)).await;
        let new = world.enroll_over(&world.transport(), number, &token).await.expect("enrolled");
        assert_eq!(world.device_of(&new).await.id, row.id);
        assert_eq!(world.devices().await.len(), 2);
        assert_eq!(duplicates(&world).await, told);
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_of_the_open_enrolment_of_that_name_takes_nothing_over() {
    let world = World::new().await;
    let (one, other) = (world.enrolled(1).await, world.enrolled(2).await);
    let id = world.device_of(&one).await.id;
    // The certificate of another device.
    let token = world.token().await;
    let new = world.enroll_over(&world.certified(&other.account), 1, &token).await.expect("enrolled");
    assert_ne!(world.device_of(&new).await.id, id);
    // The certificate of a closed enrolment: by takeover, and by retirement.
    let token = world.token_for(None, Some(id)).await;
    let third = world.enroll_over(&world.transport(), 1, &token).await.expect("enrolled");
    let token = world.token().await;
    let fourth = world.enroll_over(&world.certified(&one.account), 1, &token).await.expect("enrolled");
    assert_ne!(world.device_of(&fourth).await.id, id);
    let (tenant, now) = (world.tenant, world.clock.now());
    let retired = world.store.write(move |unit| {
        let device = unit.device(tenant, id)?.expect("the device");
        retire(unit, device, Actor::operator(&HostUser::new("root", 0)), now)
    });
    retired.await.expect("retired");
    let token = world.token().await;
    let fifth = world.enroll_over(&world.certified(&third.account), 1, &token).await.expect("enrolled");
    assert_ne!(world.device_of(&fifth).await.id, id);
    // The third took the place of one device and has the name of another.
    assert_eq!(duplicates(&world).await.len(), 4);
}

#[tokio::test]
async fn every_bad_token_is_an_authentication_fault_and_changes_nothing() {
    let world = World::new().await;
    let used = world.token().await;
    let hardware = Hardware::laptop(7);
    enroll(&world.transport(), &hardware, BASE, USER, &used).await.expect("enrolled");
    let late = world.token().await;
    world.advance(Duration::from_secs(3601));
    for (token, word) in
        [("wrong", "not known"), ("", "not known"), (used.as_str(), "already used"), (&late, "expired")]
    {
        let refused = enroll(&world.transport(), &hardware, BASE, USER, token).await.err().expect("refused");
        let EnrollError::Soap { error: SoapError::Fault { subcode, reason, .. }, .. } = refused else {
            panic!("{refused}");
        };
        assert_eq!(subcode, "s:Authentication");
        assert!(reason.contains(word) && reason.contains("administrator"), "{reason}");
    }
    assert_eq!(world.devices().await.len(), 1);
}

#[tokio::test]
async fn a_tenant_without_licence_enrols_no_device() {
    let world = World::new().await;
    let tenant = world.tenant;
    let close = world.store.write(move |unit| {
        let mut row = unit.tenant(tenant)?.expect("the tenant");
        row.licence = Licence::Inactive;
        Ok(unit.update_tenant(&row)?)
    });
    close.await.expect("closed");
    let refused = world.try_enroll(7).await.err().expect("refused").to_string();
    assert!(refused.contains("s:Authorization"), "{refused}");
}

fn request(token: &str, change: impl FnOnce(&mut RequestSecurityToken)) -> String {
    let hardware = Hardware::laptop(7);
    let key = KeyPair::generate_for(&PKCS_RSA_SHA256).expect("a key");
    let pkcs10 = certificate_request(&key, &hardware).expect("a request");
    let token = UsernameToken::new(USER, token);
    let mut request = RequestSecurityToken::new("urn:uuid:m", token, pkcs10, context(&hardware));
    change(&mut request);
    request.encode("https://x").to_string()
}

#[tokio::test]
async fn a_bad_certificate_request_is_a_fault_and_leaves_the_token_unused() {
    let world = World::new().await;
    let token = world.token().await;
    let renewal = "http://docs.oasis-open.org/ws-sx/ws-trust/200512/Renew";
    let issue = "http://docs.oasis-open.org/ws-sx/ws-trust/200512/Issue";
    let small = KeyPair::generate_for(&rcgen::PKCS_ED25519).expect("a key");
    let small = certificate_request(&small, &Hardware::laptop(7)).expect("a request");
    let table: Vec<(&str, String, &str)> = vec![
        (
            "a signature that does not verify",
            request(&token, |request| {
                if let Some(last) = request.pkcs10.last_mut() {
                    *last ^= 1;
                }
            }),
            "s:CertificateRequest",
        ),
        ("no PKCS #10", request(&token, |request| request.pkcs10 = b"nonsense".to_vec()), "s:CertificateRequest"),
        ("an unknown kind of key", request(&token, |request| request.pkcs10 = small), "s:CertificateRequest"),
        ("a renewal", request(&token, |_| {}).replace(issue, renewal), "s:CertificateRequest"),
        (
            "no device id",
            request(&token, |request| request.context.retain(|(name, _)| name != "DeviceID")),
            "InvalidEnrollmentData",
        ),
        (
            "another kind of device",
            request(&token, |request| {
                for (name, value) in &mut request.context {
                    if name == "DeviceType" {
                        *value = "Toaster".to_owned();
                    }
                }
            }),
            "NotSupported",
        ),
        ("no security header", request(&token, |request| request.token = None), "d:InvalidSecurity"),
        ("a wrong token", request("nope", |_| {}), "s:Authentication"),
    ];
    for (what, body, word) in table {
        let (status, answer) = world.post(ENROLLMENT_PATH, CONTENT_TYPE, body).await;
        assert_eq!(status, 200, "{what}");
        assert!(answer.contains(word), "{what}: {answer}");
        assert!(!answer.contains(&token));
    }
    assert!(world.devices().await.is_empty());
    let hardware = Hardware::laptop(7);
    assert!(enroll(&world.transport(), &hardware, BASE, USER, &token).await.is_ok(), "the token is still good");
}

#[tokio::test]
async fn what_is_no_soap_is_a_message_format_fault_on_every_endpoint() {
    let world = World::new().await;
    let bomb = "<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><x>&b;</x>";
    let deep = format!("{}{}", "<a>".repeat(2000), "</a>".repeat(2000));
    for path in [DISCOVERY_PATH, POLICY_PATH, ENROLLMENT_PATH] {
        for body in ["", "hello", "<x/>", "<!DOCTYPE x SYSTEM \"file:///etc/passwd\"><x/>", bomb, &deep, "<s:Envelope"]
        {
            let (status, answer) = world.post(path, CONTENT_TYPE, body).await;
            assert_eq!(status, 200, "{path} {body:.40}");
            assert!(answer.contains("s:MessageFormat"), "{path} {body:.40}: {answer}");
        }
        let (status, _) = world.post(path, CONTENT_TYPE, vec![b' '; 600 * 1024]).await;
        assert_eq!(status, 413, "{path}");
    }
}

#[tokio::test]
async fn discovery_refuses_what_it_cannot_serve_and_says_why() {
    let world = World::new().await;
    let discover = |version, policy: &str| {
        let mut discover = Discover::new("urn:uuid:m", USER, version, "CIMClient_Windows");
        discover.auth_policies.push(policy.to_owned());
        discover
    };
    for (request, word) in [(discover((2, 0), ON_PREMISE), "too old"), (discover((9, 0), "Federated"), "OnPremise")] {
        let (status, answer) = world.post(DISCOVERY_PATH, CONTENT_TYPE, request.encode("https://x")).await;
        assert_eq!(status, 200);
        assert!(answer.contains("Fault") && answer.contains(word), "{answer}");
    }
    for version in [(3, 0), (5, 0), (9, 0), (47, 11)] {
        let (_, answer) =
            world.post(DISCOVERY_PATH, CONTENT_TYPE, discover(version, ON_PREMISE).encode("https://x")).await;
        assert!(answer.contains("EnrollmentServiceUrl"), "{answer}");
    }
}

#[tokio::test]
async fn the_wire_of_enrolment_is_as_real_clients_read_it() {
    let world = World::new().await;
    let mut discover = Discover::new("urn:uuid:1", USER, (9, 0), "CIMClient_Windows");
    (discover.os_edition, discover.auth_policies) = (Some(4), vec![ON_PREMISE.to_owned()]);
    let (_, discovered) = world.post(DISCOVERY_PATH, CONTENT_TYPE, discover.encode("https://x")).await;
    insta::assert_snapshot!("discovery_response", lines(&discovered));
    let token = world.token().await;
    let typed = UsernameToken::new(USER, token.as_str());
    let policies = omadm::soap::policy::GetPolicies::new("urn:uuid:2", typed);
    let (_, policy) = world.post(POLICY_PATH, CONTENT_TYPE, policies.encode("https://x").as_bytes()).await;
    insta::assert_snapshot!("policy_response", lines(&policy));
    let (_, fault) = world.post(ENROLLMENT_PATH, CONTENT_TYPE, request("nope", |_| {})).await;
    insta::assert_snapshot!("fault", lines(&fault));
    let (_, issued) = world.post(ENROLLMENT_PATH, CONTENT_TYPE, request(&token, |_| {})).await;
    let document = omadm::soap::enrollment::Issued::decode(issued.as_bytes()).expect("a document");
    insta::assert_snapshot!("provisioning", lines(&redacted(&document)));
}

/// One element a line.
fn lines(xml: &str) -> String {
    xml.replace("><", ">\n<")
}

/// Certificates, secrets and ids differ in every run.
fn redacted(document: &str) -> String {
    let parts = document.split('"').enumerate().map(|(index, part)| {
        let random =
            part.len() > 30 && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=-_".contains(&byte));
        let nonce = part.len() == 24 && part.ends_with("==");
        match index % 2 == 1 && (random || nonce) {
            true => "REDACTED",
            false => part,
        }
    });
    let text = parts.collect::<Vec<_>>().join("\"");
    match text.split_once("CN%3D") {
        Some((before, after)) => format!("{before}CN%3DREDACTED{}", &after[36..]),
        None => text,
    }
}
