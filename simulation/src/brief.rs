//! Changes in few words.

use std::fmt;

use ensue::subscription::{Answer, Change, SetAsideState};

pub(crate) struct Brief<'c>(pub(crate) &'c [Change]);

impl fmt::Display for Brief<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (index, change) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{}", words(change))?;
        }
        f.write_str("]")
    }
}

fn words(change: &Change) -> String {
    match change {
        Change::Advance { to } => format!("advance to {to}"),
        Change::Receipt { position } => format!("receipt for {position}"),
        Change::Forget { up_to } => format!("forget receipts up to {up_to}"),
        Change::SetAside(entry) => {
            let (position, attempts) = (entry.position, entry.attempts);
            match entry.state {
                SetAsideState::Queued => format!("queue {position}"),
                state if entry.is_replay => {
                    format!("set {position} aside to replay: {}, attempts {attempts}", state.name())
                }
                state => format!("set {position} aside: {}, attempts {attempts}", state.name()),
            }
        }
        Change::Settle { position } => format!("settle {position}"),
        Change::Pause { .. } => "pause".to_owned(),
        Change::Resume => "resume".to_owned(),
        Change::Seek { to } => format!("seek {to}"),
        Change::Replayed { request, replayed } => {
            format!("replay {} has come to {}", request.get(), replayed.up_to)
        }
        Change::Answer { request, answer: Answer::Done { changed } } => {
            format!("answer {}: done, {changed} changes", request.get())
        }
        Change::Answer { request, answer: Answer::Refused { why } } => {
            format!("answer {}: refused, {why}", request.get())
        }
    }
}
