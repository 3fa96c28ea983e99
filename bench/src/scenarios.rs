//! The questions, each in a file of its name.

mod append_in_the_users_transaction;
mod catch_up_read;
mod commit_to_handler;
mod drain_a_backlog_of_100000_to_a_transactional_handler;
mod drain_to_a_transactional_handler;
mod healthy_keys_beside_failing_ones;
mod lanes_beside_one;
mod raise_and_dispatch;
mod unit_of_work_with_one_event_on_sqlite;

use crate::scenario::Scenario;

pub(crate) const ALL: [Scenario; 9] = [
    raise_and_dispatch::SCENARIO,
    unit_of_work_with_one_event_on_sqlite::SCENARIO,
    append_in_the_users_transaction::SCENARIO,
    catch_up_read::SCENARIO,
    drain_to_a_transactional_handler::SCENARIO,
    drain_a_backlog_of_100000_to_a_transactional_handler::SCENARIO,
    commit_to_handler::SCENARIO,
    healthy_keys_beside_failing_ones::SCENARIO,
    lanes_beside_one::SCENARIO,
];
