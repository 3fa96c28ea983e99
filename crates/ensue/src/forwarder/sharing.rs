//! Which process runs which subscription, when there are several: a pure decision.
//!
//! Whoever has two more than another process that stands by for one of them hands over, half of the
//! difference at once; and who has more than another that stands by leaves a free one to that. So
//! they end up with numbers that differ by one at the most, as far as each knows the others'
//! subscriptions, and then nothing moves any more. All that is looked at is the claims in the
//! database, so that a process that is gone counts no longer than its lease.

use std::collections::{BTreeMap, BTreeSet};

use crate::subscription::Claim;

/// The claims of one moment, in the eyes of one process.
#[derive(Debug)]
pub struct Sharing<'a> {
    me: &'a str,
    claims: &'a [Claim],
}

impl<'a> Sharing<'a> {
    pub fn new(me: &'a str, claims: &'a [Claim]) -> Self {
        Self { me, claims }
    }

    /// Whether this process is to hand `subscription`, which it owns, over to another.
    pub fn is_to_hand_over(&self, subscription: &str) -> bool {
        let owned = self.owned();
        let mine = self.mine(&owned);
        let wanted = self.owned_by_me().filter_map(|owned_by_me| {
            let poorest = self.poorest_for(owned_by_me, &owned)?;
            Some((owned_by_me, mine.checked_sub(poorest)?))
        });
        let wanted: Vec<_> = wanted.filter(|(_, difference)| *difference >= 2).collect();
        let most = wanted.iter().map(|(_, difference)| difference / 2).max().unwrap_or(0);
        // In the order of names, so that each runner of this process comes to the same ones.
        wanted.iter().take(most).any(|(name, _)| *name == subscription)
    }

    /// Whether a free `subscription` is to be left to another process that stands by for it. One that
    /// is this process's own, whose term was interrupted, nobody else could take.
    pub fn is_left_to_another(&self, subscription: &str) -> bool {
        if self.owned_by_me().any(|owned_by_me| owned_by_me == subscription) {
            return false;
        }
        let owned = self.owned();
        let standing = self.standing_by_for(subscription);
        standing.map(|owner| count(&owned, owner)).any(|others| others < self.mine(&owned))
    }

    /// How many subscriptions each owns.
    fn owned(&self) -> BTreeMap<&'a str, usize> {
        let mut owned = BTreeMap::new();
        for claim in self.claims.iter().filter(|claim| claim.is_owner) {
            *owned.entry(claim.owner.as_str()).or_default() += 1;
        }
        owned
    }

    fn mine(&self, owned: &BTreeMap<&str, usize>) -> usize {
        count(owned, self.me)
    }

    fn owned_by_me(&self) -> impl Iterator<Item = &'a str> {
        let mine = self.claims.iter().filter(|claim| claim.is_owner && claim.owner == self.me);
        mine.map(|claim| claim.subscription.as_str()).collect::<BTreeSet<_>>().into_iter()
    }

    fn standing_by_for(&self, subscription: &str) -> impl Iterator<Item = &'a str> {
        let standing = self.claims.iter().filter(move |claim| {
            !claim.is_owner && claim.subscription == subscription && claim.owner != self.me
        });
        standing.map(|claim| claim.owner.as_str())
    }

    /// How many the poorest that stands by for `subscription` has, or will have once it has taken
    /// what is free.
    fn poorest_for(&self, subscription: &str, owned: &BTreeMap<&str, usize>) -> Option<usize> {
        let standing = self.standing_by_for(subscription);
        standing.map(|owner| count(owned, owner) + self.free_for(owner)).min()
    }

    fn free_for(&self, owner: &str) -> usize {
        let taken: BTreeSet<_> =
            self.claims.iter().filter(|claim| claim.is_owner).map(of).collect();
        let waited_for = self.claims.iter().filter(|claim| !claim.is_owner && claim.owner == owner);
        waited_for.filter(|claim| !taken.contains(of(claim))).count()
    }
}

fn of(claim: &Claim) -> &str {
    &claim.subscription
}

fn count(owned: &BTreeMap<&str, usize>, owner: &str) -> usize {
    owned.get(owner).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn claim(subscription: usize, owner: usize, is_owner: bool) -> Claim {
        let (subscription, owner) = (format!("s{subscription:02}"), format!("p{owner}"));
        Claim { subscription, owner, is_owner }
    }

    /// Processes that each know all subscriptions, and who owns which.
    struct Processes {
        count: usize,
        owners: Vec<Option<usize>>,
    }

    impl Processes {
        fn claims(&self) -> Vec<Claim> {
            let mut claims = Vec::new();
            for (subscription, owner) in self.owners.iter().enumerate() {
                for process in 0..self.count {
                    claims.push(claim(subscription, process, *owner == Some(process)));
                }
            }
            claims
        }

        /// One process looks at one subscription; whether anything changed.
        fn step(&mut self, process: usize, subscription: usize) -> bool {
            let (me, name) = (format!("p{process}"), format!("s{subscription:02}"));
            let claims = self.claims();
            let sharing = Sharing::new(&me, &claims);
            let owner = &mut self.owners[subscription];
            let before = *owner;
            match *owner {
                Some(other) if other == process && sharing.is_to_hand_over(&name) => *owner = None,
                None if !sharing.is_left_to_another(&name) => *owner = Some(process),
                _ => {}
            }
            *owner != before
        }

        fn settle(&mut self, turns: impl Iterator<Item = (usize, usize)>) {
            turns.for_each(|(process, subscription)| {
                self.step(process, subscription);
            });
            let rounds_max = 100;
            let settled = (0..rounds_max).any(|_| !self.round());
            assert!(settled, "they do not settle: {:?}", self.owners);
        }

        /// Each looks at each; whether anything changed.
        fn round(&mut self) -> bool {
            let mut changed = false;
            for process in 0..self.count {
                for subscription in 0..self.owners.len() {
                    changed |= self.step(process, subscription);
                }
            }
            changed
        }

        fn numbers(&self) -> Vec<usize> {
            let of = |process| self.owners.iter().filter(|owner| **owner == Some(process)).count();
            (0..self.count).map(of).collect()
        }
    }

    #[test]
    fn who_is_alone_keeps_everything() {
        let claims = [claim(1, 1, true), claim(2, 1, true), claim(3, 1, true)];
        let sharing = Sharing::new("p1", &claims);
        assert!(["s01", "s02", "s03"].iter().all(|name| !sharing.is_to_hand_over(name)));
        assert!(!sharing.is_left_to_another("s04"));
    }

    #[test]
    fn half_of_the_difference_is_handed_over_to_who_stands_by() {
        let mut claims: Vec<_> = (0..4).map(|subscription| claim(subscription, 1, true)).collect();
        claims.extend((0..4).map(|subscription| claim(subscription, 2, false)));
        let handed_over = |claims: &[Claim]| {
            let names = (0..4).map(|subscription| format!("s{subscription:02}"));
            let sharing = Sharing::new("p1", claims);
            names.filter(|name| sharing.is_to_hand_over(name)).collect::<Vec<_>>()
        };
        assert_eq!(handed_over(&claims), ["s00", "s01"]);
        // One is free, and not taken yet.
        claims.remove(0);
        assert_eq!(handed_over(&claims), ["s01"]);
        claims.remove(0);
        assert_eq!(handed_over(&claims), [""; 0]);
    }

    #[test]
    fn who_starts_over_goes_on_with_what_is_still_its_own() {
        let claims = [claim(1, 1, true), claim(1, 2, false)];
        assert!(!Sharing::new("p1", &claims).is_left_to_another("s01"));
    }

    #[test]
    fn what_nobody_else_stands_by_for_is_kept() {
        let claims = [claim(1, 1, true), claim(2, 1, true), claim(3, 1, true), claim(3, 2, false)];
        let sharing = Sharing::new("p1", &claims);
        assert!(!sharing.is_to_hand_over("s01") && !sharing.is_to_hand_over("s02"));
        assert!(sharing.is_to_hand_over("s03"));
    }

    proptest! {
        #[test]
        fn they_settle_with_numbers_that_differ_by_one_at_the_most(
            count in 1..6_usize,
            owners in prop::collection::vec(prop::option::of(0..6_usize), 1..20),
            turns in prop::collection::vec((0..6_usize, 0..20_usize), 0..200),
        ) {
            let owners: Vec<_> = owners.into_iter().map(|owner| owner.filter(|it| *it < count)).collect();
            let subscriptions = owners.len();
            let mut processes = Processes { count, owners };
            processes.settle(turns.into_iter().filter(|(p, s)| *p < count && *s < subscriptions));
            let numbers = processes.numbers();
            prop_assert_eq!(numbers.iter().sum::<usize>(), subscriptions);
            let (least, most) = (numbers.iter().min().copied(), numbers.iter().max().copied());
            prop_assert!(most <= least.map(|least| least + 1), "{:?}", numbers);
        }
    }
}
