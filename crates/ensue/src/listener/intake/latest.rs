//! The last of each key and source that was handled, for as many keys as fit.

use std::collections::HashMap;
use std::mem;

use crate::listener::lane::Lane;

/// LIMIT: keys that are remembered, at the least as many and at the most twice as many: some hundred
/// bytes each. What arrives in another order does so within a few redeliveries.
const KEYS: usize = 10_000;

/// What is not asked for while as many others were noted is forgotten.
#[derive(Debug, Default)]
pub(super) struct Latest {
    young: HashMap<(Lane, String), u64>,
    old: HashMap<(Lane, String), u64>,
}

impl Latest {
    /// Notes that this was handled; false if a later one was before.
    pub(super) fn note(&mut self, lane: &Lane, source: &str, sequence: u64) -> bool {
        let it = (lane.clone(), source.to_owned());
        let latest = self.young.get(&it).or_else(|| self.old.get(&it)).copied();
        self.young.insert(it, latest.map_or(sequence, |latest| latest.max(sequence)));
        if self.young.len() >= KEYS {
            self.old = mem::take(&mut self.young);
        }
        latest.is_none_or(|latest| latest <= sequence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(number: usize) -> Lane {
        Lane::Key(number.to_string())
    }

    #[test]
    fn what_comes_after_a_later_one_of_its_key_and_source_is_noticed() {
        let mut latest = Latest::default();
        assert!(latest.note(&lane(1), "shop", 7));
        assert!(latest.note(&lane(1), "depot", 3));
        assert!(latest.note(&lane(2), "shop", 5));
        assert!(!latest.note(&lane(1), "shop", 6));
        assert!(latest.note(&lane(1), "shop", 8));
    }

    #[test]
    fn it_remembers_as_many_keys_as_it_says_and_not_for_ever() {
        let mut latest = Latest::default();
        assert!(latest.note(&lane(0), "shop", 7));
        (1..KEYS).for_each(|number| assert!(latest.note(&lane(number), "shop", 7)));
        assert!(!latest.note(&lane(0), "shop", 6), "forgotten too soon");
        (0..2 * KEYS).for_each(|number| assert!(latest.note(&lane(KEYS + number), "shop", 7)));
        assert!(latest.note(&lane(0), "shop", 6), "never forgotten");
        assert!(latest.young.len() + latest.old.len() <= 2 * KEYS);
    }
}
