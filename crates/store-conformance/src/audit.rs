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

pub(crate) async fn an_event_that_is_committed_late_is_linked(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    write(&store, |unit| (0..3).try_for_each(|_| Ok(unit.append_audit(&event(1))?))).await;
    // The linker does not see the second event yet: its unit of work ends after that of the third.
    let seqs = write(&store, |unit| {
        let seqs: Vec<i64> = unit.unchained_events(10)?.iter().map(|event| event.seq).collect();
        unit.append_links(&[link(seqs[0], 1, 1), link(seqs[2], 1, 2)])?;
        Ok(seqs)
    })
    .await;
    let waits = seqs.clone();
    read(&store, move |view| {
        let waiting: Vec<i64> = view.unchained_events(10)?.iter().map(|event| event.seq).collect();
        assert_eq!(waiting, [waits[1]]);
        assert_eq!(view.statistics()?.unchained_events, 1);
        let of_all = view.links_of(&waits)?;
        assert_eq!((of_all.links.len(), of_all.waiting), (2, waiting));
        let strays = view.stray_events(0, 10)?;
        assert_eq!((strays.events.len(), strays.looked_at, strays.through), (0, 3, waits[2]));
        Ok(())
    })
    .await;
    let late = seqs[1];
    write(&store, move |unit| Ok(unit.append_links(&[link(late, 1, 3)])?)).await;
    read(&store, move |view| {
        assert_eq!((view.unchained_events(10)?.len(), view.statistics()?.unchained_events), (0, 0));
        let order: Vec<i64> =
            view.chained_events(tenant_id(1), 0, 10)?.into_iter().map(|chained| chained.event.seq).collect();
        assert_eq!(order, [seqs[0], seqs[2], seqs[1]], "the order of the chain is that of linking");
        let heads: Vec<u64> = view.chain_heads()?.into_iter().map(|head| head.position).collect();
        assert_eq!(heads, [3]);
        Ok(())
    })
    .await;
}
