//! The one place that prints.

use std::fmt::Display;

/// Prints a line.
#[expect(clippy::print_stdout, reason = "what was found is what the program is for")]
pub fn say(line: &dyn Display) {
    println!("{line}");
}
