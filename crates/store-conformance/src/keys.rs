//! Keys that the store knows by their fingerprints.

use chaveiro_core::caller::{Actor, HostUser};
use chaveiro_core::decisions::keys::{Change, Hand, record, retire, set_away};
use chaveiro_core::keys::{Fingerprint, KeyName};

use crate::Backend;
use crate::sample::{at, filled, read, tenant_id, write};

fn hand(second: u64) -> Hand {
    Hand { actor: Actor::operator(&HostUser::new("root", 0)), now: at(second) }
}

pub(crate) async fn a_key_is_known_by_its_newest_fingerprint_and_the_others_stay(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    let (old, new) = (Fingerprint([1; 32]), Fingerprint([2; 32]));
    let name = KeyName::EscrowPrivate(tenant_id(1));
    let key = name.clone();
    write(&store, move |unit| {
        record(unit, &hand(1), &key, old, Change::Made)?;
        record(unit, &hand(2), &key, old, Change::Made)?;
        let known = unit.known_key(&key)?.unwrap_or_else(|| panic!("it is known"));
        assert_eq!((known.since, known.away), (at(1), false), "a key that is known is not recorded again");
        set_away(unit, &hand(3), &known, true)?;
        record(unit, &hand(4), &key, new, Change::Accepted("the old one was lost"))?;
        record(unit, &hand(4), &KeyName::Audit, old, Change::Made)?;
        retire(unit, &hand(5), &KeyName::Audit, Change::Retired)?;
        Ok(retire(unit, &hand(6), &KeyName::Audit, Change::Retired)?)
    })
    .await;
    let store = backend.reopen(store);
    let (keys, now, audit, current) = read(&store, move |view| {
        let current = view.current_keys(&[KeyName::Audit, name.clone(), KeyName::Authority])?;
        Ok((view.known_keys()?, view.known_key(&name)?, view.known_key(&KeyName::Audit)?, current))
    })
    .await;
    let told: Vec<_> = keys.iter().map(|key| (key.fingerprint, key.until)).collect();
    assert_eq!(told, [(old, Some(at(4))), (new, None), (old, Some(at(5)))]);
    assert_eq!(
        now.as_ref().map(|known| (known.fingerprint, known.away)),
        Some((new, true)),
        "it stays where it is kept"
    );
    assert_eq!(current, Vec::from_iter(now), "of several names, those that are known now");
    assert_eq!(audit, None);
}

pub(crate) async fn a_change_of_a_key_is_in_the_record_of_the_tenants_it_concerns(backend: &dyn Backend) {
    let store = filled(backend.fresh()).await;
    let print = Fingerprint([3; 32]);
    write(&store, move |unit| {
        record(unit, &hand(1), &KeyName::Audit, print, Change::Adopted)?;
        Ok(record(unit, &hand(2), &KeyName::EscrowRecipients(tenant_id(2)), print, Change::RecipientAdded)?)
    })
    .await;
    let events = read(&store, |view| Ok(view.unchained_events(10)?)).await;
    let told: Vec<_> = events.iter().map(|event| event.body.contains("recipientAdded")).collect();
    assert_eq!(told, [false, false, true]);
    assert!(events.iter().all(|event| event.body.contains("keyChanged")), "{events:?}");
}
