//! All entries that there will be.

use ensue::Position;
use ensue::simulation::Seen;
use fastrand::Rng;

use crate::process::Program;

/// LIMIT: entries of one world.
const ENTRIES_MAX: u64 = 60;

/// An entry of the log.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) position: Position,
    pub(crate) key: Option<String>,
    /// Whether the newer program has a handler for it.
    pub(crate) wanted: bool,
    /// Whether that handles it together with others.
    pub(crate) in_batch: bool,
    /// Whether only the newer program knows its type.
    pub(crate) is_new: bool,
}

impl Entry {
    /// What a program makes of it that was told of the new type, or was not.
    pub(crate) fn seen_by(&self, program: Program, was_told: bool) -> Seen {
        let is_known = program.knows(self);
        Seen {
            position: self.position,
            key: self.key.clone(),
            wanted: self.wanted && (is_known || was_told),
            in_batch: self.in_batch && is_known,
        }
    }
}

/// Returns a story, with events of a new type if the program is upgraded, and of one key if it is hard.
pub(crate) fn story(is_upgraded: bool, is_hard: bool, rng: &mut Rng) -> Vec<Entry> {
    let keys = if is_hard { 1 } else { rng.u8(1..6) };
    let keyless_one_in = if is_hard { 8 } else { 2 };
    let alone_one_in = if is_hard { 30 } else { *rng.choice(&[2, 5, 30]).unwrap_or(&5) };
    let most = if is_hard { ENTRIES_MAX / 4 } else { ENTRIES_MAX };
    (1..=rng.u64(1..most))
        .map(|position| Entry {
            position: Position::new(position),
            key: (rng.u8(0..keyless_one_in) > 0).then(|| rng.u8(0..keys).to_string()),
            wanted: rng.u8(0..4) > 0,
            in_batch: rng.u8(0..alone_one_in) > 0,
            is_new: is_upgraded && rng.u8(0..3) == 0,
        })
        .collect()
}
