//! A small world of its own: several processes that share several subscriptions out among
//! themselves. What is done for a subscription is the other world's matter.
//!
//! INVARIANT: some time after faults stop no subscription is without an owner for longer than a
//! lease; some time later the numbers of each process differ by one at the most, and from then on
//! none changes hands.

mod registry;
mod runner;

use std::time::Duration;

use ensue::subscription::Claim;
use fastrand::Rng;

use crate::agenda::Agenda;
use crate::faults::up_to;
use crate::violation::{Checked, Violation, ensure};
use registry::Registry;
use runner::{Role, Runner};

/// When faults stop at the latest.
const CALM_AT_MAX: Duration = Duration::from_secs(60);

/// LIMIT: leases after which every process has asked for every subscription, and been answered.
const LEASES_TO_ASK: u32 = 2;

/// LIMIT: leases after which nothing changes any more: some for those of the dead to run out, and a
/// few for each halving of the largest difference.
const LEASES_TO_SETTLE: u32 = 12;

/// For so many it is looked on.
const LEASES_TO_WATCH: u32 = 12;

/// LIMIT: how long a question, or an answer, is usually on its way.
const USUAL: Duration = Duration::from_millis(5);

/// LIMIT: and with a slow database.
const LONGEST: Duration = Duration::from_secs(10);

/// How long an owner takes at the most to end what is under way.
const WORK_MAX: Duration = Duration::from_secs(1);

/// Something that is done wrong on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FleetMutant {
    /// Whoever has more keeps it.
    NeverHandedOver,
    /// Whoever has handed over takes it back before another can.
    NeverLeftToAnother,
    /// Each looks at what it owns, as if nobody stood by for anything else.
    EachHandedOver,
    /// A process that is gone counts for ever.
    ClaimsNeverEnd,
    /// Nobody is told who stands by.
    StandbysForgotten,
}

impl FleetMutant {
    /// All that there are.
    pub const ALL: [Self; 5] = [
        Self::NeverHandedOver,
        Self::NeverLeftToAnother,
        Self::EachHandedOver,
        Self::ClaimsNeverEnd,
        Self::StandbysForgotten,
    ];
}

/// Processes that share subscriptions.
pub struct Fleet {
    rng: Rng,
    agenda: Agenda<Happening>,
    registry: Registry,
    lease: Duration,
    subscriptions: usize,
    /// Whether each process is up, and how often it was started.
    processes: Vec<(bool, u32)>,
    /// Of each process one for each subscription.
    runners: Vec<Runner>,
    /// Of questions one in so many goes wrong.
    one_in: Option<u32>,
    mutant: Option<FleetMutant>,
    handed_over: u64,
}

enum Happening {
    Start(usize),
    Crash,
    StolenLease,
    Calm,
    /// Nothing is to change any more.
    Settled,
    End,
    Turn(Sender),
    Asked {
        sender: Sender,
        question: Question,
        back: Option<Duration>,
    },
    Told {
        sender: Sender,
        answer: Option<Answer>,
    },
}

/// Which runner, in which state: what it asked before does not count.
#[derive(Clone, Copy)]
struct Sender {
    runner: usize,
    turn: u64,
}

/// How a question goes wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trouble {
    LostQuestion,
    LostAnswer,
    LateQuestion,
    LateAnswer,
}

impl Trouble {
    const ALL: [Self; 4] =
        [Self::LostQuestion, Self::LostAnswer, Self::LateQuestion, Self::LateAnswer];
}

#[derive(Clone, Copy)]
enum Question {
    Claims,
    TakeOver,
    Renew,
    Release,
}

enum Answer {
    Claims(Vec<Claim>),
    Granted { epoch: u64 },
    Held { remaining: Duration },
    Renewed(bool),
    Released,
}

impl Fleet {
    /// The fleet of `seed`, with something broken if there is a `mutant`.
    pub fn new(seed: u64, mutant: Option<FleetMutant>) -> Self {
        let mut rng = Rng::with_seed(seed);
        let (processes, subscriptions) = (rng.usize(1..=5), rng.usize(1..=12));
        let lease = Duration::from_secs(rng.u64(3..15));
        let runners = (0..processes).flat_map(|process| {
            (0..subscriptions).map(move |subscription| Runner::new(process, subscription, lease))
        });
        let mut fleet = Self {
            runners: runners.collect(),
            one_in: *rng.choice(&[None, Some(4), Some(12), Some(60)]).unwrap_or(&None),
            rng,
            agenda: Agenda::new(),
            registry: Registry::new(subscriptions, mutant),
            lease,
            subscriptions,
            processes: vec![(false, 0); processes],
            mutant,
            handed_over: 0,
        };
        fleet.plan();
        fleet
    }

    fn plan(&mut self) {
        for process in 0..self.processes.len() {
            let time = up_to(CALM_AT_MAX, &mut self.rng);
            self.agenda.put_at(time, Happening::Start(process));
        }
        let calm_at = up_to(CALM_AT_MAX, &mut self.rng);
        for _ in 0..self.rng.u8(0..8) {
            let (crash, theft) = (up_to(calm_at, &mut self.rng), up_to(calm_at, &mut self.rng));
            self.agenda.put_at(crash, Happening::Crash);
            self.agenda.put_at(theft, Happening::StolenLease);
        }
        self.agenda.put_at(calm_at, Happening::Calm);
        let settled_at = CALM_AT_MAX + LONGEST + self.lease * LEASES_TO_SETTLE;
        self.agenda.put_at(settled_at, Happening::Settled);
        self.agenda.put_at(settled_at + self.lease * LEASES_TO_WATCH, Happening::End);
    }

    /// Lives it to its end: how often a subscription was handed over to another process.
    pub fn run(mut self) -> Result<u64, Violation> {
        let mut settled = None;
        while let Some(happening) = self.agenda.next() {
            self.check_free()?;
            match happening {
                Happening::Settled => settled = Some(self.check_shares()?),
                Happening::End => {
                    let epochs = self.check_shares()?;
                    ensure(settled == Some(epochs), || "subscriptions change hands".to_owned())?;
                    return Ok(self.handed_over);
                }
                other => self.happen(other),
            }
        }
        Err(Violation::new("nothing happens any more"))
    }

    fn happen(&mut self, happening: Happening) {
        let now = self.agenda.now();
        match happening {
            Happening::Start(process) => self.start(process),
            Happening::Crash => self.crash(),
            Happening::StolenLease => {
                self.registry.steal(self.rng.usize(..self.subscriptions), now);
            }
            Happening::Calm => self.one_in = None,
            Happening::Turn(sender) if self.is_waited_for(sender) => self.turn(sender.runner),
            Happening::Asked { sender, question, back } => self.answer(sender, question, back),
            Happening::Told { sender, answer } if self.is_waited_for(sender) => {
                self.tell(sender.runner, answer);
            }
            _ => {}
        }
    }

    /// No subscription is without an owner for longer than a lease.
    fn check_free(&self) -> Checked {
        let now = self.agenda.now();
        let all_have_asked = CALM_AT_MAX + LONGEST + self.lease * LEASES_TO_ASK;
        let free = self.registry.longest_free(now);
        ensure(now < all_have_asked || free <= self.lease, || {
            format!("a subscription has no owner for {free:?}")
        })
    }

    /// Every subscription is owned, by numbers that differ by one at the most: the epoch of each.
    fn check_shares(&self) -> Checked<Vec<u64>> {
        let mut owned = vec![0_usize; self.processes.len()];
        for subscription in 0..self.subscriptions {
            let of_this = |runner: &&Runner| {
                runner.subscription == subscription && matches!(runner.role, Role::Owner { .. })
            };
            let owners: Vec<_> = self.runners.iter().filter(of_this).collect();
            ensure(owners.len() == 1, || {
                format!("subscription {subscription} has {} owners", owners.len())
            })?;
            owners.iter().for_each(|owner| owned[owner.process] += 1);
        }
        let (least, most) = (owned.iter().min(), owned.iter().max());
        ensure(most <= least.map(|least| least + 1).as_ref(), || format!("shared as {owned:?}"))?;
        Ok(self.registry.epochs())
    }

    fn start(&mut self, process: usize) {
        let now = self.agenda.now();
        let (is_up, run) = &mut self.processes[process];
        if std::mem::replace(is_up, true) {
            return;
        }
        *run += 1;
        for index in self.runners_of(process) {
            self.runners[index].start(now, self.lease);
            self.turn(index);
        }
    }

    fn crash(&mut self) {
        let process = self.rng.usize(..self.processes.len());
        self.processes[process].0 = false;
        for index in self.runners_of(process) {
            self.runners[index].end();
        }
        let later = up_to(LONGEST, &mut self.rng);
        self.agenda.put_after(later, Happening::Start(process));
    }

    fn runners_of(&self, process: usize) -> std::ops::Range<usize> {
        process * self.subscriptions..(process + 1) * self.subscriptions
    }

    /// A process that is started again is somebody else.
    fn owner(&self, process: usize) -> String {
        format!("{process}.{}", self.processes[process].1)
    }

    fn is_waited_for(&self, sender: Sender) -> bool {
        self.runners[sender.runner].turn == sender.turn
    }

    fn next_turn(&mut self, runner: usize) -> Sender {
        self.runners[runner].turn += 1;
        Sender { runner, turn: self.runners[runner].turn }
    }

    fn wake_at(&mut self, runner: usize, time: Duration) {
        let sender = self.next_turn(runner);
        self.agenda.put_at(time, Happening::Turn(sender));
    }

    /// Some questions, or their answers, are lost, and some take long.
    fn ask(&mut self, runner: usize, question: Question) {
        let (sender, trouble) = (self.next_turn(runner), self.trouble());
        let (mut there, mut back) = (up_to(USUAL, &mut self.rng), up_to(USUAL, &mut self.rng));
        let late = up_to(LONGEST, &mut self.rng);
        match trouble {
            Some(Trouble::LateQuestion) => there += late,
            Some(Trouble::LateAnswer) => back += late,
            Some(Trouble::LostQuestion | Trouble::LostAnswer) | None => {}
        }
        let is_lost = matches!(trouble, Some(Trouble::LostQuestion | Trouble::LostAnswer));
        if is_lost {
            self.agenda.put_after(there + back, Happening::Told { sender, answer: None });
        }
        if trouble != Some(Trouble::LostQuestion) {
            let back = (!is_lost).then_some(back);
            self.agenda.put_after(there, Happening::Asked { sender, question, back });
        }
    }

    fn trouble(&mut self) -> Option<Trouble> {
        let happens = self.one_in.is_some_and(|one_in| self.rng.u32(0..one_in) == 0);
        happens.then(|| self.rng.choice(Trouble::ALL)).flatten()
    }

    fn answer(&mut self, sender: Sender, question: Question, back: Option<Duration>) {
        let now = self.agenda.now();
        let Runner { process, subscription, epoch, .. } = self.runners[sender.runner];
        let owner = self.owner(process);
        let answer = match question {
            Question::Claims => Answer::Claims(self.registry.claims(now)),
            Question::TakeOver => self.registry.take_over(subscription, &owner, self.lease, now),
            Question::Renew => {
                Answer::Renewed(self.registry.renew(subscription, epoch, self.lease, now))
            }
            Question::Release => {
                self.registry.release(subscription, epoch, now);
                Answer::Released
            }
        };
        if let Some(after) = back {
            let answer = Some(answer);
            self.agenda.put_after(after, Happening::Told { sender, answer });
        }
    }
}
