//! What the judge has found.

use std::fmt;
use std::time::Duration;

/// LIMIT: findings of a kind that are told one by one; the first ones say what is wrong.
const EXAMPLES_MAX: usize = 3;

/// What the judge has found, in events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Acknowledged, and not in the log or not seen by a reader that went past it; or a part of a
    /// transaction of which another part is there.
    pub missing: u64,
    /// At a second position.
    pub duplicates: u64,
    /// In the log, and rolled back or never appended.
    pub ghosts: u64,
    /// Positions without an entry.
    pub gaps: u64,
    /// Seen at a position where there was something else before or at the end.
    pub renumbered: u64,
    /// Behind one of the same key that came after it.
    pub key_inversions: u64,
    /// Behind one whose transaction began after this one's was acknowledged.
    pub causal_inversions: u64,
    /// The longest time between an acknowledgement and the first sight of the event.
    pub longest_stall: Duration,
    /// Some of what was found, in words.
    pub examples: Vec<String>,
}

impl Verdict {
    /// Whether nothing was found. How long is too long for a stall depends on how busy the database was.
    pub fn is_clean(&self) -> bool {
        self.counts().iter().all(|(_, count)| *count == 0)
    }

    /// One more of a kind.
    pub(crate) fn tell(&mut self, kind: &str, example: impl FnOnce() -> String) {
        let alike = self.examples.iter().filter(|example| example.starts_with(kind)).count();
        if alike < EXAMPLES_MAX {
            self.examples.push(format!("{kind}: {}", example()));
        }
    }

    fn counts(&self) -> [(&'static str, u64); 7] {
        [
            ("missing", self.missing),
            ("duplicates", self.duplicates),
            ("ghosts", self.ghosts),
            ("gaps", self.gaps),
            ("renumbered", self.renumbered),
            ("key inversions", self.key_inversions),
            ("causal inversions", self.causal_inversions),
        ]
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, count) in self.counts() {
            write!(f, "{name} {count}, ")?;
        }
        write!(f, "longest stall {} ms", self.longest_stall.as_millis())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_finding_breaks_a_promise() {
        assert!(Verdict::default().is_clean());
        assert!(!Verdict { gaps: 1, ..Verdict::default() }.is_clean());
        assert!(!Verdict { key_inversions: 1, ..Verdict::default() }.is_clean());
    }

    #[test]
    fn a_verdict_is_one_line() {
        let verdict = Verdict { missing: 3, ..Verdict::default() };
        assert_eq!(
            verdict.to_string(),
            "missing 3, duplicates 0, ghosts 0, gaps 0, renumbered 0, key inversions 0, \
             causal inversions 0, longest stall 0 ms"
        );
    }
}
