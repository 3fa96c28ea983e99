//! Entries to set aside, as columns: when a dependency is away there may be thousands.

use std::collections::BTreeMap;

use ensue::Timestamp;
use ensue::subscription::{Change, SetAside};

use crate::subscriptions::{Statement, position_number};

#[derive(Default)]
pub(super) struct SetAsideRows<'r> {
    positions: Vec<i64>,
    keys: Vec<Option<&'r str>>,
    states: Vec<&'static str>,
    attempts: Vec<i64>,
    next_attempts_at_us: Vec<Option<i64>>,
    classes: Vec<Option<&'static str>>,
    messages: Vec<Option<String>>,
    are_replays: Vec<bool>,
}

impl<'r> SetAsideRows<'r> {
    /// Of an entry that is there more than once the last state counts, as one statement cannot write
    /// a row twice.
    pub(super) fn of(changes: &'r [Change]) -> Self {
        let entry = |change: &'r Change| match change {
            Change::SetAside(entry) => Some((entry.position, entry)),
            _ => None,
        };
        let mut rows = Self::default();
        let last: BTreeMap<_, _> = changes.iter().filter_map(entry).collect();
        last.into_values().for_each(|entry| rows.push(entry));
        rows
    }

    fn push(&mut self, entry: &'r SetAside) {
        let failure = entry.failure.as_ref();
        self.positions.push(position_number(entry.position));
        self.keys.push(entry.key.as_deref());
        self.states.push(entry.state.name());
        self.attempts.push(entry.attempts.into());
        self.next_attempts_at_us.push(entry.state.next_attempt_at().map(Timestamp::as_micros));
        self.classes.push(failure.map(|failure| failure.class.name()));
        self.messages.push(failure.map(|failure| without_zeros(&failure.message)));
        self.are_replays.push(entry.is_replay);
    }

    /// After the subscription.
    pub(super) fn bind_to<'q>(self, statement: Statement<'q>) -> Statement<'q>
    where
        'r: 'q,
    {
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
