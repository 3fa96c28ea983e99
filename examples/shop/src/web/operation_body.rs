//! What an operator asks for as JSON.

use ensue::Position;
use ensue::subscription::Which;
use serde::Deserialize;

use super::problem::Problem;

/// Why, best with a name in it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReasonBody {
    pub(super) reason: String,
}

/// Which entry, and why: `{"key": "A-1001", "reason": "anna: new card"}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EntryBody {
    position: Option<u64>,
    key: Option<String>,
    pub(super) reason: String,
}

/// Which part of the log, and why: `{"first": 1, "last": 90, "reason": "anna: new warehouse"}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RangeBody {
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) reason: String,
}

impl EntryBody {
    pub(super) fn which(&self) -> Result<Which, Problem> {
        match (self.position, &self.key) {
            (Some(position), None) => Ok(Which::Entry(Position::new(position))),
            (None, Some(key)) => Ok(Which::Key(key.clone())),
            _ => Err(Problem::unclear("name the entry either by its `position` or by its `key`")),
        }
    }
}
