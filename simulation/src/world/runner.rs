//! Term after term of one process, as the library's runner lives them.

use std::mem;
use std::time::Duration;

use ensue::Position;
use ensue::simulation::{Lease, LeaseAction, LeaseInput, Legacy, Succession};
use ensue::subscription::{Epoch, Request, TakeOver, Term};

use super::{Happening, World};
use crate::faults::up_to;
use crate::letter::{Answered, Errand, Lost, Question};
use crate::mutant::Mutant;
use crate::process::{Beginning, Clocks, ProcessId, Role, Watch};
use crate::violation::Checked;

/// A process is started again after this time at the latest.
const RESTARTED_AFTER: Duration = Duration::from_secs(15);

/// After a first interruption at the most, then twice as long each time,
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// Clocks go wrong by a twentieth at the most.
const RATES: std::ops::RangeInclusive<u32> = 950_000..=1_050_000;

impl World {
    pub(super) fn start(&mut self, who: ProcessId) -> Checked {
        if self.process(who).is_up() {
            return Ok(());
        }
        let (now, rate) = (self.agenda.now(), self.rng.u32(RATES));
        let trusted = if self.is(Mutant::LeaseTrustedTooLong) { 3 } else { 2 };
        let lease = Lease::new(self.settings.lease * trusted / 2);
        let process = self.process(who);
        process.run += 1;
        process.program = process.installed;
        process.lease = lease;
        process.succession = Succession::default();
        process.interruptions = 0;
        process.stopping = false;
        process.clocks = Clocks { started: now, rate, ..process.clocks };
        process.watch = Watch::default();
        process.role = Role::Registering;
        let program = process.program;
        self.note_of(who, || format!("starts, {program:?}"));
        self.look(who);
        self.register(who);
        Ok(())
    }

    fn register(&mut self, who: ProcessId) {
        let (sender, types) = (self.sender(who), self.process(who).program.types());
        self.ask(sender, Errand::Register, Question::Register { types });
    }

    /// Who does not know whether it was registered begins nothing.
    pub(super) fn learn_of_registration(
        &mut self,
        who: ProcessId,
        answer: &Result<Answered, Lost>,
    ) -> Checked {
        match answer {
            Ok(_) => self.stand_by(who, &LeaseInput::Tick),
            Err(Lost) => {
                self.register(who);
                Ok(())
            }
        }
    }

    /// The process is gone, and everything in it.
    pub(super) fn end(&mut self, who: ProcessId) {
        let process = self.process(who);
        process.run += 1;
        process.term += 1;
        process.role = Role::Down;
        process.stalled_until = Duration::ZERO;
        let later = up_to(RESTARTED_AFTER, &mut self.rng);
        self.agenda.put_after(later, Happening::Start(who));
    }

    /// From now on it begins nothing new, and hands over.
    pub(super) fn shut_down(&mut self, who: ProcessId) -> Checked {
        self.process(who).stopping = true;
        self.go_on(who)
    }

    /// Does whatever there is to do.
    pub(super) fn go_on(&mut self, who: ProcessId) -> Checked {
        let own = self.own(who);
        let process = self.process(who);
        match &process.role {
            Role::Down
            | Role::Registering
            | Role::StandingBy { asking: true }
            | Role::Beginning(_) => Ok(()),
            Role::StandingBy { asking: false } => self.stand_by(who, &LeaseInput::Tick),
            Role::Following(_) => match self.keep(who, &LeaseInput::Tick)? {
                true => self.follow(who),
                false => Ok(()),
            },
            Role::Pausing { until, epoch } => {
                let epoch = *epoch;
                match own >= *until || process.stopping {
                    true => self.end_pause(who, epoch),
                    false => Ok(()),
                }
            }
        }
    }

    /// Asks until it is the owner.
    pub(super) fn stand_by(&mut self, who: ProcessId, input: &LeaseInput) -> Checked {
        let own = self.own(who);
        let process = self.process(who);
        process.role = Role::StandingBy { asking: false };
        if process.stopping {
            self.end(who);
            return Ok(());
        }
        match process.lease.step(own, input) {
            LeaseAction::TakeOver => self.ask_to_take_over(who),
            LeaseAction::WaitUntil(until) => {
                let time = process.clocks.when(until);
                self.wake_at(who, time);
            }
            // These are for who holds a lease.
            LeaseAction::Renew | LeaseAction::Stop => return self.stand_by(who, &LeaseInput::Over),
        }
        Ok(())
    }

    fn ask_to_take_over(&mut self, who: ProcessId) {
        let (asked_at, sender) = (self.own(who), self.sender(who));
        self.process(who).role = Role::StandingBy { asking: true };
        let run = if self.is(Mutant::OwnersNamedAlike) { 0 } else { sender.run };
        let question = Question::TakeOver {
            owner: format!("{}.{run}", who.0 + 1),
            length: self.settings.lease,
            read_before: self
                .is(Mutant::TermReadTooEarly)
                .then(|| Box::new(self.database.term_before())),
        };
        self.ask(sender, Errand::TakeOver { asked_at }, question);
    }

    pub(super) fn learn_of_take_over(
        &mut self,
        who: ProcessId,
        asked_at: Duration,
        answer: Result<Answered, Lost>,
    ) -> Checked {
        match answer {
            Ok(Answered::TakeOver(TakeOver::Granted(term))) => {
                self.become_owner(who, asked_at, term);
                Ok(())
            }
            Ok(Answered::TakeOver(TakeOver::Held { remaining, .. })) => {
                self.stand_by(who, &LeaseInput::Refused { remaining })
            }
            _ => {
                if !self.is(Mutant::SuspicionLostWithReply) {
                    self.process(who).succession.doubt();
                }
                self.stand_by(who, &LeaseInput::Failed)
            }
        }
    }

    fn become_owner(&mut self, who: ProcessId, asked_at: Duration, term: Term) {
        self.tally.terms += 1;
        self.allow_to_send_again();
        let own = self.own(who);
        let from_answer = self.is(Mutant::LeaseCountedFromAnswer);
        let asked_at = if from_answer { own } else { asked_at };
        let process = self.process(who);
        process.lease.step(own, &LeaseInput::Granted { asked_at });
        let term = process.succession.begin(term);
        let is_handed_over = term.is_handed_over;
        let seen = process.watch.requests.iter().map(|request| request.id).collect();
        let (epoch, cursor) = (term.epoch.get(), term.cursor);
        process.role = Role::Beginning(Box::new(Beginning { term, seen }));
        self.note_of(who, || {
            let left = if is_handed_over { "handed over" } else { "not handed over" };
            format!("is the owner, epoch {epoch}, cursor {cursor}, {left}")
        });
        let sender = self.sender(who);
        self.ask(sender, Errand::Begin, Question::Begin);
    }

    pub(super) fn begin_term(&mut self, who: ProcessId, answer: Result<Answered, Lost>) -> Checked {
        let Ok(Answered::Begun { head, requests }) = answer else {
            return self.end_term(who, Ended::Interrupted);
        };
        let role = mem::replace(&mut self.process(who).role, Role::Down);
        let Role::Beginning(beginning) = role else { return Ok(()) };
        self.begin_to_follow(who, *beginning, head, requests);
        self.go_on(who)
    }

    /// What was seen before the term began may have been answered since; and the owner before may
    /// have read further than this process has seen.
    fn begin_to_follow(
        &mut self,
        who: ProcessId,
        beginning: Beginning,
        head: Position,
        requests: Vec<Request>,
    ) {
        let Beginning { term, mut seen } = beginning;
        if self.is(Mutant::RequestTakenForTold) {
            seen.extend(self.process(who).watch.requests.iter().map(|request| request.id));
        }
        seen.extend(requests.iter().map(|request| request.id));
        let head = (!self.is(Mutant::HeadFromBefore)).then_some(head);
        let following = self.new_following(who, term, seen, head, requests);
        self.process(who).role = Role::Following(Box::new(following));
    }

    pub(super) fn end_term(&mut self, who: ProcessId, ended: Ended) -> Checked {
        let forgets = self.is(Mutant::SuspicionLostAtBeginning);
        let leaves_nothing = self.is(Mutant::FailuresLeftBehind);
        let own = self.own(who);
        let process = self.process(who);
        process.term += 1;
        let epoch = match mem::replace(&mut process.role, Role::Down) {
            Role::Beginning(beginning) => {
                if forgets {
                    process.succession = Succession::default();
                }
                beginning.term.epoch
            }
            Role::Following(following) => {
                let forgets = leaves_nothing && !following.follower.is_suspicious();
                process.succession.end(match forgets {
                    true => Legacy::default(),
                    false => following.follower.leave(),
                });
                following.epoch
            }
            other => {
                process.role = other;
                return Ok(());
            }
        };
        self.note_of(who, || format!("its term ends: {ended:?}"));
        match ended {
            Ended::Well => {
                self.process(who).interruptions = 0;
                self.end_pause(who, epoch)
            }
            Ended::Interrupted | Ended::OutOfTime | Ended::Fenced => self.pause(who, own, epoch),
        }
    }

    fn pause(&mut self, who: ProcessId, own: Duration, epoch: Epoch) -> Checked {
        let doublings = self.process(who).interruptions.min(8);
        let pause = up_to((FIRST_PAUSE * (1 << doublings)).min(LONGEST_PAUSE), &mut self.rng);
        let process = self.process(who);
        process.interruptions += 1;
        process.role = Role::Pausing { until: own + pause, epoch };
        let time = process.clocks.when(own + pause);
        self.wake_at(who, time);
        self.go_on(who)
    }

    fn end_pause(&mut self, who: ProcessId, epoch: Epoch) -> Checked {
        let own = self.own(who);
        let process = self.process(who);
        process.lease.step(own, &LeaseInput::Over);
        let (stopping, may_hand_over) = (process.stopping, process.succession.may_hand_over());
        // Who has not tried all suspects does not hand over: the next owner has to try them too.
        if stopping && (may_hand_over || self.is(Mutant::SuspicionHandedOver)) {
            let sender = self.sender(who);
            self.ask(sender, Errand::Release, Question::Release { epoch });
        }
        self.stand_by(who, &LeaseInput::Tick)
    }

    /// It looks around at that time, or before if there is something new.
    pub(super) fn wake_at(&mut self, who: ProcessId, time: Duration) {
        let process = self.process(who);
        process.turn += 1;
        let (run, turn) = (process.run, process.turn);
        self.agenda.put_at(time, Happening::Turn { process: who, run, turn });
    }
}

/// How a term ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    Well,
    /// What is stored may differ from what the follower knows.
    Interrupted,
    /// The lease could not be renewed in time.
    OutOfTime,
    /// Another process is the owner.
    Fenced,
}
