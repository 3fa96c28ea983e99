//! What comes next under a hot key, as a decision.

use disintegrate::{Decision, StateMutate, StateQuery};
use ensue::BoxError;
use serde::{Deserialize, Serialize};
use torture::{Attempt, Key, Mark};

use super::{KeyEvent, Marks, marks};

/// How many transactions a key has had.
#[derive(Debug, Clone, Default, StateQuery, Serialize, Deserialize)]
#[state_query(KeyEvent)]
pub(super) struct KeyState {
    #[id]
    domain_key: i64,
    number: u32,
}

impl StateMutate for KeyState {
    fn mutate(&mut self, event: Self::Event) {
        let KeyEvent::Marked { mark, .. } = event;
        let number = mark.parse::<Mark>().map_or(0, |mark| mark.place().0);
        self.number = self.number.max(number);
    }
}

/// To append under a key, after whatever is there.
pub(super) struct Append {
    key: Key,
    attempt: Attempt,
}

impl Append {
    pub(super) fn new(key: Key, attempt: Attempt) -> Self {
        Self { key, attempt }
    }
}

impl Decision for Append {
    type Event = Marks;
    type StateQuery = KeyState;
    type Error = BoxError;

    fn state_query(&self) -> KeyState {
        KeyState { domain_key: i64::from(self.key.get()), number: 0 }
    }

    /// It is the last thing to happen before the append, which is its own transaction.
    fn process(&self, state: &KeyState) -> Result<Vec<Marks>, BoxError> {
        let first = self.attempt.first(self.key, state.number + 1);
        self.attempt.committing(first)?;
        Ok(marks(first, self.attempt.plan.events))
    }
}
