//! Who may run a subscription, and for how long: a pure machine.
//!
//! `now` is this process's monotonic clock. Other processes judge the lease by the database's; so
//! that no owner trusts itself longer than they do, trust is counted from *before* each request and
//! ends a margin before the lease.

use std::time::Duration;

/// A subscription's lease, as this process sees it.
#[derive(Debug)]
pub struct Lease {
    length: Duration,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Another process has it, or nobody; ask at this time.
    Wanted { ask_at: Duration },
    /// This process has it.
    Held { renew_at: Duration, trusted_until: Duration },
}

/// What has happened.
#[derive(Debug)]
pub enum LeaseInput {
    /// Nothing but time has passed.
    Tick,
    /// A request that was sent at this time made this process the owner, or renewed its lease.
    Granted { asked_at: Duration },
    /// Another process is the owner, for about so long.
    Refused { remaining: Duration },
    /// The database did not answer, or no other answer can be trusted.
    Failed,
    /// The term is over: this process gave it up or was robbed.
    Over,
}

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub enum LeaseAction {
    /// Nothing until this time.
    WaitUntil(Duration),
    /// Ask to be the owner.
    TakeOver,
    /// Ask for more time.
    Renew,
    /// Stop acting as the owner at once.
    Stop,
}

impl Lease {
    pub fn new(length: Duration) -> Self {
        Self { length, state: State::Wanted { ask_at: Duration::ZERO } }
    }

    pub fn step(&mut self, now: Duration, input: &LeaseInput) -> LeaseAction {
        match *input {
            LeaseInput::Tick => {}
            LeaseInput::Granted { asked_at } => self.state = self.held_since(asked_at),
            LeaseInput::Refused { remaining } => {
                // A lease may be released early, so look in before it ends.
                let ask_at = now + remaining.min(self.length / 3);
                self.state = State::Wanted { ask_at };
            }
            LeaseInput::Failed => self.put_off(now),
            LeaseInput::Over => self.state = State::Wanted { ask_at: now },
        }
        self.decide(now)
    }

    fn held_since(&self, asked_at: Duration) -> State {
        let third = self.length / 3;
        State::Held {
            renew_at: asked_at + third,
            trusted_until: asked_at + self.length - self.length / 10,
        }
    }

    /// A failed request is repeated a while later; what was trusted before stays trusted.
    fn put_off(&mut self, now: Duration) {
        let later = now + self.length / 10;
        match &mut self.state {
            State::Wanted { ask_at } => *ask_at = later,
            State::Held { renew_at, .. } => *renew_at = later,
        }
    }

    fn decide(&mut self, now: Duration) -> LeaseAction {
        match self.state {
            State::Wanted { ask_at } if now >= ask_at => LeaseAction::TakeOver,
            State::Wanted { ask_at } => LeaseAction::WaitUntil(ask_at),
            State::Held { trusted_until, .. } if now >= trusted_until => {
                self.state = State::Wanted { ask_at: now };
                LeaseAction::Stop
            }
            State::Held { renew_at, .. } if now >= renew_at => LeaseAction::Renew,
            State::Held { renew_at, trusted_until } => {
                LeaseAction::WaitUntil(renew_at.min(trusted_until))
            }
        }
    }

    pub fn length(&self) -> Duration {
        self.length
    }

    /// Until when this process may act as the owner.
    pub fn trusted_until(&self) -> Option<Duration> {
        match self.state {
            State::Wanted { .. } => None,
            State::Held { trusted_until, .. } => Some(trusted_until),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH: Duration = Duration::from_secs(30);

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn held() -> Lease {
        let mut lease = Lease::new(LENGTH);
        assert_eq!(lease.step(at(0), &LeaseInput::Tick), LeaseAction::TakeOver);
        let next = lease.step(at(5), &LeaseInput::Granted { asked_at: at(0) });
        assert_eq!(next, LeaseAction::WaitUntil(at(10)));
        lease
    }

    #[test]
    fn a_lease_is_renewed_after_a_third_of_it() {
        let mut lease = held();
        assert_eq!(lease.step(at(10), &LeaseInput::Tick), LeaseAction::Renew);
        let next = lease.step(at(12), &LeaseInput::Granted { asked_at: at(10) });
        assert_eq!(next, LeaseAction::WaitUntil(at(20)));
    }

    #[test]
    fn trust_ends_before_the_lease_does_and_counts_from_the_asking() {
        let mut lease = held();
        assert_eq!(lease.trusted_until(), Some(at(27)));
        let slow = lease.step(at(20), &LeaseInput::Granted { asked_at: at(10) });
        assert_eq!((slow, lease.trusted_until()), (LeaseAction::Renew, Some(at(37))));
        assert_eq!(lease.step(at(37), &LeaseInput::Tick), LeaseAction::Stop);
        assert_eq!(lease.step(at(37), &LeaseInput::Tick), LeaseAction::TakeOver);
    }

    #[test]
    fn a_renewal_that_fails_is_repeated_without_more_trust() {
        let mut lease = held();
        assert_eq!(lease.step(at(10), &LeaseInput::Failed), LeaseAction::WaitUntil(at(13)));
        assert_eq!(lease.step(at(13), &LeaseInput::Tick), LeaseAction::Renew);
        assert_eq!(lease.trusted_until(), Some(at(27)));
    }

    #[test]
    fn who_is_refused_asks_again_before_the_lease_ends_as_it_may_be_released() {
        let mut lease = Lease::new(LENGTH);
        let wait = lease.step(at(0), &LeaseInput::Refused { remaining: at(29) });
        assert_eq!(wait, LeaseAction::WaitUntil(at(10)));
        let wait = lease.step(at(10), &LeaseInput::Refused { remaining: at(2) });
        assert_eq!(wait, LeaseAction::WaitUntil(at(12)));
        assert_eq!(lease.step(at(12), &LeaseInput::Tick), LeaseAction::TakeOver);
    }

    #[test]
    fn a_term_that_is_over_is_asked_for_again_at_once() {
        let mut lease = held();
        assert_eq!(lease.step(at(6), &LeaseInput::Over), LeaseAction::TakeOver);
        assert_eq!(lease.trusted_until(), None);
    }
}
