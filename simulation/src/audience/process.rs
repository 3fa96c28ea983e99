//! A listening process: its shell around the machine, and its failures.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ensue::EventId;
use ensue::RetryPolicy;
use ensue::listener::Tag;
use ensue::simulation::listener::{Action, Arrived, Intake, Kind, Lane, Next, Outcome, Piece};
use fastrand::Rng;

use super::{Audience, Delivery, Happening, ListenerMutant, NOTICED_MAX, WIRE};
use crate::faults::up_to;
use crate::violation::{Checked, ensure};

pub(super) const ATTEMPTS_MAX: u32 = 3;

/// The content of a message, opaque to the machine.
#[derive(Debug, Clone)]
pub(super) struct Content {
    pub(super) number: u64,
    /// Number of this arrival in the process.
    pub(super) arrival: u64,
    pub(super) session: u64,
    pub(super) is_redelivered: bool,
}

pub(super) struct Process {
    pub(super) intake: Intake<Content>,
    pub(super) width: usize,
    pub(super) batch: usize,
    prefetch: usize,
    bytes_max: usize,
    /// Prefetch of the next session.
    next_prefetch: usize,
    /// Number of starts; the process ignores answers to an earlier run.
    pub(super) run: u64,
    pub(super) is_up: bool,
    is_stopping: bool,
    pub(super) session: Option<u64>,
    pub(super) turn: u64,
    arrivals: u64,
    /// Failed attempts by arrival.
    pub(super) failures: BTreeMap<u64, u32>,
    /// Messages that are done in the open session.
    pub(super) finished: BTreeSet<u64>,
    /// Messages that have arrived and are not done.
    pub(super) here: BTreeSet<u64>,
}

impl Process {
    pub(super) fn new(rng: &mut Rng) -> Self {
        let (width, batch) = (rng.usize(1..4), rng.usize(1..12));
        let prefetch = rng.usize(1..40);
        Self {
            intake: intake(width, batch),
            width,
            batch,
            prefetch,
            bytes_max: *rng.choice(&[usize::MAX, 8 << 20]).unwrap_or(&usize::MAX),
            next_prefetch: prefetch,
            run: 0,
            is_up: false,
            is_stopping: false,
            session: None,
            turn: 0,
            arrivals: 0,
            failures: BTreeMap::new(),
            finished: BTreeSet::new(),
            here: BTreeSet::new(),
        }
    }
}

fn intake(width: usize, batch: usize) -> Intake<Content> {
    let policy = RetryPolicy::default().attempts(ATTEMPTS_MAX);
    let policy = policy.backoff(Duration::from_millis(200), Duration::from_secs(10));
    Intake::new(policy, width, batch)
}

impl Audience {
    pub(super) fn start(&mut self, process: usize) {
        let it = &mut self.processes[process];
        if std::mem::replace(&mut it.is_up, true) {
            return;
        }
        it.run += 1;
        it.intake = intake(it.width, it.batch);
        (it.is_stopping, it.next_prefetch) = (false, it.prefetch);
        let run = it.run;
        self.note(|| format!("process {process} starts"));
        self.open_later(process, run);
    }

    fn open_later(&mut self, process: usize, run: u64) {
        let later = up_to(NOTICED_MAX, &mut self.rng);
        self.agenda.put_after(later, Happening::Open { process, run });
    }

    pub(super) fn open(&mut self, process: usize, run: u64) {
        let it = &mut self.processes[process];
        if it.is_up && it.run == run && it.session.is_none() {
            it.session = Some(self.queue.open(it.next_prefetch));
            it.next_prefetch = it.prefetch;
            self.wake(process);
        }
    }

    /// Wakes the process at once, whatever it waits for.
    fn wake(&mut self, process: usize) {
        self.processes[process].turn += 1;
        let turn = self.processes[process].turn;
        self.agenda.put_after(Duration::ZERO, Happening::Wake { process, turn });
    }

    pub(super) fn arrive(
        &mut self,
        process: usize,
        session: u64,
        deliveries: &[Delivery],
    ) -> Checked {
        if self.processes[process].session != Some(session) || self.processes[process].is_stopping {
            return Ok(());
        }
        for delivery in deliveries {
            let arrived = self.arrived(process, session, *delivery);
            self.processes[process].intake.arrive(arrived);
        }
        let it = &mut self.processes[process];
        let fitting = it.intake.fitting_prefetch(it.bytes_max);
        match fitting.filter(|_| self.mutant != Some(ListenerMutant::BytesIgnored)) {
            Some(prefetch) => {
                it.next_prefetch = prefetch.into();
                self.queue.end(session);
                self.lose_session(process, session);
                Ok(())
            }
            None => {
                self.check_bytes(process, session)?;
                self.act(process)
            }
        }
    }

    fn arrived(&mut self, process: usize, session: u64, delivery: Delivery) -> Arrived<Content> {
        let Delivery { tag, number, is_redelivered } = delivery;
        let message = self.message(number);
        let (mut lane, kind, bytes) = (message.lane(number), message.kind(), message.bytes);
        if self.mutant == Some(ListenerMutant::KeysIgnored) {
            lane = Lane::Event(EventId::named(&number.to_le_bytes()));
        }
        let is_told = self.mutant != Some(ListenerMutant::RedeliveryIgnored);
        let it = &mut self.processes[process];
        it.arrivals += 1;
        if !matches!(kind, Kind::PassedBy) {
            it.here.insert(number);
        }
        Arrived {
            tag,
            is_redelivered: is_redelivered && is_told,
            lane,
            sequence: Some(("shop".to_owned(), number)),
            kind,
            bytes,
            content: Content { number, arrival: it.arrivals, session, is_redelivered },
        }
    }

    /// INVARIANT: the messages held stay within the limit of bytes, except a single larger one.
    fn check_bytes(&self, process: usize, session: u64) -> Checked {
        let it = &self.processes[process];
        let bytes: usize = it.here.iter().map(|number| self.message(*number).bytes).sum();
        let messages = it.here.len();
        ensure(bytes <= it.bytes_max || messages <= 1, || {
            format!("{messages} messages of session {session} have {bytes} bytes")
        })
    }

    /// Performs the machine's actions until it has none for now.
    pub(super) fn act(&mut self, process: usize) -> Checked {
        loop {
            let now = self.agenda.now();
            let it = &mut self.processes[process];
            let Some(session) = it.session else { return Ok(()) };
            match it.intake.next(now) {
                Next::Do(Action::Acknowledge { tags }) => self.acknowledge(session, tags)?,
                Next::Do(action) => self.begin(process, action)?,
                Next::Wait { until } => {
                    it.turn += 1;
                    let turn = it.turn;
                    if let Some(until) = until {
                        self.agenda.put_at(until, Happening::Wake { process, turn });
                    }
                    return Ok(());
                }
                Next::Over => return self.over(process, session),
            }
        }
    }

    pub(super) fn acknowledge(&mut self, session: u64, tags: Vec<Tag>) -> Checked {
        ensure(tags.is_sorted(), || format!("{tags:?} are in no order"))?;
        self.agenda.put_after(WIRE, Happening::Acknowledged { session, tags });
        Ok(())
    }

    /// Tells the machine the outcome of a task.
    pub(super) fn tell(&mut self, process: usize, piece: Piece, outcome: Outcome) -> Checked {
        let now = self.agenda.now();
        self.note(|| format!("process {process} hears: {outcome:?}"));
        self.processes[process].intake.end(now, piece, outcome);
        self.act(process)
    }

    /// Cuts the session; the broker or the process notices later.
    pub(super) fn cut(&mut self, process: usize) {
        let Some(session) = self.processes[process].session else { return };
        self.note(|| format!("session {session} of process {process} is cut"));
        let later = up_to(NOTICED_MAX, &mut self.rng);
        match self.rng.bool() {
            true => {
                self.queue.end(session);
                self.agenda.put_after(later, Happening::Noticed { process, session });
            }
            false => {
                self.agenda.put_after(later, Happening::SessionEnds { session });
                self.lose_session(process, session);
            }
        }
    }

    pub(super) fn lose_session(&mut self, process: usize, session: u64) {
        let it = &mut self.processes[process];
        if it.session != Some(session) {
            return;
        }
        it.session = None;
        (it.finished, it.here) = Default::default();
        if self.mutant != Some(ListenerMutant::LostSessionIgnored) {
            it.intake.lose_session();
        }
        let run = it.run;
        self.forget_records(process);
        self.note(|| format!("process {process} has lost session {session}"));
        self.open_later(process, run);
    }

    /// Ends the process; only stored data and requested commits survive it.
    pub(super) fn crash(&mut self, process: usize, why: &str) {
        if !self.processes[process].is_up {
            return;
        }
        self.note(|| format!("process {process}: {why}"));
        self.end_tasks(process);
        if let Some(session) = self.processes[process].session {
            let later = up_to(NOTICED_MAX, &mut self.rng);
            self.agenda.put_after(later, Happening::SessionEnds { session });
        }
        self.go(process);
    }

    fn go(&mut self, process: usize) {
        let it = &mut self.processes[process];
        (it.is_up, it.session) = (false, None);
        (it.finished, it.here) = Default::default();
        it.failures.clear();
        it.turn += 1;
        self.forget_records(process);
        let later = up_to(NOTICED_MAX, &mut self.rng);
        self.agenda.put_after(later, Happening::Start { process });
    }

    pub(super) fn shut_down(&mut self, process: usize) -> Checked {
        let it = &mut self.processes[process];
        if !it.is_up || it.session.is_none() {
            return Ok(());
        }
        it.is_stopping = true;
        it.intake.stop();
        self.note(|| format!("process {process} is shut down"));
        self.act(process)
    }

    /// INVARIANT: messages that are done in a session that is shut down do not arrive again.
    fn over(&mut self, process: usize, session: u64) -> Checked {
        if self.mutant != Some(ListenerMutant::NotFlushed) {
            self.flush(session)?;
        }
        let it = &self.processes[process];
        let again = self.queue.unacknowledged(session).find(|number| it.finished.contains(number));
        ensure(again.is_none(), || format!("message {again:?} is done with, and arrives again"))?;
        self.queue.end(session);
        self.go(process);
        Ok(())
    }

    /// Delivers the pending acknowledgements to the broker.
    fn flush(&mut self, session: u64) -> Checked {
        let is_of_it = |happening: &Happening| matches!(happening, Happening::Acknowledged { session: of, .. } if *of == session);
        for happening in self.agenda.take(is_of_it) {
            if let Happening::Acknowledged { tags, .. } = happening {
                self.acknowledged(session, &tags)?;
            }
        }
        Ok(())
    }
}
