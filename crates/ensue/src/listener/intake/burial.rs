//! How much of a body a dead letter has: a pure machine.
//!
//! All of it, unless the database refuses that. Then the beginning alone: a letter that cannot be stored
//! would be tried for ever, and hold up its key.

/// LIMIT: bytes of the body after one refusal, and after further ones. Every database has room for the last,
/// so that what is refused then is refused for another reason, and not cut any more.
const CUT: [usize; 2] = [1 << 20, 64 << 10];

/// LIMIT: connections that a letter costs in a row, with its receipt let pass before it on each, until that
/// counts as one refusal: some servers end the connection on what is too large for them.
const LOSSES: u32 = 3;

#[derive(Debug, Default)]
pub(super) struct Burial {
    refusals: u32,
    losses: u32,
}

impl Burial {
    /// How much of its body may be kept.
    pub(super) fn bytes(&self) -> usize {
        match usize::try_from(self.refusals).unwrap_or(usize::MAX).min(CUT.len()) {
            0 => usize::MAX,
            refusals => CUT[refusals - 1],
        }
    }

    /// Answers how often it was.
    pub(super) fn was_refused(&mut self) -> u32 {
        (self.refusals, self.losses) = (self.refusals.saturating_add(1), 0);
        self.refusals
    }

    pub(super) fn was_lost(&mut self) {
        self.losses += 1;
        if self.losses >= LOSSES {
            self.was_refused();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_cuts_it_shorter_and_so_do_three_connections_that_it_costs() {
        let mut burial = Burial::default();
        assert_eq!(burial.bytes(), usize::MAX);
        assert_eq!((burial.was_refused(), burial.bytes()), (1, CUT[0]));
        burial.was_lost();
        burial.was_lost();
        assert_eq!(burial.bytes(), CUT[0]);
        burial.was_lost();
        assert_eq!(burial.bytes(), CUT[1]);
        burial.was_refused();
        assert_eq!(burial.bytes(), CUT[1], "never shorter than that");
    }
}
