//! One schedule, from a seed to its end.

mod following;
mod handling;
mod invariants;
mod keeper;
mod misfortunes;
mod operators;
mod post;
mod runner;
mod sending;
mod sending_invariants;
mod watch;

use std::time::Duration;

use ensue::Position;
use ensue::simulation::{Lease, Succession};
use fastrand::Rng;

use crate::agenda::Agenda;
use crate::broker::{Broker, Call, Fate};
use crate::database::Database;
use crate::faults::{Fault, Faults, up_to};
use crate::handlers::Handlers;
use crate::letter::{Answered, Commit, Errand, Lost, Question, Sender};
use crate::mutant::Mutant;
use crate::process::{Clocks, Process, ProcessId, Program, Role, Watch};
use crate::story::story;
use crate::tally::Tally;
use crate::target::Target;
use crate::trace::Trace;
use crate::violation::{Checked, Violation};

/// LIMIT: things that happen in one world; what gets nowhere is found by it.
const STEPS_MAX: u64 = 60_000;

/// LIMIT: when faults stop at the latest.
const CALM_AT_MAX: Duration = Duration::from_secs(60);

/// Processes that follow one log, the database between them, and all that goes wrong.
pub struct World {
    rng: Rng,
    agenda: Agenda<Happening>,
    database: Database,
    processes: Vec<Process>,
    handlers: Handlers,
    /// If entries are not handled but sent.
    broker: Option<Broker>,
    faults: Faults,
    settings: Settings,
    mutant: Option<Mutant>,
    tally: Tally,
    trace: Trace,
    /// All is done, but for what the next owner has to clear away.
    asked_to_sweep: bool,
    finished: bool,
}

/// What the processes are set to.
struct Settings {
    lanes: usize,
    /// Entries of a batch at the most.
    batch: usize,
    /// Whether an older program is replaced by a newer one.
    is_upgraded: bool,
    lease: Duration,
    poll: Duration,
}

/// What happens at one time.
enum Happening {
    Append,
    Intervene,
    Misfortune,
    /// From now on the process is the newer program.
    Upgrade(ProcessId),
    /// Faults stop.
    Calm,
    Start(ProcessId),
    /// A process looks whether there is something to do.
    Turn {
        process: ProcessId,
        run: u32,
        turn: u64,
    },
    /// It looks at the database, since it has not for a while,
    Poll {
        process: ProcessId,
        run: u32,
        poll: u64,
    },
    /// or since it was told of an append.
    WakeUp {
        process: ProcessId,
        run: u32,
    },
    HandlerEnds {
        sender: Sender,
        commit: Commit,
    },
    /// What was sent arrives,
    Arrives {
        call: Call,
        fault: Option<Fault>,
        is_awaited: bool,
    },
    /// and its sender hears what has become of it.
    Answered {
        call: Call,
        fates: Vec<(Position, Fate)>,
        is_heard: bool,
    },
    /// A question is at the database.
    Asked {
        sender: Sender,
        errand: Errand,
        question: Question,
        reply: Reply,
    },
    /// An answer is back.
    Told {
        sender: Sender,
        errand: Errand,
        answer: Result<Answered, Lost>,
    },
}

/// What becomes of an answer.
#[derive(Debug, Clone, Copy)]
enum Reply {
    Arrives { after: Duration },
    IsLost { after: Duration },
    NobodyWaits,
}

impl World {
    /// The world of `seed`, with something broken if there is a `mutant`.
    pub fn new(target: Target, seed: u64, mutant: Option<Mutant>) -> Self {
        let mut rng = Rng::with_seed(seed);
        // Batches of one key, entries that end processes, and frequent interruptions: here suspects have
        // to be remembered longest.
        let is_hard = target == Target::Handlers && rng.u8(0..8) == 0;
        let settings = Settings::new(target, is_hard, &mut rng);
        let story = story(settings.is_upgraded, is_hard, &mut rng);
        let mut handlers = Handlers::new(&story, is_hard, &mut rng);
        let mut faults = Faults::new(is_hard, &mut rng);
        let broker = (target == Target::Sink).then(|| {
            faults.add_those_of_calls(&mut rng);
            handlers.add_hopeless(&story, &mut rng);
            Broker::new(&mut rng)
        });
        let processes = (0..rng.usize(1..=3)).map(|_| down(&settings)).collect();
        let mut world = Self {
            rng,
            agenda: Agenda::new(),
            database: Database::new(target, story, mutant),
            processes,
            handlers,
            broker,
            faults,
            settings,
            mutant,
            tally: Tally { schedules: 1, ..Tally::default() },
            trace: Trace::Silent,
            asked_to_sweep: false,
            finished: false,
        };
        world.plan();
        world
    }

    /// Lives it to its end.
    pub fn run(mut self) -> (Tally, Result<(), Violation>) {
        let lived = self.live();
        self.tally.effects = self.database.ledger.effects();
        self.tally.violations = u64::from(lived.is_err());
        (self.tally, lived)
    }

    /// Lives it to its end, and tells what happened line by line.
    pub fn trace(mut self) -> (Vec<String>, Result<(), Violation>) {
        self.trace = Trace::Kept(Vec::new());
        let lived = self.live();
        (self.trace.into_lines(), lived)
    }

    /// What will happen whatever else does.
    fn plan(&mut self) {
        let calm_at = up_to(CALM_AT_MAX, &mut self.rng);
        // Some worlds begin with a backlog.
        let is_growing = self.settings.is_upgraded || self.rng.bool();
        let growing = if is_growing { calm_at } else { Duration::ZERO };
        for _ in 0..self.database.entries() {
            let time = up_to(growing, &mut self.rng);
            self.agenda.put_at(time, Happening::Append);
        }
        for process in 0..self.processes.len() {
            let time = up_to(Duration::from_secs(5), &mut self.rng);
            self.agenda.put_at(time, Happening::Start(ProcessId(process)));
            if self.settings.is_upgraded {
                let time = up_to(calm_at, &mut self.rng);
                self.agenda.put_at(time, Happening::Upgrade(ProcessId(process)));
            }
        }
        self.agenda.put_at(calm_at, Happening::Calm);
        self.agenda.put_at(Faults::next_misfortune(&mut self.rng), Happening::Misfortune);
        self.agenda.put_at(operators::next_visit(&mut self.rng), Happening::Intervene);
    }

    fn live(&mut self) -> Checked {
        while self.tally.steps < STEPS_MAX {
            self.tally.steps += 1;
            let Some(happening) = self.agenda.next() else { break };
            if let Some(happening) = self.hold_back(happening) {
                self.happen(happening)?;
            }
            if self.finished {
                return self.check_end();
            }
        }
        Err(Violation::new("no end in sight"))
    }

    /// What happens in a process that is stalled happens later, in any order.
    fn hold_back(&mut self, happening: Happening) -> Option<Happening> {
        let Some(who) = happening.process() else { return Some(happening) };
        let until = self.process(who).stalled_until;
        if until <= self.agenda.now() {
            return Some(happening);
        }
        let late = up_to(Duration::from_millis(5), &mut self.rng);
        self.agenda.put_at(until + late, happening);
        None
    }

    fn happen(&mut self, happening: Happening) -> Checked {
        match happening {
            Happening::Append => self.append(),
            Happening::Intervene => self.intervene(),
            Happening::Misfortune => self.meet_misfortune()?,
            Happening::Upgrade(who) => self.upgrade(who)?,
            Happening::Calm => self.calm_down(),
            Happening::Start(who) => self.start(who)?,
            Happening::Turn { process, run, turn } => {
                if (self.process(process).run, self.process(process).turn) == (run, turn) {
                    self.go_on(process)?;
                }
            }
            Happening::Poll { process, run, poll } => {
                if (self.process(process).run, self.process(process).watch.poll) == (run, poll) {
                    self.look(process);
                }
            }
            Happening::WakeUp { process, run } => {
                if self.process(process).run == run {
                    self.look(process);
                }
            }
            Happening::HandlerEnds { sender, commit } => {
                self.end_handler(sender, commit)?;
            }
            Happening::Arrives { call, fault, is_awaited } => {
                self.arrive(call, fault, is_awaited)?;
            }
            Happening::Answered { call, fates, is_heard } => self.hear(call, fates, is_heard)?,
            Happening::Asked { sender, errand, question, reply } => {
                self.answer(sender, errand, question, reply)?;
            }
            Happening::Told { sender, errand, answer } => self.tell(sender, errand, answer)?,
        }
        Ok(())
    }

    fn calm_down(&mut self) {
        self.note(|| "faults stop".to_owned());
        self.faults.stop();
        self.handlers.heal();
        let requests = self.database.pending_requests().len();
        if let Some(broker) = &mut self.broker {
            broker.calm_down(requests);
        }
    }

    /// A newer program takes the place of an older one.
    fn upgrade(&mut self, who: ProcessId) -> Checked {
        self.process(who).installed = Program::Newer;
        self.note_of(who, || "is to be the newer program".to_owned());
        match self.process(who).is_up() {
            true => self.shut_down(who),
            false => Ok(()),
        }
    }

    fn process(&mut self, who: ProcessId) -> &mut Process {
        &mut self.processes[who.0]
    }

    fn sender(&mut self, who: ProcessId) -> Sender {
        let process = self.process(who);
        Sender { process: who, run: process.run, term: process.term }
    }

    /// What the process's own clock shows.
    fn own(&mut self, who: ProcessId) -> Duration {
        let now = self.agenda.now();
        self.process(who).clocks.own(now)
    }

    fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    fn note(&mut self, words: impl FnOnce() -> String) {
        self.trace.note(self.agenda.now(), words);
    }

    fn note_of(&mut self, who: ProcessId, words: impl FnOnce() -> String) {
        let now = self.agenda.now();
        let Process { run, .. } = &self.processes[who.0];
        self.trace.note(now, || format!("{who}.{run}: {}", words()));
    }

    fn allow_to_send_again(&mut self) {
        if let Some(broker) = &mut self.broker {
            broker.allow_for();
        }
    }

    fn count(&mut self, fault: Fault) {
        self.tally.count(fault);
    }
}

impl Happening {
    /// In which process it happens, if it does in one.
    fn process(&self) -> Option<ProcessId> {
        match self {
            Self::Turn { process, .. }
            | Self::Poll { process, .. }
            | Self::WakeUp { process, .. } => Some(*process),
            Self::HandlerEnds { sender, .. } | Self::Told { sender, .. } => Some(sender.process),
            Self::Answered { call, .. } => Some(call.sender.process),
            Self::Append
            | Self::Intervene
            | Self::Misfortune
            | Self::Upgrade(_)
            | Self::Calm
            | Self::Start(_)
            | Self::Arrives { .. }
            | Self::Asked { .. } => None,
        }
    }
}

impl Settings {
    fn new(target: Target, is_hard: bool, rng: &mut Rng) -> Self {
        let lanes = if is_hard { 1 } else { *rng.choice(&[1, 1, 1, 2, 3, 8]).unwrap_or(&1) };
        let batches = if is_hard { [2, 3, 5, 20] } else { [1, 2, 5, 20] };
        let batch = *rng.choice(&batches).unwrap_or(&1);
        Self {
            lanes,
            batch: if lanes == 1 { batch } else { 1 },
            is_upgraded: rng.u8(0..3) == 0 && target == Target::Handlers,
            lease: Duration::from_secs(rng.u64(3..15)),
            poll: Duration::from_secs(rng.u64(1..4)),
        }
    }
}

/// A process that was never started.
fn down(settings: &Settings) -> Process {
    let program = if settings.is_upgraded { Program::Older } else { Program::Newer };
    Process {
        installed: program,
        program,
        run: 0,
        term: 0,
        role: Role::Down,
        lease: Lease::new(settings.lease),
        succession: Succession::default(),
        interruptions: 0,
        stopping: false,
        stalled_until: Duration::ZERO,
        clocks: Clocks { started: Duration::ZERO, rate: 1_000_000, ahead: 0 },
        watch: Watch::default(),
        turn: 0,
    }
}
