//! Keeping a lease beside the work that is done under it, as the library's keeper does.

use std::time::Duration;

use ensue::simulation::{LeaseAction, LeaseInput};

use super::World;
use super::runner::Ended;
use crate::letter::{Answered, Errand, Lost, Question};
use crate::mutant::Mutant;
use crate::process::ProcessId;
use crate::violation::Checked;

/// How often a mutant that does not stop looks at its lease.
const LOOKED_AT_AGAIN: Duration = Duration::from_secs(1);

impl World {
    /// Renews the lease if it is time. False if the term is over.
    pub(super) fn keep(&mut self, who: ProcessId, input: &LeaseInput) -> Checked<bool> {
        let own = self.own(who);
        let ignored = self.is(Mutant::LeaseEndIgnored);
        let process = self.process(who);
        let trusted_until = process.lease.trusted_until().unwrap_or(Duration::ZERO);
        let Some(following) = process.following() else { return Ok(false) };
        if following.renewing.is_some() && own < trusted_until {
            following.keep_at = trusted_until;
            return Ok(true);
        }
        following.renewing = None;
        match self.process(who).lease.step(own, input) {
            LeaseAction::WaitUntil(until) => self.keep_at(who, until),
            LeaseAction::Renew => self.renew(who, own, trusted_until),
            LeaseAction::Stop | LeaseAction::TakeOver if ignored => {
                self.keep_at(who, own + LOOKED_AT_AGAIN);
            }
            LeaseAction::Stop | LeaseAction::TakeOver => {
                self.cut_off(who);
                self.end_term(who, Ended::OutOfTime)?;
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn renew(&mut self, who: ProcessId, own: Duration, trusted_until: Duration) {
        let (sender, length) = (self.sender(who), self.settings.lease);
        let Some(following) = self.process(who).following() else { return };
        following.renewing = Some(own);
        following.keep_at = trusted_until;
        let question = Question::Renew { epoch: following.epoch, length };
        self.ask(sender, Errand::Renew { asked_at: own }, question);
    }

    fn cut_off(&mut self, who: ProcessId) {
        if let Some(following) = self.process(who).following() {
            following.follower.cut_off();
        }
    }

    fn keep_at(&mut self, who: ProcessId, own: Duration) {
        if let Some(following) = self.process(who).following() {
            following.keep_at = own;
        }
    }

    pub(super) fn learn_of_renewal(
        &mut self,
        who: ProcessId,
        asked_at: Duration,
        answer: &Result<Answered, Lost>,
    ) -> Checked {
        let own = self.own(who);
        let from_answer = self.is(Mutant::LeaseCountedFromAnswer);
        let process = self.process(who);
        let trusted_until = process.lease.trusted_until().unwrap_or(Duration::ZERO);
        let Some(following) = process.following() else { return Ok(()) };
        // Nobody waits for an answer that comes after the end of the trust, or for an older one.
        if following.renewing != Some(asked_at) || own >= trusted_until && !from_answer {
            return self.go_on(who);
        }
        following.renewing = None;
        let asked_at = if from_answer { own } else { asked_at };
        let input = match answer {
            Ok(Answered::Renewed(true)) => LeaseInput::Granted { asked_at },
            Ok(Answered::Renewed(false)) => {
                self.cut_off(who);
                return self.end_term(who, Ended::Fenced);
            }
            _ => LeaseInput::Failed,
        };
        match self.keep(who, &input)? {
            true => self.follow(who),
            false => Ok(()),
        }
    }
}
