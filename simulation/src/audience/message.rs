//! Messages, and how their handlers treat them.

use ensue::EventId;
use ensue::simulation::listener::{Kind, Lane};
use ensue::subscription::{Failure, FailureClass};
use fastrand::Rng;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nature {
    Fine,
    /// This many more attempts fail.
    Fails(u32),
    Poisoned,
    /// Ends each process that handles it.
    Killer,
    /// Ends the database connection of each process that handles it.
    Costly,
    NoEvent,
    PassedBy,
}

#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) key: Option<u64>,
    pub(super) nature: Nature,
    /// The handler runs with no transaction open.
    pub(super) is_outside: bool,
    pub(super) bytes: usize,
    /// Maximum bytes of its body that the database accepts in a dead letter.
    pub(super) room: usize,
}

/// The distribution of messages in a world.
pub(super) struct Natures {
    keys: u64,
    /// One in this many is not fine.
    odd: u32,
    /// Maximum number that may still end processes or connections.
    fatal: u32,
    /// One in this many is large.
    large: u32,
}

/// Usual maximum of bytes in a message.
const SMALL: usize = 1_000;

impl Natures {
    pub(super) fn new(rng: &mut Rng) -> Self {
        let one_in = |rng: &mut Rng| *rng.choice(&[2, 5, 20, 1_000]).unwrap_or(&20);
        let (keys, fatal) = (rng.u64(1..6), rng.u32(0..3));
        Self { keys, odd: one_in(rng), fatal, large: one_in(rng) }
    }

    pub(super) fn draw(&mut self, rng: &mut Rng) -> Message {
        let nature = match rng.u32(0..self.odd) {
            0 => self.odd_one(rng),
            _ => Nature::Fine,
        };
        let is_large = rng.u32(0..self.large) == 0;
        Message {
            key: (rng.u8(0..7) > 0).then(|| rng.u64(0..self.keys)),
            nature,
            is_outside: rng.u8(0..6) == 0,
            bytes: if is_large { rng.usize(SMALL..5 << 20) } else { rng.usize(1..SMALL) },
            room: *rng.choice(&[usize::MAX, 1 << 20, 64 << 10]).unwrap_or(&usize::MAX),
        }
    }

    fn odd_one(&mut self, rng: &mut Rng) -> Nature {
        match rng.u8(0..8) {
            0 | 1 if self.fatal > 0 => {
                self.fatal -= 1;
                if rng.bool() { Nature::Killer } else { Nature::Costly }
            }
            0..3 => Nature::Fails(rng.u32(1..4)),
            3 | 4 => Nature::Poisoned,
            5 | 6 => Nature::NoEvent,
            _ => Nature::PassedBy,
        }
    }
}

impl Message {
    pub(super) fn lane(&self, number: u64) -> Lane {
        match self.key {
            Some(key) => Lane::Key(key.to_string()),
            None => Lane::Event(EventId::named(&number.to_le_bytes())),
        }
    }

    pub(super) fn kind(&self) -> Kind {
        match self.nature {
            Nature::NoEvent => Kind::Doomed(failure()),
            Nature::PassedBy => Kind::PassedBy,
            _ if self.is_outside => Kind::Alone,
            _ => Kind::Together,
        }
    }

    /// Returns true if its handler would now succeed.
    pub(super) fn is_fine(&self) -> bool {
        matches!(self.nature, Nature::Fine | Nature::Fails(0))
    }
}

pub(super) fn failure() -> Failure {
    Failure::new(FailureClass::Handler, "no")
}
