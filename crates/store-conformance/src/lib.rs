//! What every store backend must do, as a suite of sentences. A backend mounts it with a [`Backend`] and one test
//! that runs [`cases`].
//!
//! Each case gets a fresh store. A case is an `async fn` that panics with what is wrong.

mod actions;
mod audit;
mod devices;
mod sample;
mod tenants;
mod transactions;
mod walk;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use chaveiro_core::ports::Store;

/// A backend under test.
pub trait Backend: Send + Sync {
    /// A new, empty store.
    fn fresh(&self) -> Arc<dyn Store>;

    /// Closes what [`Backend::fresh`] gave last, once nobody else holds it, and opens the same data again.
    fn reopen(&self, store: Arc<dyn Store>) -> Arc<dyn Store>;
}

/// A check while it runs; it panics with what is wrong.
pub type Check<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// One behaviour.
pub struct Case {
    /// A sentence.
    pub name: &'static str,
    /// Checks it.
    pub run: fn(&dyn Backend) -> Check<'_>,
}

macro_rules! cases {
    ($($module:ident :: $name:ident),* $(,)?) => {
        /// Every behaviour.
        pub fn cases() -> Vec<Case> {
            vec![$(Case { name: stringify!($name), run: |backend| Box::pin($module::$name(backend)) }),*]
        }
    };
}

cases![
    tenants::a_tenant_comes_back_as_it_was_written,
    tenants::an_application_belongs_to_its_tenant,
    tenants::the_same_key_twice_is_a_duplicate,
    devices::a_device_comes_back_as_it_was_written,
    devices::pages_hold_every_item_once_while_others_are_inserted,
    devices::an_unreadable_cursor_is_an_empty_page,
    devices::users_and_apps_are_found_from_both_ends,
    devices::deleting_takes_what_hangs_on_it,
    devices::a_device_has_one_open_enrolment,
    devices::a_token_serves_once,
    devices::a_session_ends_with_its_enrolment,
    devices::every_tenant_is_a_wall,
    actions::one_action_of_a_name_is_open_per_device,
    actions::a_recovery_runs_from_its_request_to_its_shredding,
    actions::deliveries_leave_in_order_and_are_matched_by_message,
    actions::expired_actions_end_and_late_values_become_history,
    actions::requests_are_remembered_per_caller_and_device,
    audit::events_are_linked_in_order_and_never_twice,
    audit::chains_of_tenants_do_not_mix,
    transactions::what_is_refused_leaves_nothing_behind,
    transactions::a_panic_is_undone_and_its_neighbours_survive,
    transactions::a_unit_of_work_sees_its_own_writes_and_a_reading_sees_one_moment,
    transactions::concurrent_units_of_work_all_happen_once,
    transactions::what_was_answered_is_there_after_reopening,
    walk::a_random_walk_keeps_every_invariant,
];
