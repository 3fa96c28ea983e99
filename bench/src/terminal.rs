//! The one place that prints.

use std::fmt::Display;

#[expect(clippy::print_stdout, reason = "the figures are what the program is for")]
pub(crate) fn say(line: &dyn Display) {
    println!("{line}");
}
