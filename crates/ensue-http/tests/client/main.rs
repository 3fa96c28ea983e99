//! The feed's consumer: against the real feed on a real socket, and against servers that misbehave.

// By this clippy knows that helpers are tests too, and lets them unwrap.
#![cfg(test)]

mod answer;
mod cancelled;
mod failing_handler;
mod file_cursor;
mod following;
mod other_log;
mod patience;
mod scripted;
mod seen;
mod shop;
mod unusable;
