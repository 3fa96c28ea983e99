//! The pause between two terms: a pure machine.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::RetryPolicy;

/// Pause after an interrupted term: longer after each term without progress.
const PAUSES: RangeInclusive<Duration> = Duration::from_millis(250)..=Duration::from_secs(30);

/// The length of the next pause. A database that is down is not polled without rest, and a slow one is not
/// punished for the progress it makes.
#[derive(Debug, Default)]
pub(crate) struct TermPause {
    /// Consecutive terms that were interrupted soon and before they recorded anything.
    fruitless: u32,
}

/// An interrupted term.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Interrupted {
    /// The time from its beginning to its end.
    pub(crate) lasted: Duration,
    /// True if the term has handled an entry or recorded anything else.
    pub(crate) made_progress: bool,
}

impl TermPause {
    /// Returns the longest pause after `term`; the actual pause is a random part of it.
    pub(crate) fn after(&mut self, term: Interrupted) -> Duration {
        let was_fruitless = !term.made_progress && term.lasted <= *PAUSES.end();
        self.fruitless = if was_fruitless { self.fruitless.saturating_add(1) } else { 0 };
        RetryPolicy::default().backoff(*PAUSES.start(), *PAUSES.end()).longest_delay(self.fruitless)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fruitless() -> Interrupted {
        Interrupted { lasted: Duration::from_millis(130), made_progress: false }
    }

    /// The state after `terms` terms without progress.
    fn after_fruitless(terms: u32) -> TermPause {
        let mut pause = TermPause::default();
        for _ in 0..terms {
            pause.after(fruitless());
        }
        pause
    }

    #[test]
    fn pauses_grow_to_their_limit_while_terms_come_to_nothing() {
        let mut pause = TermPause::default();
        let pauses: Vec<_> = (0..12).map(|_| pause.after(fruitless())).collect();
        assert!(pauses.is_sorted(), "{pauses:?}");
        assert_eq!(pauses.first(), Some(PAUSES.start()));
        assert_eq!(pauses.last(), Some(PAUSES.end()));
    }

    #[test]
    fn a_term_that_got_work_done_is_no_reason_for_a_longer_pause() {
        let mut pause = after_fruitless(20);
        let term = Interrupted { made_progress: true, ..fruitless() };
        for _ in 0..20 {
            assert_eq!(pause.after(term), *PAUSES.start());
        }
        assert_eq!(pause.after(fruitless()), *PAUSES.start());
    }

    #[test]
    fn a_term_that_was_long_begins_the_pauses_anew() {
        let mut pause = after_fruitless(20);
        let lasted = *PAUSES.end() + Duration::from_millis(1);
        let term = Interrupted { lasted, made_progress: false };
        assert_eq!(pause.after(term), *PAUSES.start());
    }
}
