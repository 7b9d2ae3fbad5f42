//! Devices, the entities around them, enrolments.

use std::collections::BTreeSet;
use std::time::Duration;

use chaveiro_core::Fault;
use chaveiro_core::device::{ManagedDevice, ManagementState};
use chaveiro_core::enrollment::{Enrollment, EnrollmentToken};
use chaveiro_core::id::ResourceId;
use chaveiro_core::ports::{DeviceScope, DeviceSet, ResourceScope, StoreError};
use chaveiro_core::query::Listing;
use chaveiro_core::resource::{Resource, ResourceKind};
use chaveiro_core::scope_tag::Visibility;

use crate::Backend;
use crate::random::random_device;
use crate::sample::{
    at, device, device_id, enrollment, enrollment_id, filled, linux_device, read, resource, tenant_id, uuid, write,
};
use crate::walk::Dice;

const STEP: Duration = Duration::from_secs(1);

pub(crate) async fn a_device_comes_back_as_it_was_written(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    assert_eq!(read(&store, |view| Ok(view.device(tenant_id(1), device_id(11))?)).await, Some(device(1, 11)));
    let changed = ManagedDevice {
        management_state: ManagementState::RetireIssued,
        notes: None,
        certificate_expires: None,
        comanaged: true,
        ..device(1, 11)
    };
    let written = changed.clone();
    write(&store, move |unit| Ok(unit.update_device(&written)?)).await;
    assert_eq!(read(&store, |view| Ok(view.device(tenant_id(1), device_id(11))?)).await, Some(changed));

    let mut dice = Dice(12);
    for number in 400..420 {
        let (made, changed) = (random_device(&mut dice, number), random_device(&mut dice, number));
        for (device, is_new) in [(made, true), (changed, false)] {
            let written = device.clone();
            write(&store, move |unit| match is_new {
                true => Ok(unit.insert_device(&written)?),
                false => Ok(unit.update_device(&written)?),
            })
            .await;
            assert_eq!(read(&store, move |view| Ok(view.device(tenant_id(1), device_id(number))?)).await, Some(device));
        }
    }
}

pub(crate) async fn pages_hold_every_item_once_while_others_are_inserted(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    write(&store, |unit| (100..120).try_for_each(|number| Ok(unit.insert_device(&device(1, number))?))).await;
    let (mut seen, mut after, mut number) = (Vec::new(), None, 200);
    loop {
        let page = Listing { after, ..Listing::first(4) };
        let paged =
            read(&store, move |view| Ok(view.devices(tenant_id(1), DeviceScope::all(), &Visibility::All, &page)?))
                .await;
        assert!(paged.items.len() <= 4);
        seen.extend(paged.items.into_iter().map(|device| device.id));
        after = paged.next;
        if after.is_none() {
            break;
        }
        if number < 203 {
            write(&store, move |unit| Ok(unit.insert_device(&device(1, number))?)).await;
            number += 1;
        }
    }
    let unique: BTreeSet<_> = seen.iter().collect();
    assert_eq!((seen.len(), unique.len()), (26, 26), "3 + 20 + 3 inserted meanwhile");
    let comanaged = read(&store, |view| {
        Ok(view.devices(
            tenant_id(1),
            DeviceScope::of(DeviceSet::Comanaged),
            &Visibility::All,
            &Listing::first(1000),
        )?)
    })
    .await;
    assert!(comanaged.items.iter().all(|device| device.comanaged) && !comanaged.items.is_empty());
}

pub(crate) async fn only_visible_devices_are_listed(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    let tags = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let tagged = ManagedDevice { scope_tags: tags(&["lisbon", "sales"]), ..device(1, 11) };
    write(&store, move |unit| Ok(unit.update_device(&tagged)?)).await;
    for (visible, expected) in [
        (Visibility::All, 3),
        (Visibility::Tagged(tags(&["sales", "lisbon"])), 1),
        (Visibility::Tagged(tags(&["7"])), 2),
        (Visibility::Tagged(tags(&["sales' OR 1=1 --", "SALES"])), 0),
        (Visibility::Tagged(tags(&[])), 0),
    ] {
        let seen = visible.clone();
        let paged = read(&store, move |view| {
            Ok(view.devices(tenant_id(1), DeviceScope::all(), &seen, &Listing::first(1000))?)
        })
        .await;
        assert_eq!(paged.items.len(), expected, "{visible:?}");
        assert!(paged.items.iter().all(|device| visible.admits(&device.scope_tags)));
    }
    let foreign = ManagedDevice { scope_tags: tags(&["madrid"]), ..device(2, 21) };
    let others = write(&store, move |unit| {
        unit.update_device(&foreign)?;
        Ok(unit.scope_tags_of_devices(tenant_id(2))?)
    });
    assert!(others.await.contains("madrid"));
    let (known, listed) = read(&store, move |view| {
        let all = view.devices(tenant_id(1), DeviceScope::all(), &Visibility::All, &Listing::first(1000))?;
        let listed: BTreeSet<_> = all.items.into_iter().flat_map(|device| device.scope_tags).collect();
        Ok((view.scope_tags_of_devices(tenant_id(1))?, listed))
    })
    .await;
    assert_eq!(known, listed, "each tag of a device of the tenant, once, and none of another tenant's");
    assert!(known.contains("lisbon") && !known.contains("madrid"));
}

pub(crate) async fn users_and_apps_are_found_from_both_ends(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    let user = Resource { alternate_key: Some("ana".to_owned()), ..resource(1, ResourceKind::User, 1) };
    let (app, primary) = (resource(1, ResourceKind::DetectedApp, 2), resource(1, ResourceKind::User, 3));
    let (user_id, app_id, primary_id) = (user.id, app.id, primary.id);
    write(&store, move |unit| {
        for row in [&user, &app, &primary] {
            unit.insert_resource(row)?;
        }
        for _ in 0..2 {
            unit.link(tenant_id(1), device_id(11), ResourceKind::User, user_id)?;
        }
        unit.link(tenant_id(1), device_id(12), ResourceKind::DetectedApp, app_id)?;
        unit.update_device(&ManagedDevice { user: Some(primary_id), ..device(1, 11) })?;
        Ok(())
    })
    .await;
    read(&store, move |view| {
        let devices = |scope| -> Result<Vec<_>, StoreError> {
            Ok(view
                .devices(tenant_id(1), scope, &Visibility::All, &Listing::first(1000))?
                .items
                .into_iter()
                .map(|device| device.id)
                .collect())
        };
        assert_eq!(devices(DeviceScope::of(DeviceSet::OfUser(user_id)))?, [device_id(11)]);
        assert_eq!(
            devices(DeviceScope::of(DeviceSet::OfUser(primary_id)))?,
            [device_id(11)],
            "the primary user counts"
        );
        assert_eq!(devices(DeviceScope::of(DeviceSet::WithApp(app_id)))?, [device_id(12)]);
        let users = view.resources(
            tenant_id(1),
            ResourceScope::OfDevice(ResourceKind::User, device_id(11)),
            &Visibility::All,
            &Listing::first(1000),
        )?;
        assert_eq!(users.items.len(), 2);
        assert!(view.is_linked(tenant_id(1), device_id(11), ResourceKind::User, primary_id)?);
        assert!(!view.is_linked(tenant_id(1), device_id(12), ResourceKind::User, user_id)?);
        assert!(!view.is_linked(tenant_id(2), device_id(11), ResourceKind::User, user_id)?);
        assert_eq!(view.resource_by_key(tenant_id(1), ResourceKind::User, "ana")?.map(|found| found.id), Some(user_id));
        assert_eq!(view.resource_by_key(tenant_id(2), ResourceKind::User, "ana")?, None);
        Ok(())
    })
    .await;
    let same = Resource { alternate_key: Some("ana".to_owned()), ..resource(1, ResourceKind::User, 9) };
    let again = store.write(move |unit| Ok(unit.insert_resource(&same)?)).await;
    assert!(matches!(again, Err(Fault::Store(StoreError::Duplicate(_)))), "{again:?}");
    write(&store, move |unit| Ok(unit.unlink(tenant_id(1), device_id(11), ResourceKind::User, user_id)?)).await;
    assert!(
        !read(&store, move |view| Ok(view.is_linked(tenant_id(1), device_id(11), ResourceKind::User, user_id)?)).await
    );
}

pub(crate) async fn devices_and_resources_are_found_by_their_ids_at_once(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    let (user, app) = (resource(1, ResourceKind::User, 1), resource(1, ResourceKind::DetectedApp, 2));
    let (other, ids) = (resource(1, ResourceKind::User, 3), [user.id, app.id, ResourceId(uuid(4, 77))]);
    let rows = [user.clone(), app, other];
    write(&store, move |unit| Ok(rows.iter().try_for_each(|row| unit.insert_resource(row))?)).await;
    let found = read(&store, move |view| {
        let of = |tenant| view.resources_of(tenant_id(tenant), ResourceKind::User, &ids);
        Ok((of(1)?, of(2)?, view.resources_of(tenant_id(1), ResourceKind::User, &[])?))
    });
    assert_eq!(found.await, (vec![user], Vec::new(), Vec::new()), "of that kind and tenant, and there");
    let found = read(&store, |view| {
        let ids = [device_id(12), device_id(99), device_id(11), device_id(21)];
        let mut found = view.devices_of(tenant_id(1), &ids)?;
        found.sort_by_key(|device| device.id);
        Ok((found, view.devices_of(tenant_id(1), &[])?))
    });
    let one = |number| read(&store, move |view| Ok(view.device(tenant_id(1), device_id(number))?));
    let expected: Vec<_> = one(11).await.into_iter().chain(one(12).await).collect();
    assert_eq!(found.await, (expected, Vec::new()));
}

pub(crate) async fn deleting_takes_what_hangs_on_it(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    let (script, user) = (resource(1, ResourceKind::DeviceHealthScript, 1), resource(1, ResourceKind::User, 2));
    let state = Resource {
        owner: Some(script.id),
        device: Some(device_id(11)),
        ..resource(1, ResourceKind::DeviceHealthScriptDeviceState, 3)
    };
    let (script_id, user_id, state_id) = (script.id, user.id, state.id);
    write(&store, move |unit| {
        for row in [&script, &user, &state] {
            unit.insert_resource(row)?;
        }
        unit.update_device(&ManagedDevice { user: Some(user_id), ..device(1, 11) })?;
        unit.link(tenant_id(1), device_id(12), ResourceKind::User, user_id)?;
        let owned = ResourceScope::OwnedBy(ResourceKind::DeviceHealthScriptDeviceState, script_id);
        assert_eq!(unit.resources(tenant_id(1), owned, &Visibility::All, &Listing::first(1000))?.items.len(), 1);
        unit.delete_resource(tenant_id(2), ResourceKind::User, user_id)?;
        assert!(unit.resource(tenant_id(1), ResourceKind::User, user_id)?.is_some(), "another tenant deletes nothing");
        unit.delete_resource(tenant_id(1), ResourceKind::DeviceHealthScript, script_id)?;
        unit.delete_resource(tenant_id(1), ResourceKind::User, user_id)?;
        unit.delete_resource(tenant_id(1), ResourceKind::User, user_id)?;
        Ok(())
    })
    .await;
    read(&store, move |view| {
        assert_eq!(view.resource(tenant_id(1), ResourceKind::DeviceHealthScriptDeviceState, state_id)?, None);
        assert_eq!(view.device(tenant_id(1), device_id(11))?.and_then(|device| device.user), None);
        assert!(!view.is_linked(tenant_id(1), device_id(12), ResourceKind::User, user_id)?);
        Ok(())
    })
    .await;
}

pub(crate) async fn a_script_goes_with_the_states_of_its_users_and_theirs(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    let script = resource(1, ResourceKind::DeviceShellScript, 1);
    let user = Resource { owner: Some(script.id), ..resource(1, ResourceKind::DeviceManagementScriptUserState, 2) };
    let state = Resource { owner: Some(user.id), ..resource(1, ResourceKind::DeviceManagementScriptDeviceState, 3) };
    let other = Resource { owner: None, ..resource(1, ResourceKind::DeviceManagementScriptDeviceState, 4) };
    let rows = [script, user, state, other];
    let kept = rows.clone();
    write(&store, move |unit| {
        for row in &rows {
            unit.insert_resource(row)?;
        }
        Ok(unit.delete_resource(tenant_id(1), ResourceKind::DeviceShellScript, rows[0].id)?)
    })
    .await;
    read(&store, move |view| {
        for (row, is_there) in kept.iter().zip([false, false, false, true]) {
            assert_eq!(view.resource(tenant_id(1), row.kind, row.id)?.is_some(), is_there, "{:?}", row.kind);
        }
        Ok(())
    })
    .await;
}

pub(crate) async fn a_device_has_one_open_enrolment(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    let second = Enrollment { device: device_id(11), ..enrollment(1, 99) };
    let refused = {
        let second = second.clone();
        store.write(move |unit| Ok(unit.insert_enrollment(&second)?)).await
    };
    assert!(refused.is_err(), "the first is still open");
    write(&store, move |unit| {
        unit.close_enrollment(enrollment_id(11), at(5))?;
        Ok(unit.insert_enrollment(&second)?)
    })
    .await;
    read(&store, |view| {
        assert_eq!(view.open_enrollment(tenant_id(1), device_id(11))?.map(|open| open.id), Some(enrollment_id(99)));
        assert_eq!(view.enrollment(enrollment_id(11))?.and_then(|closed| closed.closed), Some(at(5)));
        let old = view.enrollment_by_certificate(&enrollment(1, 11).certificate_sha256)?;
        assert_eq!(old.map(|old| old.id), Some(enrollment_id(11)), "closed ones are still known");
        assert!(view.enrollments_by_reported_id("oma11")?.is_empty());
        assert_eq!(view.enrollments_by_reported_id("oma99")?.len(), 1);
        assert_eq!(view.device_by_reported_id(tenant_id(1), "oma11")?, None, "only the newest name counts");
        assert_eq!(view.device_by_reported_id(tenant_id(1), "oma99")?.map(|device| device.id), Some(device_id(11)));
        assert_eq!(view.device_by_reported_id(tenant_id(2), "oma99")?, None);
        Ok(())
    })
    .await;
}

pub(crate) async fn a_token_serves_once(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    let token = EnrollmentToken {
        token_sha256: [7; 32],
        tenant: tenant_id(1),
        user: Some(resource(1, ResourceKind::User, 1).id),
        replaces: Some(device_id(11)),
        created: at(1),
        expires: at(9),
        used: None,
    };
    let written = token.clone();
    write(&store, move |unit| Ok(unit.insert_enrollment_token(&written)?)).await;
    assert_eq!(read(&store, |view| Ok(view.enrollment_token(&[7; 32])?)).await, Some(token));
    write(&store, |unit| Ok(unit.use_enrollment_token(&[7; 32], at(3), enrollment_id(11))?)).await;
    let used = read(&store, |view| Ok(view.enrollment_token(&[7; 32])?)).await.and_then(|token| token.used);
    assert_eq!(used, Some((at(3), enrollment_id(11))));
    let again = store.write(|unit| Ok(unit.use_enrollment_token(&[7; 32], at(4), enrollment_id(12))?)).await;
    assert!(again.is_err());
    assert_eq!(read(&store, |view| Ok(view.enrollment_token(&[8; 32])?)).await, None);
}

pub(crate) async fn linux_machines_without_a_certificate_are_found_until_they_show_one(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    let found = |tenant: u64, limit: usize| {
        read(&store, move |view| {
            let devices = view.devices_without_certificate(tenant_id(tenant), limit)?;
            Ok(devices.into_iter().map(|device| device.id).collect::<Vec<_>>())
        })
    };
    assert_eq!(found(1, 10).await, [], "none of these runs Linux");
    write(&store, |unit| {
        for number in [40, 41, 42] {
            unit.insert_device(&linux_device(1, number))?;
            let needs_certificate = number == 42;
            unit.insert_enrollment(&Enrollment { needs_certificate, ..enrollment(1, number) })?;
        }
        unit.insert_device(&linux_device(2, 50))?;
        Ok(unit.insert_enrollment(&enrollment(2, 50))?)
    })
    .await;
    assert_eq!(found(1, 10).await, [device_id(40), device_id(41)]);
    assert_eq!(found(1, 1).await, [device_id(40)]);
    assert_eq!(found(2, 10).await, [device_id(50)]);
    write(&store, |unit| Ok(unit.require_certificate(enrollment_id(40))?)).await;
    write(&store, |unit| Ok(unit.close_enrollment(enrollment_id(41), at(5))?)).await;
    assert_eq!(found(1, 10).await, []);
    let needs = read(&store, |view| Ok(view.enrollment(enrollment_id(40))?)).await.map(|one| one.needs_certificate);
    assert_eq!(needs, Some(true));
    let closed = store.write(|unit| Ok(unit.require_certificate(enrollment_id(41))?)).await;
    assert!(closed.is_err(), "a closed enrolment stays as it ended");
}

pub(crate) async fn a_session_ends_with_its_enrolment(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    write(&store, |unit| {
        assert_eq!(unit.session(enrollment_id(11))?, None);
        unit.put_session(enrollment_id(11), b"one")?;
        unit.put_session(enrollment_id(11), b"two")?;
        assert_eq!(unit.session(enrollment_id(11))?.as_deref(), Some(&b"two"[..]));
        unit.close_enrollment(enrollment_id(11), at(5))?;
        assert_eq!(unit.session(enrollment_id(11))?, None);
        Ok(())
    })
    .await;
    assert!(store.write(|unit| Ok(unit.put_session(enrollment_id(11), b"x")?)).await.is_err());
}

pub(crate) async fn every_tenant_is_a_wall(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    write(&store, |unit| {
        let script = resource(2, ResourceKind::DeviceHealthScript, 1);
        Ok(unit.insert_resource(&script)?)
    })
    .await;
    read(&store, |view| {
        // Tenant 1 asks for the items of tenant 2.
        let one = tenant_id(1);
        assert_eq!(view.device(one, device_id(21))?, None);
        assert!(
            view.devices(one, DeviceScope::all(), &Visibility::All, &Listing::first(1000))?
                .items
                .iter()
                .all(|device| device.tenant == one)
        );
        let id = resource(2, ResourceKind::DeviceHealthScript, 1).id;
        assert_eq!(view.resource(one, ResourceKind::DeviceHealthScript, id)?, None);
        assert!(
            view.resources(
                one,
                ResourceScope::All(ResourceKind::DeviceHealthScript),
                &Visibility::All,
                &Listing::first(1000)
            )?
            .items
            .is_empty()
        );
        assert_eq!(view.open_enrollment(one, device_id(21))?, None);
        assert!(view.actions(one, device_id(21), 10)?.is_empty());
        assert_eq!(view.open_action(one, device_id(21), "recoverPasscode")?, None);
        Ok(())
    })
    .await;
}

pub(crate) async fn the_time_of_the_last_session_moves_on_and_never_back(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    let before = read(&store, |view| Ok(view.device(tenant_id(1), device_id(11))?)).await.expect("the device");
    let last = before.last_sync;
    for (at, expected) in [(last + STEP, last + STEP), (last, last + STEP), (last + STEP * 2, last + STEP * 2)] {
        write(&store, move |unit| {
            for tenant in [1, 2] {
                // The other tenant has no such device: that is fine.
                unit.move_last_sync(tenant_id(tenant), device_id(11), if tenant == 1 { at } else { last + STEP * 9 })?;
            }
            Ok(())
        })
        .await;
        let after = read(&store, |view| Ok(view.device(tenant_id(1), device_id(11))?)).await.expect("the device");
        assert_eq!(after, ManagedDevice { last_sync: expected, ..before.clone() });
    }
}
