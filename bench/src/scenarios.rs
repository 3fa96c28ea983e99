//! The questions, each in a file of its name.

mod an_idle_process;
mod append_at_many_rows;
mod append_in_the_users_transaction;
mod append_in_the_users_transaction_on_mysql;
mod append_in_the_users_transaction_on_postgres;
mod catch_up_read;
mod catch_up_read_on_postgres;
mod commit_to_handler;
mod commit_to_handler_on_mysql;
mod commit_to_handler_on_postgres;
mod drain_a_backlog_of_100000_on_postgres;
mod drain_a_backlog_of_100000_to_a_transactional_handler;
mod drain_to_a_transactional_handler;
mod forward_to_rabbitmq;
mod healthy_keys_beside_failing_ones;
mod lanes_at_slow_commits;
mod lanes_beside_one;
mod listen_to_rabbitmq;
mod raise_and_dispatch;
mod resume_after_the_brokers_return;
mod send_to_rabbitmq;
mod sequencer_drain;
mod sequencer_drain_on_mysql;
mod unit_of_work_with_one_event_on_sqlite;
mod what_events_leave_behind;

use crate::scenario::Scenario;

pub(crate) const ALL: [Scenario; 25] = [
    raise_and_dispatch::SCENARIO,
    unit_of_work_with_one_event_on_sqlite::SCENARIO,
    append_in_the_users_transaction::SCENARIO,
    catch_up_read::SCENARIO,
    drain_to_a_transactional_handler::SCENARIO,
    drain_a_backlog_of_100000_to_a_transactional_handler::SCENARIO,
    commit_to_handler::SCENARIO,
    healthy_keys_beside_failing_ones::SCENARIO,
    lanes_beside_one::SCENARIO,
    append_in_the_users_transaction_on_postgres::SCENARIO,
    append_in_the_users_transaction_on_mysql::SCENARIO,
    append_at_many_rows::SCENARIO,
    catch_up_read_on_postgres::SCENARIO,
    sequencer_drain::SCENARIO,
    sequencer_drain_on_mysql::SCENARIO,
    drain_a_backlog_of_100000_on_postgres::SCENARIO,
    lanes_at_slow_commits::SCENARIO,
    commit_to_handler_on_postgres::SCENARIO,
    commit_to_handler_on_mysql::SCENARIO,
    what_events_leave_behind::SCENARIO,
    an_idle_process::SCENARIO,
    send_to_rabbitmq::SCENARIO,
    forward_to_rabbitmq::SCENARIO,
    listen_to_rabbitmq::SCENARIO,
    resume_after_the_brokers_return::SCENARIO,
];
