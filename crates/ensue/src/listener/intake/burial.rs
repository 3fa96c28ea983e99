//! The part of a body that a dead letter keeps: a pure machine.
//!
//! A dead letter keeps the whole body unless the database refuses it. Then it keeps only the beginning:
//! a letter that cannot be stored would be retried for ever and block its key.

/// LIMIT: bytes of the body after the first refusal, and after further ones. Every database has room for
/// the last size, so a refusal then has another cause, and the body is not cut further.
const CUT: [usize; 2] = [1 << 20, 64 << 10];

/// LIMIT: consecutive connections lost on a letter, each after its receipt was accepted, that count as one
/// refusal: some servers close the connection when a statement is too large for them.
const LOSSES: u32 = 3;

#[derive(Debug, Default)]
pub(super) struct Burial {
    refusals: u32,
    losses: u32,
}

impl Burial {
    /// Returns the maximum number of bytes of the body to keep.
    pub(super) fn bytes(&self) -> usize {
        match usize::try_from(self.refusals).unwrap_or(usize::MAX).min(CUT.len()) {
            0 => usize::MAX,
            refusals => CUT[refusals - 1],
        }
    }

    /// Counts a refusal and returns the number of refusals so far.
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
