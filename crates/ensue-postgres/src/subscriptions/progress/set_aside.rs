//! Entries to set aside, as columns: when a dependency is away there may be thousands.

use std::collections::BTreeMap;

use ensue::Position;
use ensue::store::columns::SetAsideColumns;
use ensue::subscription::{Change, SetAside};

use crate::subscriptions::Statement;

#[derive(Default)]
pub(super) struct SetAsideRows {
    positions: Vec<i64>,
    keys: Vec<Option<String>>,
    states: Vec<String>,
    attempts: Vec<i64>,
    next_attempts_at_us: Vec<Option<i64>>,
    classes: Vec<Option<String>>,
    messages: Vec<Option<String>>,
    are_replays: Vec<bool>,
}

impl SetAsideRows {
    /// Of an entry that is there more than once the last state counts, as one statement cannot write
    /// a row twice.
    pub(super) fn of(changes: &[Change]) -> Self {
        fn entry(change: &Change) -> Option<(Position, &SetAside)> {
            match change {
                Change::SetAside(entry) => Some((entry.position, entry)),
                _ => None,
            }
        }
        let mut rows = Self::default();
        let last: BTreeMap<_, _> = changes.iter().filter_map(entry).collect();
        last.into_values().for_each(|entry| rows.push(entry.into()));
        rows
    }

    fn push(&mut self, columns: SetAsideColumns) {
        self.positions.push(columns.position);
        self.keys.push(columns.key);
        self.states.push(columns.state);
        self.attempts.push(columns.attempts);
        self.next_attempts_at_us.push(columns.next_attempt_at_us);
        self.classes.push(columns.failure_class);
        self.messages.push(columns.failure_message.as_deref().map(without_zeros));
        self.are_replays.push(columns.is_replay);
    }

    /// After the subscription.
    pub(super) fn bind_to(self, statement: Statement<'_>) -> Statement<'_> {
        statement
            .bind(self.positions)
            .bind(self.keys)
            .bind(self.states)
            .bind(self.attempts)
            .bind(self.next_attempts_at_us)
            .bind(self.classes)
            .bind(self.messages)
            .bind(self.are_replays)
    }
}

/// PostgreSQL's text cannot hold a zero, and what went wrong must be recorded all the same.
fn without_zeros(message: &str) -> String {
    message.replace('\0', "\u{fffd}")
}
