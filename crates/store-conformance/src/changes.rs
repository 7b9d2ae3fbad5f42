//! Changes of devices, users and links by callers and operators, and their records.

use std::sync::Arc;

use chaveiro_core::alert::News;
use chaveiro_core::audit::Activity;
use chaveiro_core::caller::{Caller, HostUser};
use chaveiro_core::decisions::change_device::{self, Change};
use chaveiro_core::decisions::keys::Hand;
use chaveiro_core::decisions::vouch::VouchRefusal;
use chaveiro_core::decisions::{change_resource, enrollment_tokens, link, operator_tokens, tenants, unsound_rows};
use chaveiro_core::device::{ManagedDevice, OwnerType, RecordField};
use chaveiro_core::id::ResourceId;
use chaveiro_core::keys::{Fingerprint, KeyName};
use chaveiro_core::permission::Permission;
use chaveiro_core::ports::{Store, UnsoundRow};
use chaveiro_core::refusal::{DeviceRefusal, RightsRefusal};
use chaveiro_core::resource::{Resource, ResourceKind};
use chaveiro_core::revocation::{of_operators, of_user};
use chaveiro_core::rights::Rights;
use chaveiro_core::role::Role;
use chaveiro_core::scope_tag::{ScopeTags, Visibility};
use chaveiro_core::{Fault, Refusal};

use crate::Backend;
use crate::sample::{at, device_id, filled, origin, read, recorded, resource, tenant, tenant_id, uuid, write};

fn tags(names: &[&str]) -> ScopeTags {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn set(property: &str, value: &str) -> Change {
    RecordField::named(property).and_then(|field| Change::of(field, value.into())).expect(property)
}

async fn device(store: &Arc<dyn Store>) -> ManagedDevice {
    read(store, |view| Ok(view.device(tenant_id(1), device_id(11))?)).await.expect("a device")
}

pub(crate) async fn each_change_of_a_device_is_recorded_with_what_it_was_and_what_it_is(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    let changes = [
        set("notes", "the door code is 1234"),
        set("managedDeviceName", "desk 4"),
        set("ownerType", "company"),
        set("managedDeviceOwnerType", "unknown"),
        Change::tags(&tags(&["lisbon", "porto"])),
        Change::comanaged(true),
    ];
    let found = device(&store).await;
    let changed = write(&store, move |unit| {
        change_device::change(unit, &Rights::Everything, &origin(5), found.clone(), &changes)
    })
    .await;
    assert_eq!(changed, device(&store).await);
    assert_eq!((changed.notes.as_deref(), changed.owner_type), (Some("the door code is 1234"), OwnerType::Unknown));
    let expected = [
        ["setting=notes", "before=13 characters", "after=21 characters"],
        ["setting=managedDeviceName", "before=-", "after=desk 4"],
        ["setting=ownerType", "before=personal", "after=unknown"],
        ["setting=scopeTags", "before=2,7", "after=lisbon,porto"],
        ["setting=comanaged", "before=false", "after=true"],
    ];
    let expected = expected.map(|facts| (Activity::ResourceChanged, facts.map(str::to_owned).to_vec()));
    assert_eq!(recorded(&store).await, expected);
}

pub(crate) async fn a_device_is_moved_only_between_scopes_that_the_party_holds(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    let role = Role::parse("school-administrator").expect("a role");
    for (held, wanted, allowed) in [
        (&["2", "7", "porto"], &["2", "porto"], true),
        (&["2", "7", "porto"], &["2", "lisbon"], false),
        (&["7", "lisbon", "porto"], &["7", "porto"], false),
    ] {
        let found = device(&store).await;
        let before = found.clone();
        let rights = Rights::Roles(vec![(role, Visibility::Tagged(tags(held)))]);
        let changes = [set("managedDeviceName", "moved"), Change::tags(&tags(wanted))];
        let moved = store
            .write(move |unit| {
                let after = change_device::change(unit, &rights, &origin(5), found.clone(), &changes)?;
                // The next row starts from the same state as this one.
                unit.update_device(&found)?;
                Ok(after)
            })
            .await;
        assert_eq!(moved.is_ok(), allowed, "{held:?} {wanted:?}");
        assert!(
            allowed || matches!(moved, Err(Fault::Refused(Refusal::Rights(RightsRefusal::ScopeNotHeld(_))))),
            "{moved:?}"
        );
        assert_eq!(device(&store).await, before);
    }
}

fn user(name: &str, properties: &str) -> Resource {
    let properties = format!("{{\"userPrincipalName\":\"{name}\"{properties}}}");
    Resource { alternate_key: Some(name.to_owned()), properties, ..resource(1, ResourceKind::User, 1) }
}

fn operator() -> Caller {
    Caller::operator(tenant_id(1), &HostUser::new("ana", 1000))
}

pub(crate) async fn a_change_of_a_user_is_recorded_by_the_names_of_its_properties(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    let before = user("ana@x", ",\"jobTitle\":\"x\",\"displayName\":\"Ana\"");
    let after = user("ana@x", ",\"mail\":\"m\",\"displayName\":\"Ana B\"");
    let written = after.clone();
    write(&store, move |unit| {
        change_resource::create(unit, &operator(), &origin(1), &before)?;
        change_resource::change(unit, &operator(), &origin(2), &before, &after, at(2))?;
        change_resource::delete(unit, &origin(3), &after, at(3))
    })
    .await;
    let id = written.id;
    assert_eq!(read(&store, move |view| Ok(view.resource(tenant_id(1), ResourceKind::User, id)?)).await, None);
    let recorded = recorded(&store).await;
    let names = [Activity::ResourceCreated, Activity::ResourceChanged, Activity::ResourceDeleted];
    let of_resources: Vec<_> = recorded.iter().filter(|(activity, _)| names.contains(activity)).collect();
    assert_eq!(of_resources.iter().map(|(activity, _)| *activity).collect::<Vec<_>>(), names);
    let facts = ["kind=user".to_owned(), format!("id={id}")];
    assert!(of_resources.iter().all(|(_, said)| said.starts_with(&facts)), "{of_resources:?}");
    assert_eq!(of_resources[1].1[2], "changed=displayName,jobTitle,mail");
}

pub(crate) async fn a_user_who_is_renamed_disabled_or_removed_is_signed_out(backend: &dyn Backend) {
    let (plain, disabled) = (user("ana@x", ""), user("ana@x", ",\"accountEnabled\":false"));
    let titled = user("ana@x", ",\"jobTitle\":\"x\"");
    for (what, before, after, ends) in [
        ("another title", plain.clone(), Some(titled), false),
        ("another name", plain.clone(), Some(user("bia@x", "")), true),
        ("disabled", plain.clone(), Some(disabled.clone()), true),
        ("disabled already", disabled.clone(), Some(disabled.clone()), false),
        ("enabled", disabled, Some(plain.clone()), false),
        ("removed", plain, None, true),
    ] {
        let store = filled(backend.fresh()).await;
        let names = of_user(&before);
        write(&store, move |unit| {
            unit.insert_resource(&before)?;
            match &after {
                Some(after) => change_resource::change(unit, &operator(), &origin(2), &before, after, at(2)),
                None => change_resource::delete(unit, &origin(2), &before, at(2)),
            }
        })
        .await;
        let valid_from = read(&store, move |view| Ok(view.tokens_valid_from(tenant_id(1), &names)?)).await;
        assert_eq!(valid_from.is_some(), ends, "{what}");
        let revoked = recorded(&store).await.iter().any(|(activity, _)| *activity == Activity::TokensRevoked);
        assert_eq!(revoked, ends, "{what}");
    }
}

pub(crate) async fn a_link_is_recorded_and_a_device_has_one_user(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    let (ana, rui) = (user("ana@x", ""), Resource { id: ResourceId(uuid(4, 77)), ..user("rui@x", "") });
    let app = resource(1, ResourceKind::DetectedApp, 78);
    let rows = [ana.clone(), rui.clone(), app.clone()];
    write(&store, move |unit| {
        rows.iter().try_for_each(|row| unit.insert_resource(row))?;
        // As an account that the device reported.
        Ok(unit.link(tenant_id(1), device_id(11), ResourceKind::User, rows[1].id)?)
    })
    .await;
    let is_linked =
        |id| read(&store, move |view| Ok(view.is_linked(tenant_id(1), device_id(11), ResourceKind::User, id)?));
    for (linked, of, others) in [(Some(&ana), &ana, &rui), (Some(&rui), &rui, &ana), (None, &ana, &rui)] {
        let (found, linked) = (device(&store).await, linked.cloned());
        let after = linked.as_ref().map(|user| user.id);
        write(&store, move |unit| match &linked {
            Some(user) => Ok(link::link(unit, &origin(1), &found, user)?),
            None => Ok(link::unlink_users(unit, &origin(1), &found)?),
        })
        .await;
        assert_eq!(device(&store).await.user, after);
        assert_eq!((is_linked(of.id).await, is_linked(others.id).await), (after.is_some(), false));
    }
    let (found, linked) = (device(&store).await, app.clone());
    write(&store, move |unit| {
        link::link(unit, &origin(1), &found, &linked)?;
        Ok(link::unlink(unit, &origin(2), &found, &linked)?)
    })
    .await;
    let named = |of: &Resource| vec![format!("kind={}", of.kind.name()), format!("id={}", of.id)];
    let changed = |before: (&str, &str), after: (&str, &str)| {
        let of = |name: &str, before: &str, after: &str| {
            [format!("setting={name}"), format!("before={before}"), format!("after={after}")]
        };
        let facts = [of("userPrincipalName", before.0, after.0), of("userId", before.1, after.1)].concat();
        (Activity::PrimaryUserChanged, facts)
    };
    let (ana_id, rui_id) = (ana.id.to_string(), rui.id.to_string());
    let expected = [
        (Activity::ResourceUnlinked, named(&rui)),
        changed(("-", "-"), ("ana@x", &ana_id)),
        changed(("ana@x", &ana_id), ("rui@x", &rui_id)),
        changed(("rui@x", &rui_id), ("-", "-")),
        (Activity::ResourceLinked, named(&app)),
        (Activity::ResourceUnlinked, named(&app)),
    ];
    assert_eq!(recorded(&store).await, expected);
}

pub(crate) async fn a_new_tenant_is_recorded_with_the_keys_of_its_escrow(backend: &dyn Backend) {
    let store = backend.fresh();
    let (id, hand) = (tenant_id(3), Hand { actor: origin(1).actor, now: at(1) });
    let made =
        [(KeyName::EscrowRecipients(id), Fingerprint([1; 32])), (KeyName::EscrowPrivate(id), Fingerprint([2; 32]))];
    write(&store, move |unit| Ok(tenants::create(unit, &hand, &tenant(3), &made)?)).await;
    assert_eq!(read(&store, move |view| Ok(view.tenant(id)?)).await, Some(tenant(3)));
    let recorded = recorded(&store).await;
    let kinds: Vec<_> = recorded.iter().map(|(activity, _)| *activity).collect();
    assert_eq!(kinds, [Activity::TenantCreated, Activity::KeyChanged, Activity::KeyChanged]);
    assert_eq!(recorded[0].1, ["name=tenant 3"]);
    for (name, (_, facts)) in [KeyName::EscrowRecipients(id), KeyName::EscrowPrivate(id)].iter().zip(&recorded[1..]) {
        assert_eq!(facts[..2], [format!("key={name}"), "change=made".to_owned()]);
    }
}

pub(crate) async fn an_enrolment_token_is_recorded_with_its_user_and_the_device_it_replaces(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    let (ana, id) = (user("ana@x", ""), user("ana@x", "").id);
    let ask = |number: u8, name: Option<&str>, replaces| enrollment_tokens::Ask {
        tenant: tenant_id(1),
        user: name.map(str::to_owned),
        replaces,
        token_sha256: [number; 32],
        expires: at(600),
    };
    let asks = [ask(1, None, None), ask(2, Some("Ana@X"), None), ask(3, Some(&id.to_string()), Some(device_id(11)))];
    write(&store, move |unit| {
        unit.insert_resource(&ana)?;
        for ask in &asks {
            assert!(enrollment_tokens::create(unit, &origin(5), ask).is_ok());
        }
        Ok(())
    })
    .await;
    let facts: Vec<_> = recorded(&store).await.into_iter().map(|(_, facts)| facts).collect();
    let (by_user, replaces) = (format!("user={id}"), format!("replaces={}", device_id(11)));
    assert_eq!(facts, [vec![], vec![by_user.clone()], vec![by_user, replaces]]);
    let token = read(&store, |view| Ok(view.enrollment_token(&[3; 32])?)).await.expect("a token");
    assert_eq!(
        (token.user, token.replaces, token.created, token.expires),
        (Some(id), Some(device_id(11)), at(5), at(600))
    );

    let [unknown, foreign] = [ask(4, Some("bia@x"), None), ask(5, None, Some(device_id(21)))];
    let refused = store.try_write(move |unit| enrollment_tokens::create(unit, &origin(6), &unknown)).await;
    assert!(matches!(refused, Err(Fault::Refused(VouchRefusal::NoUser(name))) if name == "bia@x"));
    let refused = store.try_write(move |unit| enrollment_tokens::create(unit, &origin(6), &foreign)).await;
    let foreign = VouchRefusal::Refused(DeviceRefusal::NotFound.into());
    assert!(matches!(refused, Err(Fault::Refused(refusal)) if refusal == foreign), "a device of another tenant");
    assert_eq!(recorded(&store).await.len(), 3);
}

pub(crate) async fn an_operator_token_is_recorded_before_it_is_minted(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    let ask = operator_tokens::Ask {
        tenant: tenant_id(1),
        permissions: vec![Permission::ManagedDevicesReadAll, Permission::AppsReadAll],
        lifetime: std::time::Duration::from_secs(600),
        reason: Some("ticket 7".to_owned()),
    };
    let again = ask.clone();
    let first = write(&store, move |unit| Ok(operator_tokens::record(unit, &origin(5), &ask)?)).await;
    assert_eq!(first, None, "no token of an operator was ever revoked");
    let names = [Permission::ManagedDevicesReadAll, Permission::AppsReadAll].map(Permission::name).join(" ");
    let facts = vec![format!("permissions={names}"), "minutes=10".to_owned(), "reason=ticket 7".to_owned()];
    assert_eq!(recorded(&store).await, [(Activity::OperatorTokenMinted, facts)]);
    let since = write(&store, move |unit| {
        unit.set_tokens_valid_from(tenant_id(1), &of_operators(), at(9))?;
        Ok(operator_tokens::record(unit, &origin(6), &again)?)
    })
    .await;
    assert_eq!(since, Some(at(9)), "a token that is minted now says that it was issued then");
}

pub(crate) async fn what_an_operator_says_of_rows_is_in_the_record_of_every_tenant(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    for (remove, activity) in [(true, Activity::RowsRemoved), (false, Activity::RowsSigned)] {
        let before = recorded(&store).await.len();
        let hand = Hand { actor: origin(1).actor, now: at(1) };
        let settled = write(&store, move |unit| Ok(unsound_rows::settle(unit, &hand, remove, "ticket 7")?)).await;
        let facts = vec!["rows=0".to_owned(), "reason=ticket 7".to_owned()];
        assert_eq!(recorded(&store).await[before..], [(activity, facts.clone()), (activity, facts)], "{settled}");
    }
}

pub(crate) async fn a_row_that_does_not_verify_is_recorded_and_told_once(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    let row = UnsoundRow { tenant: Some(tenant_id(1)), table: "hold", row: Some("h".to_owned()) };
    write(&store, move |unit| Ok(unsound_rows::report(unit, tenant_id(1), &row, uuid(9, 1), at(5))?)).await;
    write(&store, move |unit| {
        let news = News::RecordDamaged { position: 3, damage: "changed".to_owned() };
        for number in [2, 2] {
            unsound_rows::alert_once(unit, tenant_id(1), news.clone(), uuid(9, number), at(6))?;
        }
        Ok(())
    })
    .await;
    let told: Vec<_> = read(&store, |view| Ok(view.alerts(10)?)).await.into_iter().map(|alert| alert.news).collect();
    let forged = News::RowForged { table: "hold".to_owned(), row: Some("h".to_owned()) };
    assert_eq!(told, [forged, News::RecordDamaged { position: 3, damage: "changed".to_owned() }]);
    let facts = vec!["table=hold".to_owned(), "row=h".to_owned()];
    assert_eq!(recorded(&store).await, [(Activity::RowForged, facts)]);
}
