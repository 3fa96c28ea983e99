//! Entries to set aside, as columns: when a dependency is away there may be thousands.

use ensue::store::columns::SetAsideColumns;

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
    pub(super) fn of(entries: Vec<SetAsideColumns>) -> Self {
        let mut rows = Self::default();
        entries.into_iter().for_each(|entry| rows.push(entry));
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
