//! The shop as its users run it: as processes, over HTTP, and killed.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "all of it is tests")]
#![expect(clippy::print_stdout, reason = "a failed test shows its seed")]

mod adding_a_reaction;
mod bookkeeper;
mod coupled;
mod customer;
mod forwarder;
mod mail;
mod operating;
mod patience;
mod premises;
mod program;
mod rush;
mod several_processes;
mod stories;
