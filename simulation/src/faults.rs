//! What goes wrong, how often, and when it stops.

use std::time::Duration;

use fastrand::Rng;

/// A way to go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A process is gone at any moment.
    Crash,
    /// The handler of an entry ends its process, each time.
    Killer,
    /// A handler ends its database connection at each commit.
    Severer,
    /// A process is shut down in order.
    Shutdown,
    /// Nothing of a process runs for a while.
    Stall,
    /// Somebody ends a lease that still ran.
    StolenLease,
    /// A process's clock on the wall is set.
    WallClock,
    /// The database's clock is set.
    DatabaseClock,
    /// What is asked does not arrive.
    LostRequest,
    /// What is asked is done, and the answer does not arrive.
    LostReply,
    /// No answer arrives, and what is asked is done later.
    LateRequest,
    /// It is done, and takes long.
    SlowDatabase,
    /// Nobody is told of an append.
    LostWakeUp,
    /// A wake-up takes long.
    LateWakeUp,
    /// What all handlers depend on is away.
    Outage,
    /// A handler fails.
    FailedAttempt,
    /// The broker ends a session, half-way through what is sent.
    EndedSession,
    /// What is sent arrives, and nobody hears so.
    LostConfirmation,
    /// Nobody waits any more when it arrives.
    LateDelivery,
    /// The broker is there, and takes nothing in.
    HangingBroker,
}

impl Fault {
    pub(crate) const ALL: [Self; 20] = [
        Self::Crash,
        Self::Killer,
        Self::Severer,
        Self::Shutdown,
        Self::Stall,
        Self::StolenLease,
        Self::WallClock,
        Self::DatabaseClock,
        Self::LostRequest,
        Self::LostReply,
        Self::LateRequest,
        Self::SlowDatabase,
        Self::LostWakeUp,
        Self::LateWakeUp,
        Self::Outage,
        Self::FailedAttempt,
        Self::EndedSession,
        Self::LostConfirmation,
        Self::LateDelivery,
        Self::HangingBroker,
    ];

    /// Those that every world may have.
    const COMMON: usize = Self::ALL.len() - Self::OF_CALLS.len();

    /// What happens to what is sent to a sink.
    const OF_CALLS: [Self; 4] =
        [Self::EndedSession, Self::LostConfirmation, Self::LateDelivery, Self::HangingBroker];

    /// What happens now and then to all that there is.
    const MISFORTUNES: [Self; 7] = [
        Self::Crash,
        Self::Shutdown,
        Self::Stall,
        Self::StolenLease,
        Self::WallClock,
        Self::DatabaseClock,
        Self::Outage,
    ];

    /// What happens to what goes between a process and the database.
    const OF_LETTERS: [Self; 4] =
        [Self::LostRequest, Self::LostReply, Self::LateRequest, Self::SlowDatabase];

    const OF_WAKE_UPS: [Self; 2] = [Self::LostWakeUp, Self::LateWakeUp];

    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Crash => "crashes",
            Self::Killer => "processes ended by a handler",
            Self::Severer => "connections ended by a handler",
            Self::Shutdown => "shutdowns",
            Self::Stall => "stalls",
            Self::StolenLease => "stolen leases",
            Self::WallClock => "clocks set",
            Self::DatabaseClock => "database clocks set",
            Self::LostRequest => "lost requests",
            Self::LostReply => "lost replies",
            Self::LateRequest => "late requests",
            Self::SlowDatabase => "slow answers",
            Self::LostWakeUp => "lost wake-ups",
            Self::LateWakeUp => "late wake-ups",
            Self::Outage => "outages",
            Self::FailedAttempt => "failed attempts",
            Self::EndedSession => "ended sessions",
            Self::LostConfirmation => "lost confirmations",
            Self::LateDelivery => "late deliveries",
            Self::HangingBroker => "calls of a broker that hangs",
        }
    }
}

/// What goes wrong in one world. Each has some of all faults only, so that the others are not
/// always hidden behind the same ones.
pub(crate) struct Faults {
    /// So many more.
    left: u32,
    /// Of a letter: one in so many.
    letters: u32,
    chosen: Vec<Fault>,
}

/// LIMIT: faults of one world, so that it ends.
const FAULTS_MAX: u32 = 60;

/// Between misfortunes.
const MISFORTUNES_APART: Duration = Duration::from_secs(4);

impl Faults {
    pub(crate) fn new(is_hard: bool, rng: &mut Rng) -> Self {
        let left = if rng.u8(0..16) == 0 { 0 } else { rng.u32(0..FAULTS_MAX) };
        let often = if is_hard { [4, 4, 8, 12] } else { [4, 12, 40, 120] };
        let letters = *rng.choice(&often).unwrap_or(&12);
        let common = Fault::ALL.into_iter().take(Fault::COMMON);
        let chosen = common.filter(|_| rng.bool()).collect();
        Self { left, letters, chosen }
    }

    /// To what is sent to a sink some more goes wrong.
    pub(crate) fn add_those_of_calls(&mut self, rng: &mut Rng) {
        self.chosen.extend(Fault::OF_CALLS.into_iter().filter(|_| rng.bool()));
    }

    pub(crate) fn of_call(&mut self, rng: &mut Rng) -> Option<Fault> {
        let happens = !self.have_stopped() && rng.u8(0..6) == 0;
        happens.then(|| self.one_of(&Fault::OF_CALLS, rng)).flatten()
    }

    /// From now on nothing goes wrong.
    pub(crate) fn stop(&mut self) {
        self.left = 0;
    }

    pub(crate) fn have_stopped(&self) -> bool {
        self.left == 0
    }

    pub(crate) fn of_letter(&mut self, rng: &mut Rng) -> Option<Fault> {
        let happens = !self.have_stopped() && rng.u32(0..self.letters) == 0;
        happens.then(|| self.one_of(&Fault::OF_LETTERS, rng)).flatten()
    }

    pub(crate) fn of_wake_up(&mut self, rng: &mut Rng) -> Option<Fault> {
        let happens = !self.have_stopped() && rng.u8(0..4) == 0;
        happens.then(|| self.one_of(&Fault::OF_WAKE_UPS, rng)).flatten()
    }

    /// What happens to all that there is, if anything does.
    pub(crate) fn misfortune(&mut self, rng: &mut Rng) -> Option<Fault> {
        if self.have_stopped() { None } else { self.one_of(&Fault::MISFORTUNES, rng) }
    }

    /// How long until the next may happen.
    pub(crate) fn next_misfortune(rng: &mut Rng) -> Duration {
        up_to(MISFORTUNES_APART, rng)
    }

    fn one_of(&mut self, some: &[Fault], rng: &mut Rng) -> Option<Fault> {
        let fault = *rng.choice(some)?;
        let happens = self.chosen.contains(&fault);
        self.left -= u32::from(happens);
        happens.then_some(fault)
    }
}

/// Any time up to `longest`.
pub(crate) fn up_to(longest: Duration, rng: &mut Rng) -> Duration {
    let micros = u64::try_from(longest.as_micros()).unwrap_or(u64::MAX);
    Duration::from_micros(rng.u64(0..=micros))
}
