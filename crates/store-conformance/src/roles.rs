//! Role assignments.

use chaveiro_core::Fault;
use chaveiro_core::id::AssignmentId;
use chaveiro_core::ports::StoreError;
use chaveiro_core::principal::{Principal, PrincipalKind, RoleAssignment};
use chaveiro_core::role::ROLES;
use chaveiro_core::scope_tag::Visibility;

use crate::Backend;
use crate::sample::{at, filled, read, tenant_id, uuid, write};

fn assignment(of: u64, number: u64, kind: PrincipalKind, name: &str, tags: Option<&[&str]>) -> RoleAssignment {
    RoleAssignment {
        id: AssignmentId(uuid(10, number)),
        tenant: tenant_id(of),
        display_name: number.is_multiple_of(2).then(|| format!("n\u{e9} {number}")),
        description: number.is_multiple_of(3).then(|| "why".to_owned()),
        role: &ROLES[number as usize % ROLES.len()],
        principal: Principal::new(kind, name),
        scope: match tags {
            None => Visibility::All,
            Some(tags) => Visibility::Tagged(tags.iter().map(|tag| (*tag).to_owned()).collect()),
        },
        created: at(number),
    }
}

pub(crate) async fn an_assignment_comes_back_as_it_was_written_to_its_tenant_alone(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    let rows = [
        assignment(1, 1, PrincipalKind::User, "Ana@Example.org", None),
        assignment(1, 2, PrincipalKind::Group, "Help \"desk\" \u{e9}", Some(&["lisbon", "0"])),
        assignment(1, 3, PrincipalKind::Application, "app", Some(&[])),
        assignment(2, 4, PrincipalKind::User, "ana@example.org", None),
    ];
    let written = rows.clone();
    write(&store, move |unit| written.iter().try_for_each(|row| Ok(unit.insert_role_assignment(row)?))).await;
    let all = |of| read(&store, move |view| Ok(view.role_assignments(tenant_id(of))?));
    assert_eq!(all(1).await, rows[..3]);
    assert_eq!(all(2).await, rows[3..]);
    let again = rows[0].clone();
    let twice = store.write(move |unit| Ok(unit.insert_role_assignment(&again)?)).await;
    assert!(matches!(twice, Err(Fault::Store(StoreError::Duplicate("role assignment")))), "{twice:?}");
    let named = RoleAssignment {
        display_name: Some("desk".to_owned()),
        description: Some("of \"Lisbon\"".to_owned()),
        ..rows[1].clone()
    };
    // The principal does not change with it, nor does an assignment of another tenant.
    let other = RoleAssignment { principal: Principal::new(PrincipalKind::User, "eva"), ..named.clone() };
    let foreign = RoleAssignment { tenant: tenant_id(2), display_name: None, ..rows[1].clone() };
    write(&store, move |unit| {
        unit.update_role_assignment(&other)?;
        Ok(unit.update_role_assignment(&foreign)?)
    })
    .await;
    assert_eq!(all(1).await[1], named);
    assert_eq!(all(2).await, rows[3..]);
    let (foreign, own) = write(&store, |unit| {
        let first = AssignmentId(uuid(10, 1));
        Ok((unit.delete_role_assignment(tenant_id(2), first)?, unit.delete_role_assignment(tenant_id(1), first)?))
    })
    .await;
    assert_eq!((foreign, own), (false, true));
    assert_eq!(all(1).await, [named, rows[2].clone()]);
}

pub(crate) async fn assignments_are_found_by_the_principals_they_are_for(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    write(&store, |unit| {
        for row in [
            assignment(1, 1, PrincipalKind::User, "ana", None),
            assignment(1, 2, PrincipalKind::Group, "ana", None),
            assignment(1, 3, PrincipalKind::User, "ana", Some(&["x"])),
            assignment(2, 4, PrincipalKind::User, "ana", None),
            assignment(1, 5, PrincipalKind::User, "anabel", None),
        ] {
            unit.insert_role_assignment(&row)?;
        }
        Ok(())
    })
    .await;
    let user = |name: &str| Principal::new(PrincipalKind::User, name);
    let group = Principal::new(PrincipalKind::Group, "ana");
    for (principals, expected) in [
        (vec![user("ana")], vec![1, 3]),
        (vec![user("ANA"), group.clone()], vec![1, 3, 2]),
        (vec![group], vec![2]),
        (vec![user("an%"), user("")], vec![]),
        (vec![], vec![]),
    ] {
        let asked = principals.clone();
        let found = read(&store, move |view| Ok(view.role_assignments_of(tenant_id(1), &asked)?)).await;
        let ids: Vec<_> = found.iter().map(|row| row.id.0.as_u64_pair().1).collect();
        assert_eq!(ids, expected, "{principals:?}");
    }
}
