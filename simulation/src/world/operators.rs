//! Operators do what they do, and in the end what is needed.

use std::time::Duration;

use ensue::Position;
use ensue::subscription::{Command, SetAside, SetAsideState, Which};
use fastrand::Rng;

use super::{Happening, World};
use crate::faults::up_to;
use crate::process::ProcessId;

/// Between two visits.
const VISITS_APART: Duration = Duration::from_secs(8);

pub(super) fn next_visit(rng: &mut Rng) -> Duration {
    up_to(VISITS_APART, rng)
}

impl World {
    pub(super) fn intervene(&mut self) {
        let next = next_visit(&mut self.rng);
        self.agenda.put_after(next, Happening::Intervene);
        let command = match self.faults.have_stopped() {
            true => self.needed(),
            false => self.wanted(),
        };
        let Some(command) = command else { return };
        self.note(|| format!("an operator asks: {command:?}"));
        self.database.request(command, self.agenda.now());
        self.allow_to_send_again();
        // Whoever runs in the same process is told at once.
        let who = ProcessId(self.rng.usize(..self.processes.len()));
        if self.process(who).is_up() {
            self.process(who).watch.looked_at_requests = None;
            self.look(who);
        }
    }

    fn wanted(&mut self) -> Option<Command> {
        match self.rng.u8(0..14) {
            0 => Some(Command::Pause),
            1 => Some(Command::Resume),
            2 => Some(Command::Retry(self.some_entry())),
            3 => Some(Command::Retry(Which::Parked { class: None, at_most: self.rng.u64(0..5) })),
            4..7 => self.needed(),
            7 => Some(Command::Seek { to: self.somewhere() }),
            8..11 => Some(self.some_replay()),
            _ => None,
        }
    }

    /// Mostly in the log.
    fn somewhere(&mut self) -> Position {
        Position::new(self.rng.u64(0..=self.database.head().get() + 2))
    }

    /// Mostly of what the cursor has passed.
    fn some_replay(&mut self) -> Command {
        let last = match self.rng.u8(0..4) {
            0 => self.somewhere(),
            _ => Position::new(self.rng.u64(0..=self.database.cursor().get())),
        };
        let first = match self.rng.u8(0..4) {
            0 => self.somewhere(),
            _ => Position::new(self.rng.u64(0..=last.get())),
        };
        Command::Replay { first, last }
    }

    fn some_entry(&mut self) -> Which {
        let position = Position::new(self.rng.u64(1..60));
        let key = self.rng.u8(0..5).to_string();
        if self.rng.bool() { Which::Entry(position) } else { Which::Key(key) }
    }

    /// Who was paused goes on. Of what is parked, those that end processes are skipped, and the
    /// others tried again.
    fn needed(&self) -> Option<Command> {
        if self.database.paused {
            return Some(Command::Resume);
        }
        let parked = |entry: &&SetAside| entry.state == SetAsideState::Parked;
        let position = self.database.set_aside.values().find(parked)?.position;
        Some(match self.handlers.is_hopeless(position) {
            true => Command::Skip(Which::Entry(position)),
            false => Command::Retry(Which::Entry(position)),
        })
    }
}
