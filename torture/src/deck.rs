//! What is still to go wrong.

use fastrand::Rng;

/// Draws in an order out of the seed; each one comes once before any of them comes again.
#[derive(Debug)]
pub struct Deck<T: 'static> {
    all: &'static [T],
    next: Vec<T>,
}

impl<T: Copy> Deck<T> {
    /// Of all of these.
    pub const fn new(all: &'static [T]) -> Self {
        Self { all, next: Vec::new() }
    }

    /// The next one; none if there are none at all.
    pub fn draw(&mut self, rng: &mut Rng) -> Option<T> {
        if self.next.is_empty() {
            self.next.extend(self.all);
            rng.shuffle(&mut self.next);
        }
        self.next.pop()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_one_comes_once_before_any_of_them_comes_again() {
        let (mut deck, mut rng) = (Deck::new(&[1, 2, 3]), Rng::with_seed(7));
        for _ in 0..5 {
            let mut round = [(); 3].map(|()| deck.draw(&mut rng).unwrap());
            round.sort_unstable();
            assert_eq!(round, [1, 2, 3]);
        }
    }
}
