//! Who tells the stories: in the terminal, with every fact checked.

use std::fmt::{Debug, Display};

use super::Told;
use crate::terminal::{Terminal, Tone};

pub(crate) struct Narrator {
    terminal: Terminal,
    chapters: u32,
    facts: u32,
}

impl Narrator {
    pub(crate) fn new(terminal: &Terminal) -> Self {
        Self { terminal: *terminal, chapters: 0, facts: 0 }
    }

    pub(super) fn chapter(&mut self, title: &str) -> Told {
        self.chapters += 1;
        let title = format!("{}. {title}", self.chapters);
        self.line("")?;
        self.line(self.terminal.painted(Tone::Title, title))
    }

    /// What happens next, in words.
    pub(super) fn says(&self, text: &str) -> Told {
        self.line("")?;
        self.line(format!("   {text}"))
    }

    /// A fact that was read back: true, or the end of the story.
    #[expect(clippy::needless_pass_by_value, reason = "a fact reads better without borrows")]
    pub(super) fn fact<T: PartialEq + Debug>(
        &mut self,
        text: impl Display,
        found: T,
        told: T,
    ) -> Told {
        if found == told {
            self.facts += 1;
            return self.line(format!("   {} {text}", self.terminal.painted(Tone::Good, "✓")));
        }
        self.line(format!("   {} {text}", self.terminal.painted(Tone::Bad, "✗")))?;
        Err(format!("not as told: {text}: found {found:?}, told {told:?}").into())
    }

    pub(super) fn end(&self) -> Told {
        let (chapters, facts) = (self.chapters, self.facts);
        let end = format!("{chapters} stories, {facts} facts read back, all as told.");
        self.line("")?;
        self.line(self.terminal.painted(Tone::Title, end))
    }

    pub(super) fn line(&self, line: impl Display) -> Told {
        Ok(self.terminal.line(line)?)
    }

    /// What is seen in passing.
    pub(super) fn aside(&self, text: impl Display) -> Told {
        self.line(self.terminal.painted(Tone::Aside, text))
    }
}
