use std::path::PathBuf;

use torture::Trial;

/// Of so many events.
pub(crate) fn trial(store: &str, events: u64) -> Trial {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_torture"));
    Trial { program, store: store.to_owned(), seed: 5, events, limit: None, pace: Some(10_000) }
}
