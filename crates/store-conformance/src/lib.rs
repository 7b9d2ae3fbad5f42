//! The behaviour required of every store backend, as a suite of sentences. A backend mounts it with a [`Backend`] and
//! one test for each of the [`cases`].
//!
//! Each case gets a fresh store. A case is an `async fn` that panics with a description of the fault.

mod action_list;
mod actions;
mod audit;
mod audit_list;
mod changes;
mod check_in;
mod devices;
mod disks;
mod holds;
mod identity;
mod inventory;
mod keys;
mod linux;
mod queries;
mod random;
mod readings;
mod restores;
mod results;
mod retention;
mod revocations;
mod roles;
mod sample;
mod steady;
mod tenants;
mod transactions;
mod walk;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use chaveiro_core::ports::Store;

/// A backend under test.
pub trait Backend: Send + Sync {
    /// Returns a new, empty store.
    fn fresh(&self) -> Arc<dyn Store>;

    /// Closes the last store of [`Backend::fresh`], which must have no other owner, and opens the same data again.
    fn reopen(&self, store: Arc<dyn Store>) -> Arc<dyn Store>;

    /// Opens the data of the last [`Backend::fresh`] once more, as another process beside it would.
    fn another(&self) -> Arc<dyn Store>;
}

/// A running check; it panics with a description of the fault.
pub type Check<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// One behaviour.
pub struct Case {
    /// The name, which is a sentence.
    pub name: &'static str,
    /// Runs the check.
    pub run: fn(&dyn Backend) -> Check<'_>,
}

macro_rules! cases {
    ($($module:ident :: $name:ident),* $(,)?) => {
        /// Returns every behaviour.
        pub fn cases() -> Vec<Case> {
            vec![$(Case { name: stringify!($name), run: |backend| Box::pin($module::$name(backend)) }),*]
        }
    };
}

cases![
    restores::a_restore_marks_every_result_and_ends_what_could_have_been_ended_since,
    restores::a_directory_that_was_only_moved_loses_nothing,
    restores::a_device_confirms_the_results_that_still_open_its_locks,
    changes::each_change_of_a_device_is_recorded_with_what_it_was_and_what_it_is,
    changes::a_device_is_moved_only_between_scopes_that_the_party_holds,
    changes::a_change_of_a_user_is_recorded_by_the_names_of_its_properties,
    changes::a_user_who_is_renamed_disabled_or_removed_is_signed_out,
    changes::a_link_is_recorded_and_a_device_has_one_user,
    changes::a_new_tenant_is_recorded_with_the_keys_of_its_escrow,
    changes::an_enrolment_token_is_recorded_with_its_user_and_the_device_it_replaces,
    changes::an_operator_token_is_recorded_before_it_is_minted,
    changes::what_an_operator_says_of_rows_is_in_the_record_of_every_tenant,
    changes::a_row_that_does_not_verify_is_recorded_and_told_once,
    check_in::packages_are_asked_for_once_until_the_device_has_answered,
    check_in::a_device_is_asked_once_for_the_values_that_an_earlier_version_did_not_know,
    check_in::a_linux_machine_that_has_shown_its_certificate_must_show_it,
    check_in::what_a_device_says_is_kept_when_it_differs,
    identity::a_code_gives_tokens_once_and_its_end_is_recorded,
    identity::a_refresh_token_that_is_used_twice_ends_everything_recorded,
    identity::a_user_who_may_not_sign_in_gets_no_tokens,
    tenants::a_tenant_comes_back_as_it_was_written,
    tenants::the_same_key_twice_is_a_duplicate,
    identity::an_application_belongs_to_its_tenant,
    identity::a_sign_in_comes_back_as_it_was_written,
    identity::a_user_code_names_one_sign_in,
    identity::sign_ins_are_forgotten_an_hour_after_their_end,
    identity::codes_that_wait_are_bounded_per_tenant,
    devices::a_device_comes_back_as_it_was_written,
    devices::the_time_of_the_last_session_moves_on_and_never_back,
    devices::pages_hold_every_item_once_while_others_are_inserted,
    devices::only_visible_devices_are_listed,
    devices::users_and_apps_are_found_from_both_ends,
    devices::devices_and_resources_are_found_by_their_ids_at_once,
    devices::deleting_takes_what_hangs_on_it,
    devices::a_device_has_one_open_enrolment,
    devices::a_token_serves_once,
    devices::linux_machines_without_a_certificate_are_found_until_they_show_one,
    devices::a_session_ends_with_its_enrolment,
    devices::every_tenant_is_a_wall,
    actions::an_action_without_a_way_on_the_platform_is_refused_and_recorded,
    actions::one_action_of_a_name_is_open_per_device,
    actions::a_recovery_runs_from_its_request_to_its_shredding,
    actions::a_delivery_keeps_the_references_that_it_went_out_with,
    actions::deliveries_leave_in_order_and_are_matched_by_message,
    actions::expired_actions_end_and_a_late_value_stays_within_reach,
    actions::a_late_value_of_an_earlier_attempt_stays_within_reach,
    actions::a_value_of_an_action_that_is_canceled_stays_within_reach,
    actions::requests_are_remembered_per_caller_and_device,
    actions::an_id_is_the_same_request_for_ten_minutes_or_while_its_action_is_open,
    actions::what_was_asked_while_the_clock_was_ahead_repeats_nothing_afterwards,
    results::what_opens_a_lock_is_found_behind_a_thousand_failed_attempts,
    results::of_each_lock_the_newest_that_is_done_is_shown,
    results::an_older_disk_passcode_is_retired_however_many_attempts_came_since,
    results::the_secrets_of_several_actions_are_found_at_once,
    results::of_a_thousand_older_results_of_a_disk_those_are_retired_that_nothing_had_replaced,
    results::a_thousand_older_results_of_a_screen_end_as_their_retention_says,
    results::what_is_to_be_retired_is_of_that_device_and_kind_and_kept_beyond_that_time,
    results::the_result_that_nothing_has_replaced_is_found,
    results::a_disk_that_failed_waits_its_day_however_often_the_login_was_asked_for,
    linux::a_recovery_runs_from_its_request_to_the_end_of_the_old_secret,
    linux::what_was_lost_is_sent_again_alike_and_is_the_same_attempt,
    linux::an_unknown_candidate_is_made_again_a_few_times_and_then_the_action_ends,
    linux::a_candidate_that_cannot_be_kept_ends_the_action,
    linux::a_candidate_is_not_lost_to_keys_that_cannot_be_read,
    linux::what_is_not_proven_is_taken_back,
    linux::a_candidate_not_seen_promoted_is_settled_by_what_the_escrow_holds,
    linux::an_action_that_was_told_to_apply_does_not_expire,
    linux::the_candidate_that_was_applied_is_promoted_and_no_other,
    linux::what_follows_an_end_leaves_before_anything_else,
    linux::what_an_action_opens_comes_back_as_it_was_written,
    retention::a_candidate_is_never_shredded_while_its_action_is_open,
    retention::a_disk_passcode_stays_until_newer_ones_open_the_same_disks,
    retention::a_login_passcode_is_read_by_one_caller_and_shredded,
    retention::a_disk_passcode_may_be_read_by_several_callers,
    disks::a_disk_is_escrowed_unasked_exactly_when_it_should_be,
    disks::a_disk_is_escrowed_again_after_its_passcode_was_read,
    disks::what_failed_waits_a_day,
    disks::what_a_person_asks_for_is_not_swallowed_by_what_the_server_does_by_itself,
    inventory::packages_become_apps_and_only_changes_are_written,
    inventory::apps_that_callers_linked_stay,
    inventory::packages_have_bounds,
    inventory::an_account_becomes_a_user_of_its_device_once,
    queries::a_filter_finds_exactly_the_devices_it_is_true_of,
    queries::a_filter_finds_exactly_the_resources_it_is_true_of,
    queries::an_order_is_by_its_keys_and_then_by_age,
    queries::paging_visits_every_device_once_in_every_order_while_others_come_and_go,
    queries::filters_do_not_reach_around_scope_visibility_or_tenant,
    queries::what_is_about_a_device_is_as_visible_as_the_device,
    audit::events_are_linked_in_order_and_never_twice,
    audit::chains_of_tenants_do_not_mix,
    audit::an_event_that_is_committed_late_is_linked,
    audit_list::audit_events_are_found_by_what_graph_calls_them,
    audit_list::audit_events_are_seen_with_their_devices,
    audit_list::audit_events_are_found_by_who_did_it_and_by_their_id,
    audit_list::ids_and_cursors_tell_nothing_of_how_busy_other_tenants_are,
    action_list::remote_actions_are_found_by_what_graph_calls_them,
    action_list::remote_actions_are_seen_with_their_devices,
    devices::a_script_goes_with_the_states_of_its_users_and_theirs,
    roles::an_assignment_comes_back_as_it_was_written_to_its_tenant_alone,
    roles::assignments_are_found_by_the_principals_they_are_for,
    revocations::a_moment_is_kept_for_its_principal_in_its_tenant_alone,
    revocations::a_moment_only_ever_moves_on,
    revocations::a_token_that_carries_the_moment_of_its_application_ends_with_its_person,
    revocations::a_token_is_refused_by_its_person_or_its_application_and_by_nothing_else,
    holds::the_limit_is_exact_however_many_ask_at_once,
    holds::a_hold_survives_a_restart_and_ends_with_its_release,
    holds::a_release_can_keep_quiet_for_a_while,
    holds::the_percentage_is_of_managed_devices,
    holds::what_is_no_new_recovery_is_not_counted,
    holds::a_hold_leaves_everything_else_as_it_is,
    holds::two_nodes_on_one_store_count_as_one,
    holds::whatever_is_alarming_is_in_the_outbox_until_it_is_taken,
    holds::a_retry_without_an_id_is_its_callers_last_request,
    keys::a_key_is_known_by_its_newest_fingerprint_and_the_others_stay,
    keys::a_change_of_a_key_is_in_the_record_of_the_tenants_it_concerns,
    steady::an_open_action_comes_with_its_mark,
    steady::a_jump_of_the_clock_destroys_no_passcode_and_ends_no_action,
    steady::what_is_over_goes_after_a_grace_of_steady_running,
    steady::recoveries_of_a_clock_that_was_ahead_place_no_hold,
    readings::the_ceiling_is_exact_however_many_read_at_once,
    readings::what_a_party_has_opened_it_may_read_on_within_its_window,
    readings::half_of_a_limit_is_told_once_a_window,
    readings::a_hold_on_reading_survives_a_restart_and_ends_with_its_release,
    readings::holds_of_several_kinds_and_parties_stand_beside_each_other,
    readings::breaking_the_glass_passes_a_hold_on_reading,
    readings::people_are_told_of_the_first_passcode_that_an_application_reads,
    readings::the_share_of_the_devices_bounds_reading_beyond_its_floor,
    tenants::each_setting_is_changed_recorded_and_told_in_one_unit_of_work,
    tenants::changes_of_different_settings_at_once_all_stay,
    transactions::what_is_refused_leaves_nothing_behind,
    transactions::a_dry_run_decides_as_a_unit_of_work_does_and_writes_nothing,
    transactions::a_refusal_that_is_recorded_keeps_its_record_and_another_leaves_none,
    transactions::a_panic_is_undone_and_its_neighbours_survive,
    transactions::a_unit_of_work_sees_its_own_writes_and_a_reading_sees_one_moment,
    transactions::concurrent_units_of_work_all_happen_once,
    transactions::what_was_answered_is_there_after_reopening,
    transactions::a_unit_of_work_is_told_one_time_and_a_later_one_no_earlier_time,
    walk::a_random_walk_keeps_every_invariant,
];
