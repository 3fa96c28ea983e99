//! One subscription in one process, as the library's runner and keeper have it.

use std::mem;
use std::time::Duration;

use ensue::simulation::{Lease, LeaseAction, LeaseInput, Sharing};
use ensue::subscription::Claim;

use super::registry::name_of;
use super::{Answer, Fleet, FleetMutant, Happening, Question, WORK_MAX};
use crate::faults::up_to;

pub(super) struct Runner {
    pub(super) process: usize,
    pub(super) subscription: usize,
    pub(super) role: Role,
    /// Of its last term.
    pub(super) epoch: u64,
    /// What it waits for; what it waited for before does not count.
    pub(super) turn: u64,
    lease: Lease,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Down,
    StandingBy,
    /// It asks whether a free subscription is to be left to another,
    Looking,
    /// or asks to be its owner since then.
    Asking {
        asked_at: Duration,
    },
    Owner {
        /// It asks for more time since then,
        renewing: Option<Duration>,
        /// or has got it, and asks who else stands by.
        renewed: Option<Duration>,
    },
    /// It ends what is under way, and hands over.
    Leaving,
    Releasing,
}

impl Role {
    const OWNER: Self = Self::Owner { renewing: None, renewed: None };
}

impl Runner {
    pub(super) fn new(process: usize, subscription: usize, lease: Duration) -> Self {
        let lease = Lease::new(lease);
        Self { process, subscription, role: Role::Down, epoch: 0, turn: 0, lease }
    }

    /// Its clock is the world's, from now on.
    pub(super) fn start(&mut self, now: Duration, lease: Duration) {
        self.lease = Lease::new(lease);
        self.lease.step(now, &LeaseInput::Over);
        self.role = Role::StandingBy;
    }

    pub(super) fn end(&mut self) {
        self.turn += 1;
        self.role = Role::Down;
    }
}

impl Fleet {
    /// It is time.
    pub(super) fn turn(&mut self, runner: usize) {
        let now = self.agenda.now();
        match self.runners[runner].role {
            Role::StandingBy => self.stand_by(runner, &LeaseInput::Tick),
            Role::Owner { renewed: Some(asked_at), .. } => {
                // Nobody waits for claims beyond the end of the trust.
                self.keep(runner, &LeaseInput::Granted { asked_at });
            }
            Role::Owner { .. } => self.keep(runner, &LeaseInput::Tick),
            Role::Leaving => {
                self.handed_over += 1;
                self.runners[runner].role = Role::Releasing;
                self.runners[runner].lease.step(now, &LeaseInput::Over);
                self.ask(runner, Question::Release);
            }
            Role::Down | Role::Looking | Role::Asking { .. } | Role::Releasing => {}
        }
    }

    /// An answer, or none.
    pub(super) fn tell(&mut self, runner: usize, answer: Option<Answer>) {
        match (self.runners[runner].role, answer) {
            (Role::Looking, answer) => self.look(runner, answer),
            (Role::Asking { asked_at }, Some(Answer::Granted { epoch })) => {
                self.runners[runner].epoch = epoch;
                self.keep(runner, &LeaseInput::Granted { asked_at });
            }
            (Role::Asking { .. }, Some(Answer::Held { remaining })) => {
                self.stand_by(runner, &LeaseInput::Refused { remaining });
            }
            (Role::Asking { .. }, _) => self.stand_by(runner, &LeaseInput::Failed),
            (Role::Owner { renewing: Some(asked_at), .. }, Some(Answer::Renewed(true))) => {
                let renewed = Some(asked_at);
                self.runners[runner].role = Role::Owner { renewing: None, renewed };
                self.ask(runner, Question::Claims);
                self.wait_while_trusted(runner);
            }
            (Role::Owner { renewing: Some(_), .. }, Some(Answer::Renewed(false))) => {
                self.stand_by(runner, &LeaseInput::Over);
            }
            (Role::Owner { renewing: Some(_), .. }, _) => self.keep(runner, &LeaseInput::Failed),
            (Role::Owner { renewed: Some(asked_at), .. }, answer) => {
                self.keep(runner, &LeaseInput::Granted { asked_at });
                self.share(runner, answer);
            }
            (Role::Releasing, _) => self.stand_by(runner, &LeaseInput::Tick),
            (Role::Down | Role::StandingBy | Role::Leaving | Role::Owner { .. }, _) => {}
        }
    }

    fn stand_by(&mut self, runner: usize, input: &LeaseInput) {
        let now = self.agenda.now();
        let it = &mut self.runners[runner];
        it.role = Role::StandingBy;
        match it.lease.step(now, input) {
            LeaseAction::TakeOver => {
                it.role = Role::Looking;
                self.ask(runner, Question::Claims);
            }
            LeaseAction::WaitUntil(until) => self.wake_at(runner, until),
            // These are for who holds a lease.
            LeaseAction::Renew | LeaseAction::Stop => self.stand_by(runner, &LeaseInput::Over),
        }
    }

    /// Whoever does not know who else stands by asks all the same.
    fn look(&mut self, runner: usize, answer: Option<Answer>) {
        let (is_left, now) = (self.is_left_to_another(runner, answer), self.agenda.now());
        if is_left && self.mutant != Some(FleetMutant::NeverLeftToAnother) {
            let remaining = self.lease;
            return self.stand_by(runner, &LeaseInput::Refused { remaining });
        }
        self.runners[runner].role = Role::Asking { asked_at: now };
        self.ask(runner, Question::TakeOver);
    }

    fn is_left_to_another(&self, runner: usize, answer: Option<Answer>) -> bool {
        let Some(Answer::Claims(claims)) = answer else { return false };
        let Runner { process, subscription, .. } = self.runners[runner];
        let me = self.owner(process);
        Sharing::new(&me, &claims).is_left_to_another(&name_of(subscription))
    }

    fn keep(&mut self, runner: usize, input: &LeaseInput) {
        let now = self.agenda.now();
        let it = &mut self.runners[runner];
        it.role = Role::OWNER;
        match it.lease.step(now, input) {
            LeaseAction::WaitUntil(until) => self.wake_at(runner, until),
            LeaseAction::Renew => {
                it.role = Role::Owner { renewing: Some(now), renewed: None };
                self.ask(runner, Question::Renew);
                self.wait_while_trusted(runner);
            }
            LeaseAction::Stop | LeaseAction::TakeOver => self.stand_by(runner, &LeaseInput::Over),
        }
    }

    /// The answer is awaited until the lease is trusted no more.
    fn wait_while_trusted(&mut self, runner: usize) {
        let it = &self.runners[runner];
        let sender = super::Sender { runner, turn: it.turn };
        let until = it.lease.trusted_until().unwrap_or_default();
        self.agenda.put_at(until, Happening::Turn(sender));
    }

    fn share(&mut self, runner: usize, answer: Option<Answer>) {
        let Some(Answer::Claims(claims)) = answer else { return };
        let leaves = match self.mutant {
            Some(FleetMutant::NeverHandedOver) => false,
            Some(FleetMutant::EachHandedOver) => self.has_more_than_another(runner, &claims),
            _ => self.is_to_hand_over(runner, &claims),
        };
        if leaves && mem::replace(&mut self.runners[runner].role, Role::Leaving) == Role::OWNER {
            let until = self.agenda.now() + up_to(WORK_MAX, &mut self.rng);
            self.wake_at(runner, until);
        }
    }

    fn is_to_hand_over(&self, runner: usize, claims: &[Claim]) -> bool {
        let Runner { process, subscription, .. } = self.runners[runner];
        let me = self.owner(process);
        Sharing::new(&me, claims).is_to_hand_over(&name_of(subscription))
    }

    /// What a mutant looks at.
    fn has_more_than_another(&self, runner: usize, claims: &[Claim]) -> bool {
        let me = self.owner(self.runners[runner].process);
        let owned = |owner: &str| {
            claims.iter().filter(|claim| claim.is_owner && claim.owner == owner).count()
        };
        let mut others = claims.iter().filter(|claim| !claim.is_owner && claim.owner != me);
        others.any(|claim| owned(&claim.owner) < owned(&me))
    }
}
