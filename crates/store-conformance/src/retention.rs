//! The retention of sealed passcodes, and their readers.

use std::sync::Arc;

use chaveiro_core::action::Outcome;
use chaveiro_core::decisions::disclose_passcode::{Ask, disclose, shred};
use chaveiro_core::engine::{Received, close, lost};
use chaveiro_core::escrow::UNTIL_REPLACED;
use chaveiro_core::id::RequestId;
use chaveiro_core::ports::Store;
use chaveiro_core::refusal::Withheld;
use chaveiro_core::steady::Ripeness;

use crate::Backend;
use crate::linux::{DAY, action_id, answer, held, opens, recover, send, settle_finish, take};
use crate::sample::{ask, at, caller, outcome, tenant_id, uuid, with_linux, write};

async fn shredded(store: &Arc<dyn Store>, second: u64) -> usize {
    write(store, move |unit| shred(unit, &Ripeness::at_once(at(second)), 100)).await
}

/// Reads the passcode of an action as that person.
async fn read_as(store: &Arc<dyn Store>, who: &'static str, number: u64, second: u64) -> Result<Vec<u8>, Withheld> {
    let (action, _) = held(store, number).await;
    let shown = write(store, move |unit| {
        disclose(unit, &Ask::new(&caller(1, who), &action, RequestId(uuid(6, second))), at(second))
    });
    outcome(shown.await).map(|disclosure| disclosure.envelope)
}

/// Runs one recovery from request to end, at that second.
async fn recovered(store: &Arc<dyn Store>, number: u64, second: u64, login: bool, disks: &'static [&str]) {
    write(store, move |unit| {
        _ = ask(unit, 1, 14, number, None)?;
        recover(unit, 14, second, &opens(login, disks))?;
        settle_finish(unit, 14, second + 2).map(drop)
    })
    .await;
}

pub(crate) async fn a_candidate_is_never_shredded_while_its_action_is_open(backend: &dyn Backend) {
    let store = with_linux(backend.fresh()).await;
    write(&store, |unit| {
        _ = ask(unit, 1, 14, 1, None)?;
        let first = send(unit, 14, 2)?;
        lost(unit, first.clone(), at(3))?;
        // The answer comes late, and its repeat in time.
        let again = send(unit, 14, 4)?;
        let late = answer(&first, 200, Some("sealed:a"), Vec::new());
        assert_eq!(take(unit, &first, late, 5)?, Received::Late);
        let repeated = answer(&again, 200, Some("sealed:a"), Vec::new());
        assert_eq!(take(unit, &again, repeated, 6)?, Received::Waiting);
        send(unit, 14, 7).map(drop)
    })
    .await;
    assert_eq!(shredded(&store, 1000 * DAY).await, 0);
    assert_eq!(held(&store, 1).await.1.len(), 1, "a repeat is kept once");
    write(&store, |unit| {
        let action = unit.action(tenant_id(1), action_id(1))?.unwrap_or_else(|| panic!("no action"));
        Ok(close(unit, action, Outcome::CanceledByCaller, at(1000 * DAY))?)
    })
    .await;
    assert_eq!(shredded(&store, 1006 * DAY).await, 0);
    assert_eq!(shredded(&store, 1008 * DAY).await, 1, "the retention of what is unread began with the end");
}

pub(crate) async fn a_disk_passcode_stays_until_newer_ones_open_the_same_disks(backend: &dyn Backend) {
    let store = with_linux(backend.fresh()).await;
    recovered(&store, 1, 10, true, &["/dev/sda3", "/dev/sdb1"]).await;
    recovered(&store, 2, 20, true, &[]).await;
    recovered(&store, 3, 30, false, &["/dev/sda3"]).await;
    // Only the login passcode expires; one disk of the first result has no newer one.
    assert_eq!(shredded(&store, 100 * DAY).await, 1);
    for (number, stays) in [(1, true), (2, false), (3, true)] {
        let (_, secrets) = held(&store, number).await;
        assert_eq!((secrets[0].expires == UNTIL_REPLACED, secrets[0].envelope.is_some()), (stays, stays), "{number}");
    }
    // Together the newer ones open the same locks as the first: it is shredded once the unread retention is over.
    recovered(&store, 4, 101 * DAY, false, &["/dev/sdb1"]).await;
    assert_eq!(shredded(&store, 107 * DAY).await, 0);
    assert_eq!(shredded(&store, 109 * DAY).await, 1);
    for (number, kept) in [(1, false), (3, true), (4, true)] {
        assert_eq!(held(&store, number).await.1[0].envelope.is_some(), kept, "{number}");
    }
    // A disk of the same name in another device is another disk.
    write(&store, |unit| {
        _ = ask(unit, 1, 15, 5, None)?;
        recover(unit, 15, 110 * DAY, &opens(false, &["/dev/sda3", "/dev/sdb1"]))
    })
    .await;
    assert_eq!(shredded(&store, 500 * DAY).await, 0);
}

pub(crate) async fn a_login_passcode_is_read_by_one_caller_and_shredded(backend: &dyn Backend) {
    let store = with_linux(backend.fresh()).await;
    recovered(&store, 1, 10, true, &[]).await;
    assert_eq!(read_as(&store, "ana", 1, 20).await.as_deref(), Ok(&b"sealed:10"[..]));
    assert_eq!(read_as(&store, "bob", 1, 21).await, Err(Withheld::OtherCaller));
    assert_eq!(read_as(&store, "ana", 1, 79).await.as_deref(), Ok(&b"sealed:10"[..]));
    assert_eq!(read_as(&store, "ana", 1, 80).await, Err(Withheld::WindowOver));
    assert_eq!(shredded(&store, 81).await, 1);
}

pub(crate) async fn a_disk_passcode_may_be_read_by_several_callers(backend: &dyn Backend) {
    let store = with_linux(backend.fresh()).await;
    recovered(&store, 1, 10, true, &["/dev/sda3"]).await;
    for (who, second) in [("ana", 20), ("bob", 21), ("ana", 300 * DAY)] {
        assert_eq!(read_as(&store, who, 1, second).await.as_deref(), Ok(&b"sealed:10"[..]), "{who}");
    }
    assert_eq!(held(&store, 1).await.1[0].disclosed, Some((at(20), caller(1, "ana").actor.key())), "the first reader");
    assert_eq!(shredded(&store, 301 * DAY).await, 0);
    // Once it is replaced, it is like any other passcode that was read.
    recovered(&store, 2, 302 * DAY, false, &["/dev/sda3"]).await;
    assert_eq!(read_as(&store, "bob", 1, 303 * DAY).await, Err(Withheld::OtherCaller));
    assert_eq!(shredded(&store, 310 * DAY).await, 1);
}
