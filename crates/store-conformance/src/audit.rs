//! The audit events and the links of their chains.

use chaveiro_core::audit::{Activity, AuditEvent};
use chaveiro_core::caller::Actor;
use chaveiro_core::ports::{ChainLink, StoredCheckpoint};

use crate::Backend;
use crate::sample::{at, filled, read, tenant_id, write};

fn event(of: u64) -> AuditEvent {
    AuditEvent::new(tenant_id(of), at(1), Actor::system(), Activity::TenantChanged).with("who", "\u{e9} \" \\")
}

pub(crate) async fn events_are_linked_in_order_and_never_twice(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    write(&store, |unit| (0..5).try_for_each(|_| Ok(unit.append_audit(&event(1))?))).await;
    let waiting = read(&store, |view| Ok(view.unchained_events(3)?)).await;
    assert_eq!(waiting.len(), 3);
    assert!(waiting.windows(2).all(|pair| pair[0].seq < pair[1].seq));
    let body = serde_json_of(&event(1));
    assert!(waiting.iter().all(|stored| stored.body == body && stored.tenant == tenant_id(1)));
    let links: Vec<_> = (1..).zip(&waiting).map(|(position, event)| link(event.seq, 1, position)).collect();
    let again = links[0].clone();
    write(&store, move |unit| Ok(unit.append_links(&links)?)).await;
    assert!(
        store.write(move |unit| Ok(unit.append_links(std::slice::from_ref(&again))?)).await.is_err(),
        "a link is made once"
    );
    read(&store, |view| {
        assert_eq!(view.unchained_events(10)?.len(), 2);
        assert_eq!(view.statistics()?.unchained_events, 2);
        assert_eq!(view.chain_head(tenant_id(1))?.map(|head| head.position), Some(3));
        let after: Vec<_> =
            view.chained_events(tenant_id(1), 1, 10)?.into_iter().map(|event| event.link.position).collect();
        assert_eq!(after, [2, 3]);
        assert_eq!(view.chained_events(tenant_id(1), 0, 1)?.len(), 1);
        Ok(())
    })
    .await;
}

/// Returns the exact text that is stored and hashed.
fn serde_json_of(event: &AuditEvent) -> String {
    serde_json::to_string(event).unwrap_or_default()
}

fn link(seq: i64, of: u64, position: u64) -> ChainLink {
    ChainLink { seq, tenant: tenant_id(of), position, hash: [position as u8; 32] }
}

pub(crate) async fn chains_of_tenants_do_not_mix(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    write(&store, |unit| {
        for of in [1, 2, 1, 2] {
            unit.append_audit(&event(of))?;
        }
        let events = unit.unchained_events(10)?;
        let links: Vec<_> = [(0, 1, 1), (1, 2, 1), (2, 1, 2), (3, 2, 2)]
            .into_iter()
            .map(|(index, of, position)| link(events[index].seq, of, position))
            .collect();
        unit.append_links(&links)?;
        unit.insert_checkpoint(&StoredCheckpoint { tenant: tenant_id(1), position: 2, body: "{}".to_owned() })?;
        Ok(())
    })
    .await;
    read(&store, |view| {
        for of in [1, 2] {
            let events = view.chained_events(tenant_id(of), 0, 10)?;
            assert_eq!(events.len(), 2);
            assert!(events.iter().all(|event| event.event.tenant == tenant_id(of)));
        }
        assert_eq!((view.checkpoints(tenant_id(1))?.len(), view.checkpoints(tenant_id(2))?.len()), (1, 0));
        assert!(view.chain_head(tenant_id(9))?.is_none());
        Ok(())
    })
    .await;
}
