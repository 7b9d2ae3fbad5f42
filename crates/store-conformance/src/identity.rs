//! Applications, and people who sign in.

use std::time::Duration;

use chaveiro_core::Fault;
use chaveiro_core::application::{Application, ApplicationCertificate, ApplicationSecret};
use chaveiro_core::decisions::sign_in::begin;
use chaveiro_core::id::{ApplicationId, ResourceId};
use chaveiro_core::permission::Permission;
use chaveiro_core::ports::StoreError;
use chaveiro_core::sign_in::{MAX_PENDING, SignIn, Standing};
use chaveiro_core::steady::{Ripeness, Running};

use crate::Backend;
use crate::sample::{at, filled, read, tenant_id, uuid, write};

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

fn sign_in(of: u64, number: u64) -> SignIn {
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
    // The clock is ahead for a moment: the person is still signed in afterwards.
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
    // When those are over, there is room again.
    assert!(write(&store, |unit| Ok(begin(unit, &SignIn { expires: at(2000), ..sign_in(1, 9_001) }, at(900))?)).await);
}
