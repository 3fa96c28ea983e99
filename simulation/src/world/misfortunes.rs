//! What happens to processes, clocks and leases.

use std::time::Duration;

use super::{Happening, World};
use crate::faults::{Fault, Faults, up_to};
use crate::process::ProcessId;
use crate::violation::Checked;

/// How far a clock is set at the most, in microseconds.
const SET_MAX: i64 = 30_000_000;

/// How long an outage is at the most.
const OUTAGE_MAX: Duration = Duration::from_secs(30);

impl World {
    pub(super) fn meet_misfortune(&mut self) -> Checked {
        if !self.faults.have_stopped() {
            let next = Faults::next_misfortune(&mut self.rng);
            self.agenda.put_after(next, Happening::Misfortune);
        }
        let Some(fault) = self.faults.misfortune(&mut self.rng) else { return Ok(()) };
        let who = ProcessId(self.rng.usize(..self.processes.len()));
        self.count(fault);
        self.note_of(who, || format!("meets with this: {fault:?}"));
        self.meet(fault, who)
    }

    fn meet(&mut self, fault: Fault, who: ProcessId) -> Checked {
        let (now, lease) = (self.agenda.now(), self.settings.lease);
        match fault {
            Fault::Crash if self.process(who).is_up() => self.end(who),
            Fault::Shutdown if self.process(who).is_up() => return self.shut_down(who),
            Fault::Stall => {
                let until = now + up_to(2 * lease, &mut self.rng);
                self.process(who).stalled_until = until;
            }
            Fault::StolenLease => self.database.steal(now),
            Fault::WallClock => {
                let ahead = self.rng.i64(-SET_MAX..=SET_MAX);
                self.process(who).clocks.ahead = ahead;
            }
            Fault::DatabaseClock => {
                let ahead = self.rng.i64(-SET_MAX..=SET_MAX);
                self.database.set_clock(ahead);
            }
            Fault::Outage => {
                let until = now + up_to(OUTAGE_MAX, &mut self.rng);
                self.handlers.fail_until(until);
            }
            _ => {}
        }
        Ok(())
    }
}
