//! The one place that prints.

use std::fmt::Display;

/// Prints a line.
#[expect(clippy::print_stdout, reason = "the figures are what the program is for")]
pub fn say(line: &dyn Display) {
    println!("{line}");
}
