//! Sending entries, some at a time, as the library's shell does, and what becomes of them on the way.

use std::time::Duration;

use ensue::Position;
use ensue::simulation::{Input, LeaseInput, Sent};
use ensue::subscription::{Change, Failure, FailureClass};

use super::{Happening, World};
use crate::brief::Brief;
use crate::broker::{Call, Fate};
use crate::deed::Deed;
use crate::faults::{Fault, up_to};
use crate::handlers::Attempt;
use crate::letter::{Commit, Errand, Question, Work};
use crate::mutant::Mutant;
use crate::process::{ProcessId, SentCall};
use crate::violation::Checked;

/// How late something arrives at the most, long after its sender has ceased to wait.
const LATEST: Duration = Duration::from_secs(20);

/// How long a sender waits for an answer at the most.
const DEADLINE: Duration = Duration::from_secs(5);

impl World {
    pub(super) fn begin_sending(
        &mut self,
        who: ProcessId,
        work: Work,
        changes: Vec<Change>,
    ) -> Checked {
        self.note_of(who, || format!("sends {work}, with {}", Brief(&changes)));
        self.check_sending(who, &work, &changes)?;
        self.note_call(who, &work, changes.is_empty());
        if self.is(Mutant::SettledBeforeSent) && !changes.is_empty() {
            let commit = self.commit(who, None, changes.clone());
            self.database.commit(commit)?;
        }
        let sender = self.sender(who);
        let Some(broker) = &mut self.broker else { return Ok(()) };
        if !work.entries().any(|it| self.handlers.is_hopeless(it)) {
            broker.count(&work)?;
        }
        let call = broker.begin(sender, work, changes);
        self.send_off(call);
        Ok(())
    }

    fn note_call(&mut self, who: ProcessId, work: &Work, is_fresh: bool) {
        if work.is_batch() {
            self.tally.count_deed(Deed::Call);
        }
        let Some(following) = self.process(who).following() else { return };
        following.under_way.insert(work.position, work.clone());
        let calls = &mut following.sending.calls;
        calls.values_mut().for_each(|call| call.was_beside_another = true);
        let was_beside_another = !calls.is_empty();
        calls.insert(work.position, SentCall { is_fresh, was_beside_another });
    }

    fn send_off(&mut self, call: Call) {
        let fault = self.faults.of_call(&mut self.rng);
        if let Some(fault) = fault {
            self.count(fault);
            self.note_of(call.sender.process, || format!("sends {}: {fault:?}", call.work));
        }
        let there = self.handling_time();
        match fault {
            Some(Fault::LateDelivery) => {
                let late = up_to(LATEST, &mut self.rng);
                let arrives = Happening::Arrives { call: call.clone(), fault, is_awaited: false };
                self.agenda.put_after(late, arrives);
                self.give_up_waiting(call);
            }
            Some(Fault::HangingBroker) => self.give_up_waiting(call),
            _ => self.agenda.put_after(there, Happening::Arrives { call, fault, is_awaited: true }),
        }
    }

    fn give_up_waiting(&mut self, call: Call) {
        let (after, fates) = (up_to(DEADLINE, &mut self.rng), Fate::unknown(&call.work));
        self.agenda.put_after(after, Happening::Answered { call, fates, is_heard: true });
    }

    /// What is sent is where it was sent to. What a process that is gone had sent may still arrive.
    pub(super) fn arrive(&mut self, call: Call, fault: Option<Fault>, is_awaited: bool) -> Checked {
        let is_gone = self.process(call.sender.process).run != call.sender.run;
        if is_gone && self.rng.bool() {
            return Ok(());
        }
        let is_away = self.handlers.are_away(self.agenda.now());
        let has_ended = self.broker.as_ref().is_some_and(|broker| broker.has_ended(&call));
        let fates = match is_away || has_ended {
            true => Fate::unknown(&call.work),
            false => self.take_in(&call, fault)?,
        };
        self.note(|| format!("broker: {} arrives: {fates:?}", call.work));
        if is_away {
            self.tally.count_deed(Deed::CallInVain);
        }
        if is_awaited {
            let after = self.handling_time();
            self.agenda.put_after(after, Happening::Answered { call, fates, is_heard: !is_away });
        }
        Ok(())
    }

    /// In the order in which they were sent; with the end of the session nothing more is.
    fn take_in(&mut self, call: &Call, fault: Option<Fault>) -> Checked<Vec<(Position, Fate)>> {
        let mut fates = Fate::unknown(&call.work);
        let ends_at = match fault {
            Some(Fault::EndedSession) => self.rng.usize(0..=fates.len()),
            _ => fates.len() + 1,
        };
        let mut taken = 0;
        for (position, fate) in fates.iter_mut().take(ends_at) {
            match self.receive(*position)? {
                Some(received) => *fate = received,
                None => break,
            }
            taken += 1;
        }
        if taken < fates.len() || ends_at == fates.len() {
            self.end_session(call);
            let confirmed = self.rng.usize(0..=taken);
            fates.iter_mut().skip(confirmed).for_each(|(_, fate)| *fate = Fate::Unknown);
        }
        if fault == Some(Fault::LostConfirmation) {
            let lost = fates.iter_mut().filter(|_| self.rng.bool());
            lost.for_each(|(_, fate)| *fate = Fate::Unknown);
        }
        Ok(fates)
    }

    /// Nothing if the session is ended by it.
    fn receive(&mut self, position: Position) -> Checked<Option<Fate>> {
        let now = self.agenda.now();
        match self.handlers.receive(position, now, &mut self.rng) {
            Attempt::Works => {
                if self.database.arrive(position)? {
                    self.tally.count_deed(Deed::Duplicate);
                }
                Ok(Some(Fate::Delivered))
            }
            Attempt::Fails(failure, verdict) => {
                self.count(Fault::FailedAttempt);
                Ok(Some(Fate::Refused(failure, verdict)))
            }
            Attempt::Kills(_) | Attempt::Severs(_) => {
                self.tally.count_deed(Deed::EndOfSession);
                Ok(None)
            }
        }
    }

    fn end_session(&mut self, call: &Call) {
        if let Some(broker) = &mut self.broker {
            broker.end_session(call);
        }
    }

    /// A sender hears what has become of what it sent.
    pub(super) fn hear(
        &mut self,
        call: Call,
        mut fates: Vec<(Position, Fate)>,
        is_heard: bool,
    ) -> Checked {
        let who = call.sender.process;
        if let Some(broker) = &mut self.broker {
            if broker.has_ended(&call) {
                fates = Fate::unknown(&call.work);
            }
            broker.finish(&call);
        }
        if !self.is_waited_for(call.sender, true) || !self.keep(who, &LeaseInput::Tick)? {
            return Ok(());
        }
        self.note_of(who, || format!("sent {}, heard {is_heard}: {fates:?}", call.work));
        self.take_note(who, &call.work, &fates, is_heard);
        let is_heard = self.mistake_fates(&mut fates, is_heard);
        if !call.changes.is_empty() && fates.iter().all(|(_, fate)| fate.is_delivered()) {
            return self.record_sent(who, call);
        }
        self.learn_of_sent(who, &call.work, fates, is_heard)
    }

    /// What it knows from now on, and which attempts count.
    fn take_note(
        &mut self,
        who: ProcessId,
        work: &Work,
        fates: &[(Position, Fate)],
        is_heard: bool,
    ) {
        let (wall, owner) = (self.wall(who), self.database.epoch);
        let Some(following) = self.process(who).following() else { return };
        let is_owner = following.epoch == owner;
        let call = following.sending.calls.remove(&work.position);
        let was_alone = !work.is_batch() && call.is_some_and(|call| !call.was_beside_another);
        following.sending.unheard_at = (!is_heard).then_some(wall);
        for (position, fate) in fates {
            let Some(following) = self.process(who).following() else { return };
            let counts = match fate {
                Fate::Delivered => {
                    following.sending.delivered.insert(*position);
                    false
                }
                Fate::Refused(_, verdict) => {
                    following.failed.insert(*position, *verdict);
                    true
                }
                Fate::Unknown => is_heard && was_alone,
            };
            if counts && is_owner {
                self.database.count_attempt(*position);
            }
        }
    }

    /// What a mutant makes of it.
    fn mistake_fates(&self, fates: &mut Vec<(Position, Fate)>, is_heard: bool) -> bool {
        let unknown = |fates: &[(_, Fate)]| fates.iter().all(|(_, fate)| fate.is_unknown());
        match self.mutant {
            Some(Mutant::UnknownIsDelivered) if is_heard => deliver_unknown(fates),
            Some(Mutant::NobodyIsDelivered) if !is_heard => deliver_unknown(fates),
            Some(Mutant::NobodyIsHeard) => return true,
            Some(Mutant::EndIsNobody) if unknown(fates) => return false,
            Some(Mutant::OnlyFirstAnswered) => fates.truncate(1),
            Some(Mutant::AnswersMixedUp) => {
                let positions: Vec<_> = fates.iter().map(|(position, _)| *position).collect();
                fates.rotate_left(1);
                fates.iter_mut().zip(positions).for_each(|(fate, position)| fate.0 = position);
            }
            _ => {}
        }
        is_heard
    }

    /// What was set aside is so no more, which is recorded before anything of its key is sent.
    fn record_sent(&mut self, who: ProcessId, call: Call) -> Checked {
        let Call { sender, work, changes, .. } = call;
        let commit: Commit = self.commit(who, None, changes.clone());
        self.ask(sender, Errand::Handle { work, changes }, Question::Commit(commit));
        Ok(())
    }

    fn learn_of_sent(
        &mut self,
        who: ProcessId,
        work: &Work,
        fates: Vec<(Position, Fate)>,
        is_heard: bool,
    ) -> Checked {
        if let Some(following) = self.process(who).following() {
            following.under_way.remove(&work.position);
        }
        let outcomes = fates.into_iter().map(|(position, fate)| (position, self.sent(fate)));
        let outcomes = outcomes.collect();
        self.learn(who, Input::Sent { outcomes, is_heard });
        self.follow(who)
    }

    fn sent(&mut self, fate: Fate) -> Sent {
        let random = self.rng.u64(..);
        match fate {
            Fate::Delivered => Sent::Delivered,
            Fate::Refused(failure, verdict) => Sent::Failed { failure, verdict, random },
            Fate::Unknown => {
                let failure = Failure::new(FailureClass::Unconfirmed, "no confirmation");
                Sent::Unknown { failure, random }
            }
        }
    }
}

fn deliver_unknown(fates: &mut [(Position, Fate)]) {
    let unknown = fates.iter_mut().filter(|(_, fate)| fate.is_unknown());
    unknown.for_each(|(_, fate)| *fate = Fate::Delivered);
}
