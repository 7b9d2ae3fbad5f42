//! Applications, and people who sign in.

use std::sync::Arc;
use std::time::Duration;

use chaveiro_core::Fault;
use chaveiro_core::application::{Application, ApplicationCertificate, ApplicationSecret};
use chaveiro_core::audit::Activity;
use chaveiro_core::decisions::sign_in::{Client, Presented, Redeemed, Renewed, begin, end, redeem, renew};
use chaveiro_core::id::{ApplicationId, ResourceId};
use chaveiro_core::permission::Permission;
use chaveiro_core::ports::{Store, StoreError};
use chaveiro_core::principal::{Principal, PrincipalKind};
use chaveiro_core::resource::{Resource, ResourceKind};
use chaveiro_core::sign_in::{MAX_PENDING, SignIn, Standing};
use chaveiro_core::steady::{Ripeness, Running};

use crate::Backend;
use crate::sample::{at, filled, read, recorded, resource, tenant_id, uuid, write};

fn application(number: u64) -> Application {
    Application {
        tenant: tenant_id(1),
        id: ApplicationId(uuid(7, number)),
        display_name: "desk".to_owned(),
        permissions: vec![Permission::ManagedDevicesReadAll, Permission::PrivilegedOperationsAll],
        delegated: vec![Permission::UserReadAll],
        public: number.is_multiple_of(2),
        secrets: vec![ApplicationSecret {
            id: uuid(8, number),
            display_name: Some("of\u{e9}".to_owned()),
            hint: "a\u{e9}\"".to_owned(),
            hash: "sha256$00$00".to_owned(),
            created: at(1),
            expires: at(2),
        }],
        certificates: vec![ApplicationCertificate {
            sha1: "00ff".to_owned(),
            sha256: "11ff".to_owned(),
            subject: "CN=desk".to_owned(),
            pem: "-----BEGIN CERTIFICATE-----\n".to_owned(),
            begins: at(1),
            expires: at(2),
            added: at(3),
        }],
        created: at(1),
    }
}

pub(crate) async fn an_application_belongs_to_its_tenant(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    let bare = Application { secrets: vec![], certificates: vec![], public: true, ..application(2) };
    let changed = bare.clone();
    write(&store, move |unit| {
        unit.insert_application(&application(1))?;
        unit.insert_application(&application(2))?;
        Ok(unit.update_application(&changed)?)
    })
    .await;
    let found = read(&store, |view| {
        let one = view.application(tenant_id(1), ApplicationId(uuid(7, 1)))?;
        let foreign = view.application(tenant_id(2), ApplicationId(uuid(7, 1)))?;
        Ok((one, foreign, view.applications(tenant_id(1))?, view.applications(tenant_id(2))?))
    })
    .await;
    assert_eq!((found.0, found.1), (Some(application(1)), None));
    assert_eq!((found.2, found.3), (vec![application(1), bare], vec![]));
    write(&store, |unit| {
        unit.delete_application(tenant_id(2), ApplicationId(uuid(7, 1)))?;
        unit.delete_application(tenant_id(1), ApplicationId(uuid(7, 2)))?;
        Ok(())
    })
    .await;
    assert_eq!(read(&store, |view| Ok(view.applications(tenant_id(1))?)).await, [application(1)]);
}

/// A sign-in that waits for an operator until the 900th second; the number makes its code.
pub(crate) fn sign_in(of: u64, number: u64) -> SignIn {
    let mut handle_sha256 = [0; 32];
    handle_sha256[..8].copy_from_slice(&number.to_be_bytes());
    SignIn {
        tenant: tenant_id(of),
        application: ApplicationId(uuid(7, 1)),
        handle_sha256,
        user_code: format!("CODE{number}"),
        scope: "openid .default".to_owned(),
        standing: Standing::Pending,
        user: None,
        refresh_sha256: None,
        previous_sha256: None,
        created: at(number),
        expires: at(900),
        asked: None,
        address: (number % 2 == 1).then(|| "2001:db8::7".parse().expect("an address")),
    }
}

pub(crate) async fn a_sign_in_comes_back_as_it_was_written(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    let active = SignIn {
        standing: Standing::Active,
        user: Some(ResourceId(uuid(4, 1))),
        refresh_sha256: Some([7; 32]),
        previous_sha256: Some([8; 32]),
        expires: at(90_000),
        asked: Some(at(20)),
        ..sign_in(1, 1)
    };
    let changed = active.clone();
    write(&store, move |unit| {
        unit.insert_sign_in(&sign_in(1, 1))?;
        unit.insert_sign_in(&sign_in(1, 2))?;
        unit.insert_sign_in(&sign_in(2, 3))?;
        Ok(unit.update_sign_in(&changed)?)
    })
    .await;
    let found = read(&store, |view| {
        let own = view.sign_in(tenant_id(1), &sign_in(1, 1).handle_sha256)?;
        let foreign = view.sign_in(tenant_id(2), &sign_in(1, 1).handle_sha256)?;
        Ok((own, foreign, view.sign_in_by_code("CODE3")?, view.sign_in_by_code("CODE9")?, view.sign_ins(tenant_id(1))?))
    })
    .await;
    assert_eq!((found.0.as_ref(), found.1), (Some(&active), None), "the tenant is a wall");
    assert_eq!((found.2, found.3), (Some(sign_in(2, 3)), None));
    assert_eq!(found.4, [active, sign_in(1, 2)]);
}

pub(crate) async fn a_user_code_names_one_sign_in(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    write(&store, |unit| Ok(unit.insert_sign_in(&sign_in(1, 1))?)).await;
    let same_code = SignIn { user_code: "CODE1".to_owned(), ..sign_in(2, 2) };
    let same_handle = SignIn { user_code: "OTHER".to_owned(), ..sign_in(2, 1) };
    for again in [same_code, same_handle] {
        let twice = store.write(move |unit| Ok(unit.insert_sign_in(&again)?)).await;
        assert!(matches!(twice, Err(Fault::Store(StoreError::Duplicate("sign-in")))), "{twice:?}");
    }
}

pub(crate) async fn sign_ins_are_forgotten_an_hour_after_their_end(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    write(&store, |unit| {
        unit.insert_sign_in(&sign_in(1, 1))?;
        unit.insert_sign_in(&SignIn { standing: Standing::Active, ..sign_in(1, 3) })?;
        unit.insert_sign_in(&SignIn { expires: at(901), ..sign_in(2, 2) })?;
        Ok(())
    })
    .await;
    let hour = Duration::from_secs(3600);
    write(&store, move |unit| Ok(unit.delete_sign_ins(at(900) + hour)?)).await;
    let left = || read(&store, |view| Ok((view.sign_ins(tenant_id(1))?.len(), view.sign_ins(tenant_id(2))?.len())));
    assert_eq!(left().await, (1, 1), "a person who is signed in does not depend on what others begin");
    // The clock is ahead for a while: the person is still signed in afterwards.
    let grace = Duration::from_secs(100);
    let forget = |second: u64, total_s: u64| {
        let running = Running { total_s, ..Running::default() };
        let ripeness = Ripeness { now: at(second), running, grace };
        write(&store, move |unit| {
            unit.set_marks(&ripeness)?;
            Ok(unit.delete_ripe_sign_ins(&ripeness)?)
        })
    };
    for (second, total_s, people) in [(9000, 50, 1), (9000, 149, 1), (100, 200, 1), (9000, 300, 1), (9000, 400, 0)] {
        forget(second, total_s).await;
        assert_eq!(left().await.0, people, "at {second} after {total_s}");
    }
}

pub(crate) async fn codes_that_wait_are_bounded_per_tenant(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    let begun = write(&store, |unit| {
        let mut begun = Vec::new();
        for number in 0..=MAX_PENDING as u64 {
            begun.push(begin(unit, &sign_in(1, number), at(1))?);
        }
        begun.push(begin(unit, &sign_in(2, 9_000), at(1))?);
        Ok(begun)
    })
    .await;
    assert_eq!(begun.iter().filter(|begun| **begun).count(), MAX_PENDING + 1);
    assert_eq!(begun[MAX_PENDING..], [false, true], "another tenant is not concerned");
    // When those have expired, there is room again.
    assert!(write(&store, |unit| Ok(begin(unit, &SignIn { expires: at(2000), ..sign_in(1, 9_001) }, at(900))?)).await);
}

fn client(next: u8) -> Client {
    Client {
        tenant: tenant_id(1),
        application: ApplicationId(uuid(7, 1)),
        handle_sha256: sign_in(1, 1).handle_sha256,
        next_sha256: [next; 32],
        life: Duration::from_secs(90_000),
    }
}

/// Adds a sign-in of that standing, of a user with these properties.
async fn with_user(store: &Arc<dyn Store>, standing: Standing, properties: &str) -> ResourceId {
    let user = Resource {
        alternate_key: Some("ana@x".to_owned()),
        properties: properties.to_owned(),
        ..resource(1, ResourceKind::User, 1)
    };
    let refresh_sha256 = (standing == Standing::Active).then_some([1; 32]);
    let row = SignIn { standing, user: Some(user.id), refresh_sha256, ..sign_in(1, 1) };
    let id = user.id;
    write(store, move |unit| {
        unit.insert_resource(&user)?;
        Ok(unit.insert_sign_in(&row)?)
    })
    .await;
    id
}

async fn kept(store: &Arc<dyn Store>) -> SignIn {
    read(store, |view| Ok(view.sign_in(tenant_id(1), &sign_in(1, 1).handle_sha256)?)).await.expect("a sign-in")
}

/// Returns the scope of the sign-in, with a refresh token.
fn whole(scope: &str) -> Option<(String, bool)> {
    Some((scope.to_owned(), true))
}

pub(crate) async fn a_code_gives_tokens_once_and_its_end_is_recorded(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    let user = with_user(&store, Standing::Approved, "{\"userPrincipalName\":\"Ana@X\"}").await;
    let redeemed = write(&store, |unit| {
        unit.set_tokens_valid_from(tenant_id(1), &Principal::new(PrincipalKind::User, "ana@x"), at(5))?;
        let stranger = Client { application: ApplicationId(uuid(7, 2)), ..client(1) };
        assert!(matches!(redeem(unit, &stranger, whole, at(10))?, Redeemed::Unknown), "another application");
        Ok(redeem(unit, &client(1), whole, at(10))?)
    })
    .await;
    let Redeemed::Admitted(admitted) = redeemed else { panic!("{redeemed:?}") };
    assert_eq!((admitted.user.id, admitted.scope.as_str()), (user, "openid .default"));
    assert_eq!(admitted.valid_from, Some(at(5)), "a revocation by the name in the tokens counts");
    assert_eq!((kept(&store).await.standing, kept(&store).await.refresh_sha256), (Standing::Active, Some([1; 32])));
    let again = write(&store, |unit| Ok(redeem(unit, &client(2), whole, at(20))?)).await;
    assert!(matches!(again, Redeemed::Used), "{again:?}");

    let (handle, other) = (client(1).handle_sha256, Presented { sha256: [9; 32], from: None });
    let own = Presented { sha256: [1; 32], from: None };
    write(&store, move |unit| Ok(end(unit, tenant_id(1), &handle, &other, at(30))?)).await;
    assert_eq!(kept(&store).await.standing, Standing::Active, "another token ends nothing");
    write(&store, move |unit| Ok(end(unit, tenant_id(1), &handle, &own, at(30))?)).await;
    assert_eq!(kept(&store).await.standing, Standing::Ended);
    let facts = vec![format!("application={}", uuid(7, 1)), "why=signed out".to_owned()];
    assert_eq!(recorded(&store).await, [(Activity::SignInRevoked, facts)]);
}

pub(crate) async fn a_refresh_token_that_is_used_twice_ends_everything_recorded(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    with_user(&store, Standing::Active, "{}").await;
    let take = |next: u8, sha256: u8, second: u64, refused: bool| {
        write(&store, move |unit| {
            let presented = Presented { sha256: [sha256; 32], from: None };
            let narrow = |scope: &str| if refused { Err("too much") } else { Ok(scope.to_owned()) };
            Ok(renew(unit, &client(next), &presented, narrow, at(second))?)
        })
    };
    let before = kept(&store).await;
    assert!(matches!(take(2, 1, 100, true).await, Renewed::Scope("too much")));
    assert_eq!(kept(&store).await, before, "a client that asks for too much keeps its token");
    assert!(matches!(take(2, 1, 100, false).await, Renewed::Admitted(_)));
    assert_eq!(kept(&store).await.refresh_sha256, Some([2; 32]));
    assert_eq!(recorded(&store).await, []);
    assert!(matches!(take(3, 7, 5000, false).await, Renewed::Reused));
    assert!(matches!(take(3, 2, 5001, false).await, Renewed::Ended), "for the client, too");
    let recorded: Vec<_> = recorded(&store).await.into_iter().map(|(activity, _)| activity).collect();
    assert_eq!(recorded, [Activity::SignInRevoked, Activity::TokensRevoked]);
}

pub(crate) async fn a_user_who_may_not_sign_in_gets_no_tokens(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    let user = with_user(&store, Standing::Approved, "{\"accountEnabled\":false}").await;
    let redeemed = write(&store, |unit| Ok(redeem(unit, &client(1), whole, at(10))?)).await;
    assert!(matches!(redeemed, Redeemed::Disabled(id) if id == user), "{redeemed:?}");
    assert_eq!(kept(&store).await.standing, Standing::Ended, "the code has served");

    let store = filled(backend.fresh()).await;
    let user = with_user(&store, Standing::Active, "{}").await;
    let before = kept(&store).await;
    let renewed = write(&store, move |unit| {
        unit.delete_resource(tenant_id(1), ResourceKind::User, user)?;
        let presented = Presented { sha256: [1; 32], from: None };
        let narrow = |scope: &str| Ok::<_, ()>(scope.to_owned());
        Ok(renew(unit, &client(2), &presented, narrow, at(100))?)
    })
    .await;
    assert!(matches!(renewed, Renewed::NoUser(id) if id == user), "{renewed:?}");
    assert_eq!(kept(&store).await, before, "the token serves again when the user is there again");
}
