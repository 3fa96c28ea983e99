//! The suites that every store and every sink of [ensue](https://docs.rs/ensue) must pass.
//!
//! Each MUST of the contract in [`ensue::store`] is a test of that meaning. A store's crate gives
//! the suite a [`Backend`] and one line:
//!
//! ```text
//! ensue_conformance::suite!(SqliteFile);
//! ```
//!
//! One on a server gives it a [`Server`] and another:
//!
//! ```text
//! ensue_conformance::server_suite!(Postgres);
//! ```
//!
//! In the same way each MUST of [`ensue::Sink`] is a test, of a [`Destination`]:
//!
//! ```text
//! ensue_conformance::sink_suite!(Broker);
//! ```

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a suite of tests: what fails here is the answer"
)]

pub mod backend;
pub mod claims;
pub mod destination;
pub mod forwarding;
pub mod inbox;
pub mod log;
pub mod names;
pub mod requests;
pub mod retention;
pub mod retirement;
pub mod serving;
pub mod sinks;
pub mod subscriptions;
pub mod transactions;
pub mod unreadable;
pub mod values;

pub use backend::Backend;
pub use destination::{Destination, UNHEARD};
pub use serving::Server;

/// Makes every test of the suite for a [`Backend`].
#[macro_export]
macro_rules! suite {
    ($backend:ty) => {
        $crate::tests!($backend, log:
            the_head_of_an_empty_log_is_the_start,
            a_log_keeps_its_identity_for_whoever_opens_it,
            no_two_logs_have_one_identity,
            the_head_is_the_last_entry_that_can_be_read,
            positions_are_dense_also_after_rollbacks,
            an_entry_does_not_appear_before_its_commit,
            an_entry_that_was_rolled_back_never_appears,
            an_envelope_comes_back_unchanged,
            entries_of_one_transaction_stand_in_the_order_of_the_append,
            a_transaction_stands_after_those_whose_effects_it_could_see,
            once_read_a_position_shows_the_same_entry_for_ever,
            behind_a_barrier_stands_whatever_was_committed_before_it,
            a_page_is_bounded_in_rows_and_bytes,
            an_entry_larger_than_a_page_is_returned_all_the_same,
            pages_of_any_size_give_the_same_log,
            nothing_is_after_the_last_position_there_can_be,
            an_append_of_somebody_else_is_noticed,
            who_commits_finds_the_position_or_is_told_of_it,
        );
        $crate::tests!($backend, forwarding:
            what_is_raised_is_handled_once_each_on_one_lane_and_on_many,
            one_process_forwards_what_another_one_raises,
        );
        $crate::tests!($backend, transactions:
            an_effect_and_its_events_commit_together,
            an_effect_and_its_events_roll_back_together,
            a_dropped_transaction_leaves_nothing_and_holds_nobody_up,
            a_begin_that_is_dropped_half_way_leaves_nothing_open,
            an_append_of_nothing_appends_nothing,
            a_savepoint_that_is_rolled_back_undoes_what_was_done_since,
            a_savepoint_that_is_released_keeps_what_was_done_since,
            transactions_at_once_all_succeed,
            what_was_committed_is_there_for_whoever_opens_the_database_next,
        );
        $crate::tests!($backend, subscriptions:
            a_subscription_starts_after_the_last_entry,
            a_subscription_can_start_with_the_first_entry,
            registering_again_leaves_the_cursor_where_it_is,
            who_never_registered_has_no_status,
            of_many_who_ask_one_becomes_the_owner,
            a_take_over_begins_a_higher_epoch_also_for_the_same_owner,
            a_lease_that_ran_out_can_be_taken_over,
            a_renewed_lease_runs_on,
            an_epoch_that_is_over_cannot_be_renewed,
            a_released_lease_is_free_at_once,
            releasing_an_epoch_that_is_over_changes_nothing,
            progress_is_recorded_with_the_effect_or_not_at_all,
            an_owner_that_was_robbed_is_fenced,
            a_take_over_does_not_come_between_fence_and_commit,
            a_cursor_is_never_moved_back,
            a_change_that_finds_nothing_to_change_is_an_error,
            what_is_set_aside_comes_back_whole_at_a_take_over,
            receipts_come_back_at_a_take_over,
            receipts_are_forgotten_up_to_a_position_and_no_further,
            a_receipt_of_a_fenced_owner_is_not_written,
            a_second_receipt_for_an_entry_is_an_error,
            whatever_a_fenced_owner_records_changes_nothing,
            what_is_recorded_of_a_subscription_is_of_no_other,
            the_clock_is_the_one_that_entries_are_recorded_by,
            a_first_owner_is_handed_the_subscription,
            a_released_lease_was_handed_over,
            an_owner_that_starts_over_is_handed_its_own_lease,
            a_lease_that_ran_out_was_not_handed_over,
            a_lease_that_was_taken_from_a_stopped_owner_was_not_handed_over,
            an_owner_is_told_every_event_type_that_was_ever_registered,
            a_new_event_type_ends_the_epoch_of_an_owner_that_was_not_told_of_it,
            event_types_that_are_known_change_nothing,
        );
        $crate::tests!($backend, claims:
            an_owner_has_a_claim_for_as_long_as_its_lease_runs,
            who_is_refused_stands_by_until_its_time_is_over,
            who_becomes_the_owner_stands_by_no_more,
            claims_are_of_all_subscriptions,
        );
        $crate::tests!($backend, requests:
            requests_are_pending_in_the_order_of_their_numbers_until_they_are_answered,
            requests_that_are_made_at_once_all_have_numbers_of_their_own,
            every_command_comes_back_unchanged,
            an_answered_request_stays_as_the_record_of_it,
            a_request_is_answered_once,
            a_request_that_nobody_made_cannot_be_answered,
            a_request_of_another_subscription_cannot_be_answered,
            an_answer_is_recorded_with_what_was_done_or_not_at_all,
            an_owner_that_was_robbed_answers_nothing,
            a_pause_is_told_to_who_asks_and_to_the_next_owner,
            a_resume_ends_a_pause,
            a_seek_moves_the_cursor_back_and_forth,
            a_seek_drops_receipts_and_what_is_set_aside_after_it,
            a_replay_is_told_how_far_it_has_come_until_it_is_answered,
            what_is_handled_once_more_comes_back_as_that,
        );
        $crate::tests!($backend, names:
            names_that_differ_in_a_byte_are_different_subscriptions,
            names_that_differ_in_a_byte_are_different_consumers,
            names_that_differ_in_a_byte_are_different_event_types,
            keys_that_differ_in_a_byte_stay_different,
            a_failure_in_any_words_is_recorded,
            a_name_that_breaks_its_rule_is_refused_with_words,
            an_event_whose_names_break_a_rule_is_not_stored,
        );
        $crate::tests!($backend, values:
            whatever_is_raised_is_handled_as_it_was,
            what_has_no_form_in_json_is_refused_where_it_is_raised,
        );
        $crate::tests!($backend, retirement:
            a_retired_subscription_keeps_nothing_from_being_pruned_and_its_record_stays,
            a_retired_subscription_is_registered_and_run_only_once_it_is_revived,
            a_subscription_that_is_run_is_not_retired,
        );
        $crate::tests!($backend, retention:
            who_reads_what_was_pruned_is_told_the_oldest_position_that_is_left,
            after_everything_was_pruned_positions_go_on,
            what_a_subscription_has_not_handled_is_kept,
            what_is_to_be_replayed_is_kept,
            what_is_unhandled_can_be_dropped_by_a_word_that_says_it,
            from_the_beginning_is_from_the_oldest_entry_that_is_left,
            any_number_of_entries_can_be_pruned,
            all_subscriptions_are_known_by_name,
        );
        $crate::tests!($backend, unreadable:
            an_entry_that_cannot_be_read_stands_in_its_place_among_the_others,
            an_entry_that_cannot_be_read_is_set_aside_and_holds_up_its_key_alone,
            entries_that_cannot_be_read_hold_up_no_lane,
            an_entry_that_cannot_be_read_is_found_by_verification,
            whatever_is_wrong_in_a_row_of_the_log_the_others_are_read,
            whatever_is_wrong_in_a_row_that_is_set_aside_the_others_are_read,
            whatever_is_wrong_in_a_request_the_others_are_read,
            whatever_is_wrong_in_a_name_the_others_are_read,
            whatever_is_wrong_in_a_dead_letter_the_others_are_read,
        );
        $crate::tests!($backend, inbox:
            an_event_is_new_to_each_consumer_once,
            any_number_of_events_can_be_noted_at_once,
            a_receipt_is_committed_with_the_effect_or_not_at_all,
            of_many_who_note_an_event_at_once_it_is_new_to_one,
            attempts_at_a_suspect_are_counted_before_each,
            no_two_attempts_at_a_suspect_have_one_number,
            a_dead_letter_comes_back_whole,
            dead_letters_are_read_in_the_order_of_their_ids,
            a_dead_letter_is_buried_and_taken_out_with_the_effect_or_not_at_all,
            of_many_who_take_a_dead_letter_out_one_gets_it,
            a_dead_letter_that_is_buried_again_takes_the_place_of_the_first,
            a_dropped_dead_letter_is_gone_and_its_receipt_stays,
            a_dead_letter_is_held_by_one_until_that_ends,
            of_many_who_hold_a_dead_letter_at_once_one_does,
            a_dead_letter_that_the_database_refuses_is_kept_with_a_part_of_its_body,
            old_receipts_are_forgotten_but_not_those_of_dead_letters,
            the_receipt_of_a_dead_letter_is_as_old_as_what_became_of_it,
            any_number_of_receipts_can_be_forgotten,
        );
    };
}

/// Makes every test of the suite for a [`Destination`].
#[macro_export]
macro_rules! sink_suite {
    ($destination:ty) => {
        $crate::tests!($destination as $crate::Destination, sinks:
            what_is_delivered_has_arrived,
            entries_arrive_in_the_order_in_which_they_are_sent,
            an_envelope_arrives_unchanged,
            what_nobody_listens_to_is_not_delivered,
            calls_at_once_keep_their_answers_apart,
            while_nobody_is_there_it_fails_and_sends_nothing,
            a_call_that_is_dropped_spoils_no_other,
            nothing_to_send_is_nothing_to_answer_for,
        );
    };
}

/// Makes every test of the suite for a [`Server`], beside those for any [`Backend`].
#[macro_export]
macro_rules! server_suite {
    ($server:ty) => {
        $crate::tests!($server as $crate::Backend, serving:
            a_forwarder_whose_sessions_are_all_ended_handles_nothing_twice,
            a_durable_handler_whose_transaction_is_over_has_no_progress,
            who_ends_a_term_is_not_kept_waiting_by_the_lanes_of_its_owner,
        );
    };
}

/// One module of tests; the suites call it.
#[doc(hidden)]
#[macro_export]
macro_rules! tests {
    ($backend:ty, $module:ident: $($test:ident,)*) => {
        $crate::tests!($backend as $crate::Backend, $module: $($test,)*);
    };
    ($place:ty as $kind:path, $module:ident: $($test:ident,)*) => {
        mod $module {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    let place = <$place as $kind>::fresh().await;
                    $crate::$module::$test(&place).await;
                }
            )*
        }
    };
}
