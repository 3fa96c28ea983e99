//! A small world of its own: processes that listen to one queue, their broker and their database. It runs the
//! library's listener machine inside a model of its shell.
//!
//! INVARIANT: each message is handled, or becomes a dead letter, once, and is acknowledged after that; a good
//! message is handled. A message ends at most as many processes, or connections, as it has attempts, and one
//! or two more. No two messages of a key are under way in one process; if the queue has a single active
//! consumer and keeps the order, so do their effects. Every world ends.

mod inbox;
mod message;
mod mutant;
mod piece;
mod process;
mod queue;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ensue::listener::Tag;
use fastrand::Rng;

use crate::Tally;
use crate::agenda::Agenda;
use crate::faults::up_to;
use crate::trace::Trace;
use crate::violation::{Checked, Violation, ensure};
use inbox::{Fate, Inbox};
use message::{Message, Nature, Natures};
pub use mutant::ListenerMutant;
use piece::Task;
use process::Process;
use queue::{Delivery, Queue};

/// LIMIT: messages of one world.
const MESSAGES_MAX: u64 = 60;

/// Latest time at which the faults stop.
const CALM_AT_MAX: Duration = Duration::from_secs(40);

/// LIMIT: a world that runs longer never ends.
const END_MAX: Duration = Duration::from_secs(60 * 60);

/// Time on the wire.
const WIRE: Duration = Duration::from_millis(2);

/// LIMIT: time until a broker or a process notices that a session is lost.
const NOTICED_MAX: Duration = Duration::from_secs(2);

/// Time between two misfortunes.
const MISFORTUNES_APART: Duration = Duration::from_secs(3);

/// Processes that listen to a queue.
pub struct Audience {
    rng: Rng,
    agenda: Agenda<Happening>,
    queue: Queue,
    inbox: Inbox,
    natures: Natures,
    messages: Vec<Message>,
    to_publish: u64,
    processes: Vec<Process>,
    tasks: BTreeMap<u64, Task>,
    begun: u64,
    passed_by: BTreeSet<u64>,
    /// Number of processes, or connections, that each message has ended.
    ended: BTreeMap<u64, u32>,
    /// Number of times that the database refused each message as a dead letter, or failed at it.
    unburied: BTreeMap<u64, u32>,
    /// Attempts on record that have begun, or never will, since their process is gone or does not know them.
    used: BTreeMap<u64, u32>,
    /// Attempts on record that may still begin, by process and message.
    on_record: BTreeSet<(usize, u64)>,
    away_until: Duration,
    /// One in this many database requests goes wrong.
    one_in: Option<u32>,
    mutant: Option<ListenerMutant>,
    trace: Trace,
    steps: u64,
}

enum Happening {
    Publish,
    Open {
        process: usize,
        run: u64,
    },
    Arrive {
        process: usize,
        session: u64,
        deliveries: Vec<Delivery>,
    },
    Acknowledged {
        session: u64,
        tags: Vec<Tag>,
    },
    /// The process notices that the session has ended.
    Noticed {
        process: usize,
        session: u64,
    },
    SessionEnds {
        session: u64,
    },
    Wake {
        process: usize,
        turn: u64,
    },
    Start {
        process: usize,
    },
    /// A task reaches the database.
    Noted {
        task: u64,
    },
    Finished {
        task: u64,
    },
    LateCommit {
        task: u64,
        numbers: Vec<u64>,
        fate: Fate,
    },
    Misfortune,
    Calm,
}

impl Audience {
    /// Creates the world of `seed`, broken by `mutant` if there is one.
    pub fn new(seed: u64, mutant: Option<ListenerMutant>) -> Self {
        let mut rng = Rng::with_seed(seed);
        let processes = rng.usize(1..=3);
        let mut world = Self {
            queue: Queue::new(&mut rng),
            natures: Natures::new(&mut rng),
            inbox: Inbox::new(mutant),
            messages: Vec::new(),
            to_publish: rng.u64(1..=MESSAGES_MAX),
            processes: (0..processes).map(|_| Process::new(&mut rng)).collect(),
            one_in: *rng.choice(&[None, Some(3), Some(10), Some(40)]).unwrap_or(&None),
            rng,
            agenda: Agenda::new(),
            tasks: BTreeMap::new(),
            begun: 0,
            passed_by: BTreeSet::new(),
            ended: BTreeMap::new(),
            unburied: BTreeMap::new(),
            used: BTreeMap::new(),
            on_record: BTreeSet::new(),
            away_until: Duration::ZERO,
            mutant,
            trace: Trace::Silent,
            steps: 0,
        };
        world.plan();
        world
    }

    fn plan(&mut self) {
        let span = *self.rng.choice(&[Duration::ZERO, CALM_AT_MAX]).unwrap_or(&CALM_AT_MAX);
        for _ in 0..self.to_publish {
            let at = up_to(span, &mut self.rng);
            self.agenda.put_at(at, Happening::Publish);
        }
        for process in 0..self.processes.len() {
            let at = up_to(NOTICED_MAX, &mut self.rng);
            self.agenda.put_at(at, Happening::Start { process });
        }
        let calm_at = up_to(CALM_AT_MAX, &mut self.rng);
        self.agenda.put_at(calm_at, Happening::Calm);
        if self.rng.u8(0..8) > 0 {
            self.agenda.put_after(MISFORTUNES_APART, Happening::Misfortune);
        }
    }

    /// Runs the world to its end.
    pub fn run(mut self) -> (Tally, Result<(), Violation>) {
        let lived = self.live();
        (self.tally(lived.is_err()), lived)
    }

    /// Runs the world and returns its trace, line by line, with the result.
    pub fn trace(mut self) -> (Vec<String>, Result<(), Violation>) {
        self.trace = Trace::Kept(Vec::new());
        let lived = self.live();
        (self.trace.into_lines(), lived)
    }

    /// Returns the tally of this schedule.
    fn tally(&self, is_violated: bool) -> Tally {
        Tally {
            schedules: 1,
            steps: self.steps,
            effects: self.inbox.effects.len() as u64,
            violations: is_violated.into(),
            ..Tally::default()
        }
    }

    fn live(&mut self) -> Checked {
        while let Some(happening) = self.agenda.next() {
            self.steps += 1;
            ensure(self.agenda.now() < END_MAX, || "no end in sight".to_owned())?;
            self.happen(happening)?;
            self.give();
            if self.is_done() {
                return self.check_fates();
            }
        }
        Err(Violation::new("nothing happens any more"))
    }

    fn happen(&mut self, happening: Happening) -> Checked {
        match happening {
            Happening::Publish => self.publish(),
            Happening::Open { process, run } => self.open(process, run),
            Happening::Arrive { process, session, deliveries } => {
                return self.arrive(process, session, &deliveries);
            }
            Happening::Acknowledged { session, tags } => return self.acknowledged(session, &tags),
            Happening::Noticed { process, session } => self.lose_session(process, session),
            Happening::SessionEnds { session } => self.queue.end(session),
            Happening::Wake { process, turn } if self.processes[process].turn == turn => {
                return self.act(process);
            }
            Happening::Wake { .. } => {}
            Happening::Start { process } => self.start(process),
            Happening::Noted { task } => return self.noted(task),
            Happening::Finished { task } => return self.finished(task),
            Happening::LateCommit { task, numbers, fate } => {
                self.inbox.commit(&numbers, fate, task);
            }
            Happening::Misfortune => return self.misfortune(),
            Happening::Calm => {
                self.one_in = None;
                self.away_until = Duration::ZERO;
                self.note(|| "nothing goes wrong any more".to_owned());
            }
        }
        Ok(())
    }

    fn publish(&mut self) {
        let number = self.messages.len() as u64;
        let message = self.natures.draw(&mut self.rng);
        self.note(|| format!("message {number}: {message:?}"));
        self.messages.push(message);
        self.queue.publish(number);
    }

    /// Delivers to each open session what it may be given.
    fn give(&mut self) {
        for (process, session) in self.open_sessions() {
            let deliveries = self.queue.give(session, &mut self.rng);
            if !deliveries.is_empty() {
                self.agenda.put_after(WIRE, Happening::Arrive { process, session, deliveries });
            }
        }
    }

    fn open_sessions(&self) -> Vec<(usize, u64)> {
        let of = |session: &u64| {
            self.processes.iter().position(|process| process.session == Some(*session))
        };
        let sessions = self.queue.sessions().into_iter();
        sessions.filter_map(|session| Some((of(&session)?, session))).collect()
    }

    /// INVARIANT: an acknowledged message is handled, buried or passed by.
    fn acknowledged(&mut self, session: u64, tags: &[Tag]) -> Checked {
        for number in self.queue.acknowledge(session, tags)? {
            let is_done = !self.inbox.is_new(number) || self.passes(number);
            ensure(is_done, || format!("message {number} is acknowledged, and not done with"))?;
            if self.passes(number) {
                self.passed_by.insert(number);
            }
        }
        Ok(())
    }

    fn passes(&self, number: u64) -> bool {
        self.message(number).nature == Nature::PassedBy
    }

    fn message(&self, number: u64) -> &Message {
        &self.messages[usize::try_from(number).unwrap_or(usize::MAX)]
    }

    fn misfortune(&mut self) -> Checked {
        if self.one_in.is_none() {
            return Ok(());
        }
        let process = self.rng.usize(0..self.processes.len());
        match self.rng.u8(0..4) {
            0 => self.crash(process, "it crashes"),
            1 => self.cut(process),
            2 => self.away_until = self.agenda.now() + up_to(NOTICED_MAX * 2, &mut self.rng),
            _ => self.shut_down(process)?,
        }
        let later = up_to(MISFORTUNES_APART, &mut self.rng);
        self.agenda.put_after(later, Happening::Misfortune);
        Ok(())
    }

    /// Returns true if the next database request goes wrong.
    fn goes_wrong(&mut self) -> bool {
        self.one_in.is_some_and(|one_in| self.rng.u32(0..one_in) == 0)
    }

    fn is_away(&self) -> bool {
        self.agenda.now() < self.away_until
    }

    fn is_done(&self) -> bool {
        let done = self.inbox.receipts.len() + self.passed_by.len();
        self.messages.len() as u64 == self.to_publish
            && done >= self.messages.len()
            && self.queue.is_empty()
            && self.tasks.is_empty()
    }

    fn check_fates(&self) -> Checked {
        for (number, message) in (0..).zip(&self.messages) {
            let fate = self.inbox.receipts.get(&number);
            let had_attempts = self.inbox.attempts(number) > process::ATTEMPTS_MAX;
            let is_right = match message.nature {
                Nature::Fine => fate == Some(&Fate::Handled) || had_attempts,
                Nature::Fails(_) => fate.is_some(),
                Nature::PassedBy => fate.is_none(),
                Nature::Poisoned | Nature::Killer | Nature::Costly | Nature::NoEvent => {
                    fate == Some(&Fate::Dead)
                }
            };
            ensure(is_right, || format!("message {number} is {fate:?}: {message:?}"))?;
        }
        self.check_effects()
    }

    fn check_effects(&self) -> Checked {
        let effects = &self.inbox.effects;
        let once: BTreeSet<_> = effects.iter().collect();
        ensure(once.len() == effects.len(), || format!("handled twice: {effects:?}"))?;
        if !self.queue.is_exclusive || self.queue.shuffles {
            return Ok(());
        }
        let mut last = BTreeMap::new();
        for number in effects {
            let Some(key) = self.message(*number).key else { continue };
            let before = last.insert(key, number);
            ensure(before < Some(number), || format!("message {number} after {before:?}"))?;
        }
        Ok(())
    }

    fn note(&mut self, words: impl FnOnce() -> String) {
        self.trace.note(self.agenda.now(), words);
    }
}
