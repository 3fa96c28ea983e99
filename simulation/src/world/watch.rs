//! How a process comes to know that the log has grown, and what operators ask for, as the library's
//! watch of the head does.

use std::mem;
use std::time::Duration;

use super::{Happening, World};
use crate::faults::{Fault, up_to};
use crate::letter::{Answered, Errand, Lost, Question};
use crate::mutant::Mutant;
use crate::process::ProcessId;
use crate::violation::Checked;

/// How long a wake-up usually takes.
const USUAL: Duration = Duration::from_millis(5);

/// How long it takes at the most.
const LONGEST: Duration = Duration::from_secs(10);

impl World {
    /// The log grows, and whoever follows it is told; or is not.
    pub(super) fn append(&mut self) {
        self.database.append();
        let head = self.database.head();
        self.note(|| format!("entry {head} is appended"));
        for who in (0..self.processes.len()).map(ProcessId) {
            let fault = self.faults.of_wake_up(&mut self.rng);
            if let Some(fault) = fault {
                self.count(fault);
                self.note_of(who, || format!("meets with this: {fault:?}"));
            }
            let longest = match fault {
                Some(Fault::LostWakeUp) => continue,
                Some(_) => LONGEST,
                None => USUAL,
            };
            let (run, after) = (self.process(who).run, up_to(longest, &mut self.rng));
            self.agenda.put_after(after, Happening::WakeUp { process: who, run });
        }
    }

    /// Looks at the database, once at a time.
    pub(super) fn look(&mut self, who: ProcessId) {
        let (own, poll) = (self.own(who), self.settings.poll);
        let process = self.process(who);
        if !process.is_up() {
            return;
        }
        let watch = &mut process.watch;
        if mem::replace(&mut watch.looking, true) {
            watch.look_again = true;
            return;
        }
        let looked = watch.looked_at_requests;
        let at_requests = looked.is_none_or(|looked| own.saturating_sub(looked) >= poll);
        let sender = self.sender(who);
        self.ask(sender, Errand::Look, Question::Look { at_requests });
    }

    pub(super) fn see(&mut self, who: ProcessId, answer: Result<Answered, Lost>) -> Checked {
        let own = self.own(who);
        let watch = &mut self.process(who).watch;
        watch.looking = false;
        if let Ok(Answered::Sight { head, requests }) = answer {
            watch.head = Some(head);
            if let Some(requests) = requests {
                watch.requests = requests;
                watch.looked_at_requests = Some(own);
            }
        } else {
            watch.look_again = false;
        }
        if mem::take(&mut watch.look_again) {
            self.look(who);
        } else if !self.is(Mutant::NoPolling) {
            self.look_later(who);
        }
        self.go_on(who)
    }

    fn look_later(&mut self, who: ProcessId) {
        let poll = self.settings.poll;
        let process = self.process(who);
        process.watch.poll += 1;
        let (run, number) = (process.run, process.watch.poll);
        self.agenda.put_after(poll, Happening::Poll { process: who, run, poll: number });
    }
}
