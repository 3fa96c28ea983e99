//! The state that passes from one term of a process to its next: a pure machine.

use super::follower::Legacy;
use crate::subscription::{Epoch, Term};

/// The terms of a process, one after the other.
#[derive(Debug, Default)]
pub struct Succession {
    /// The last term of this process.
    last: Option<Epoch>,
    legacy: Legacy,
}

impl Succession {
    /// Notes that a take-over got no answer. It may have been granted, and the next answer would not name
    /// the previous owner.
    pub fn doubt(&mut self) {
        self.legacy.is_suspicious = true;
    }

    /// Begins a term of this process. Whatever the store says, the previous owner has not handed over if it
    /// was this process and has not tried all suspects, or if there was a term in between that this process
    /// does not know of: one that was granted late.
    pub fn begin(&mut self, term: Term) -> Term {
        let number = term.epoch.get();
        let last = self.last.replace(term.epoch);
        let follows = last.is_none_or(|last| last.get().saturating_add(1) == number);
        if !follows {
            self.legacy = Legacy::default();
        }
        let is_handed_over = term.is_handed_over && follows && !self.legacy.is_suspicious;
        // A term that cannot begin has not tried the suspects either.
        self.legacy.is_suspicious = !is_handed_over;
        Term { is_handed_over, ..term }
    }

    /// Returns what the new term has to know. The term is a suspect until it [ends](Self::end).
    pub fn inherit(&mut self) -> Legacy {
        let legacy = std::mem::take(&mut self.legacy);
        self.legacy.is_suspicious = true;
        legacy
    }

    pub fn end(&mut self, legacy: Legacy) {
        self.legacy = legacy;
    }

    /// Returns true if the next owner need not know anything.
    pub fn may_hand_over(&self) -> bool {
        !self.legacy.is_suspicious && self.legacy.failed.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use ensue_core::Position;

    use super::*;

    fn term(epoch: u64) -> Term {
        Term {
            epoch: Epoch::new(epoch),
            cursor: Position::START,
            receipts: Vec::new(),
            set_aside: Vec::new(),
            event_types: Vec::new(),
            paused: false,
            is_handed_over: true,
        }
    }

    #[test]
    fn a_term_that_could_not_begin_leaves_its_suspicion_to_the_next() {
        let mut succession = Succession::default();
        assert!(!succession.begin(Term { is_handed_over: false, ..term(1) }).is_handed_over);
        assert!(!succession.begin(term(2)).is_handed_over);
        succession.inherit();
        succession.end(Legacy::default());
        assert!(succession.begin(term(3)).is_handed_over);
    }

    #[test]
    fn a_term_that_panicked_is_a_suspect() {
        let mut succession = Succession::default();
        succession.begin(term(1));
        succession.inherit();
        assert!(!succession.may_hand_over());
        assert!(!succession.begin(term(2)).is_handed_over);
    }

    /// All that is known of the term between the two is that this process asked for it.
    #[test]
    fn a_term_of_its_own_that_was_granted_late_is_not_believed_to_have_been_handed_over() {
        let mut succession = Succession::default();
        succession.begin(term(1));
        succession.inherit();
        succession.end(Legacy::default());
        assert!(!succession.begin(term(3)).is_handed_over);
    }

    #[test]
    fn who_was_not_answered_does_not_know_from_whom_the_next_term_comes() {
        let mut succession = Succession::default();
        succession.doubt();
        assert!(!succession.begin(term(1)).is_handed_over);
    }
}
