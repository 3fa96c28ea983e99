//! What happened, in words, if somebody wants to read it.

use std::time::Duration;

pub(crate) enum Trace {
    Silent,
    Kept(Vec<String>),
}

impl Trace {
    pub(crate) fn note(&mut self, now: Duration, words: impl FnOnce() -> String) {
        if let Self::Kept(lines) = self {
            let (seconds, micros) = (now.as_secs(), now.subsec_micros());
            lines.push(format!("{seconds:>5}.{micros:06}  {}", words()));
        }
    }

    pub(crate) fn into_lines(self) -> Vec<String> {
        match self {
            Self::Silent => Vec::new(),
            Self::Kept(lines) => lines,
        }
    }
}
