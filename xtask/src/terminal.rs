//! The one place that prints.

use std::fmt::Display;

/// Goes to stderr: stdout belongs to the programs that a verb runs.
#[expect(clippy::print_stderr, reason = "a command-line tool speaks to whoever ran it")]
pub(crate) fn say(line: &dyn Display) {
    eprintln!("{line}");
}
