//! Who owns and who stands by for which subscription, as the database has it.

use std::collections::BTreeMap;
use std::time::Duration;

use ensue::subscription::Claim;

use super::{Answer, FleetMutant};

pub(super) struct Registry {
    owners: Vec<Owner>,
    /// Until when each is among the claims.
    standbys: BTreeMap<(usize, String), Duration>,
    mutant: Option<FleetMutant>,
}

#[derive(Clone, Default)]
struct Owner {
    name: String,
    epoch: u64,
    until: Duration,
}

impl Registry {
    pub(super) fn new(subscriptions: usize, mutant: Option<FleetMutant>) -> Self {
        let owners = vec![Owner::default(); subscriptions];
        Self { owners, standbys: BTreeMap::new(), mutant }
    }

    pub(super) fn claims(&self, now: Duration) -> Vec<Claim> {
        let for_ever = self.mutant == Some(FleetMutant::ClaimsNeverEnd);
        let owners = self.owners.iter().enumerate().filter(|(_, owner)| owner.until > now);
        let owners = owners.map(|(subscription, owner)| claim(subscription, &owner.name, true));
        let standing = self.standbys.iter().filter(|(_, until)| for_ever || **until > now);
        let standing = standing.map(|((subscription, name), _)| claim(*subscription, name, false));
        match self.mutant {
            Some(FleetMutant::StandbysForgotten) => owners.collect(),
            _ => owners.chain(standing).collect(),
        }
    }

    pub(super) fn take_over(
        &mut self,
        subscription: usize,
        name: &str,
        lease: Duration,
        now: Duration,
    ) -> Answer {
        let owner = &mut self.owners[subscription];
        let standby = (subscription, name.to_owned());
        if owner.until > now && owner.name != name {
            let remaining = owner.until - now;
            self.standbys.insert(standby, now + lease);
            return Answer::Held { remaining };
        }
        self.standbys.remove(&standby);
        *owner = Owner { name: name.to_owned(), epoch: owner.epoch + 1, until: now + lease };
        Answer::Granted { epoch: owner.epoch }
    }

    pub(super) fn renew(
        &mut self,
        subscription: usize,
        epoch: u64,
        lease: Duration,
        now: Duration,
    ) -> bool {
        let owner = &mut self.owners[subscription];
        let is_owner = owner.epoch == epoch;
        if is_owner {
            owner.until = now + lease;
        }
        is_owner
    }

    pub(super) fn release(&mut self, subscription: usize, epoch: u64, now: Duration) {
        let owner = &mut self.owners[subscription];
        if owner.epoch == epoch {
            owner.until = owner.until.min(now);
        }
    }

    /// For how long the one that is free the longest has been.
    pub(super) fn longest_free(&self, now: Duration) -> Duration {
        let free = self.owners.iter().map(|owner| now.saturating_sub(owner.until));
        free.max().unwrap_or_default()
    }

    /// Ends a lease that still runs.
    pub(super) fn steal(&mut self, subscription: usize, now: Duration) {
        let owner = &mut self.owners[subscription];
        owner.until = owner.until.min(now);
    }

    pub(super) fn epochs(&self) -> Vec<u64> {
        self.owners.iter().map(|owner| owner.epoch).collect()
    }
}

fn claim(subscription: usize, owner: &str, is_owner: bool) -> Claim {
    Claim { subscription: name_of(subscription), owner: owner.to_owned(), is_owner }
}

pub(super) fn name_of(subscription: usize) -> String {
    format!("subscription {subscription:02}")
}
