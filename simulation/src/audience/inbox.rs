//! The database: receipts, attempts at suspects, and the receipts that open transactions have locked.

use std::collections::BTreeMap;

use super::mutant::ListenerMutant;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Handled,
    Dead,
}

#[derive(Default)]
pub(super) struct Inbox {
    pub(super) receipts: BTreeMap<u64, Fate>,
    attempts: BTreeMap<u64, u32>,
    /// The task that has noted each message and may still commit.
    locks: BTreeMap<u64, u64>,
    /// Handled messages, in their order.
    pub(super) effects: Vec<u64>,
    mutant: Option<ListenerMutant>,
}

impl Inbox {
    pub(super) fn new(mutant: Option<ListenerMutant>) -> Self {
        Self { mutant, ..Self::default() }
    }

    pub(super) fn is_new(&self, number: u64) -> bool {
        !self.receipts.contains_key(&number)
    }

    /// Records an attempt and returns its number; `None` if the message has a receipt.
    pub(super) fn suspect(&mut self, number: u64) -> Option<u32> {
        if !self.is_new(number) {
            return None;
        }
        let attempts = self.attempts.entry(number).or_default();
        *attempts += 1;
        match self.mutant {
            Some(ListenerMutant::AttemptNotRecorded) => Some(1),
            _ => Some(*attempts),
        }
    }

    pub(super) fn attempts(&self, number: u64) -> u32 {
        self.attempts.get(&number).copied().unwrap_or_default()
    }

    pub(super) fn is_locked(&self, numbers: &[u64], by: u64) -> bool {
        numbers.iter().any(|number| self.locks.get(number).is_some_and(|other| *other != by))
    }

    pub(super) fn lock(&mut self, numbers: &[u64], by: u64) {
        self.locks.extend(numbers.iter().map(|number| (*number, by)));
    }

    pub(super) fn unlock(&mut self, by: u64) {
        self.locks.retain(|_, other| *other != by);
    }

    /// Commits the messages and returns for each whether it was new.
    pub(super) fn commit(&mut self, numbers: &[u64], fate: Fate, by: u64) -> Vec<bool> {
        self.unlock(by);
        let are_new: Vec<_> = numbers.iter().map(|number| self.is_new(*number)).collect();
        let half = match self.mutant {
            Some(ListenerMutant::BatchHalfCommitted) => 1,
            _ => numbers.len(),
        };
        for (number, _) in numbers.iter().zip(&are_new).take(half).filter(|(_, is_new)| **is_new) {
            if self.mutant != Some(ListenerMutant::ReceiptLeftOut) {
                self.receipts.insert(*number, fate);
            }
            if fate == Fate::Handled {
                self.effects.push(*number);
            }
        }
        are_new
    }
}
