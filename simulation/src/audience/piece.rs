//! The tasks of a listener, on their way through handlers and database.

use std::collections::BTreeSet;
use std::time::Duration;

use ensue::simulation::listener::{Action, Attempt, Outcome, Piece, Upon, Verdict};

use super::message::{Nature, failure};
use super::process::{ATTEMPTS_MAX, Content};
use super::{Audience, Fate, Happening, ListenerMutant, WIRE};
use crate::faults::up_to;
use crate::violation::{Checked, ensure};

/// Maximum time of a handler.
const WORK_MAX: Duration = Duration::from_millis(400);

/// Retry interval for a row that another transaction has locked.
const LOCKED: Duration = Duration::from_millis(5);

/// LIMIT: bytes of the messages in a transaction; the machine's own limit.
const BATCH_BYTES_MAX: usize = 4 << 20;

#[derive(Debug, Clone)]
pub(super) struct Task {
    pub(super) process: usize,
    piece: Piece,
    messages: Vec<Content>,
    kind: TaskKind,
    attempt: u32,
    /// Number of the attempt, if it is on record.
    recorded: Option<u32>,
    is_at_work: bool,
}

#[derive(Debug, Clone, Copy)]
enum TaskKind {
    Together,
    Alone { is_to_record: bool },
    Bury { bytes: usize },
}

impl Task {
    fn numbers(&self) -> Vec<u64> {
        self.messages.iter().map(|content| content.number).collect()
    }

    fn fate(&self) -> Fate {
        match self.kind {
            TaskKind::Bury { .. } => Fate::Dead,
            TaskKind::Together | TaskKind::Alone { .. } => Fate::Handled,
        }
    }
}

impl Audience {
    pub(super) fn begin(&mut self, process: usize, action: Action<Content>) -> Checked {
        let task = |piece, messages, kind, attempt, recorded| Task {
            process,
            piece,
            messages,
            kind,
            attempt,
            recorded,
            is_at_work: false,
        };
        let task = match action {
            Action::Together { piece, messages } => {
                task(piece, messages, TaskKind::Together, 1, None)
            }
            Action::Alone { piece, message, attempt } => {
                let is_to_record = attempt == Attempt::ToRecord;
                let kind = TaskKind::Alone { is_to_record };
                let (attempt, recorded) = match attempt {
                    Attempt::Number(number) => (number, None),
                    Attempt::Recorded(number) => (number, Some(number)),
                    Attempt::ToRecord => (0, None),
                };
                task(piece, vec![message], kind, attempt, recorded)
            }
            Action::Bury { piece, message, attempts, bytes, .. } => {
                task(piece, vec![message], TaskKind::Bury { bytes }, attempts, None)
            }
            Action::Acknowledge { .. } => return Ok(()),
        };
        self.note(|| format!("process {process} begins {task:?}"));
        self.check(&task)?;
        if self.mutant == Some(ListenerMutant::AcknowledgedEarly) {
            self.acknowledge_all(&task)?;
        }
        self.begun += 1;
        self.tasks.insert(self.begun, task);
        self.agenda.put_after(WIRE, Happening::Noted { task: self.begun });
        Ok(())
    }

    fn acknowledge_all(&mut self, task: &Task) -> Checked {
        let Some(session) = self.processes[task.process].session else { return Ok(()) };
        let tags = self.queue.tags(session, &task.numbers());
        self.acknowledge(session, tags)
    }

    fn check(&self, task: &Task) -> Checked {
        let it = &self.processes[task.process];
        let beside: Vec<_> =
            self.tasks.values().filter(|other| other.process == task.process).collect();
        ensure(beside.len() < it.width, || format!("{} pieces at once", beside.len() + 1))?;
        let lanes = |task: &Task| -> BTreeSet<_> {
            let lane = |number: u64| self.message(number).lane(number);
            task.numbers().into_iter().map(lane).collect()
        };
        let of_task = lanes(task);
        let other = beside.iter().find(|other| !lanes(other).is_disjoint(&of_task));
        ensure(other.is_none(), || format!("{task:?} beside {other:?}"))?;
        match task.kind {
            TaskKind::Together => self.check_batch(task),
            TaskKind::Alone { .. } => self.check_alone(task),
            TaskKind::Bury { bytes } => self.check_burial(task, bytes),
        }
    }

    fn check_batch(&self, task: &Task) -> Checked {
        let numbers = task.numbers();
        let bytes: usize = numbers.iter().map(|number| self.message(*number).bytes).sum();
        let is_small = bytes <= BATCH_BYTES_MAX || numbers.len() == 1;
        let is_short = numbers.len() <= self.processes[task.process].batch;
        ensure(is_small && is_short, || format!("{numbers:?} together, {bytes} bytes"))?;
        let suspect = task.messages.iter().find(|content| content.is_redelivered);
        ensure(suspect.is_none(), || format!("{suspect:?} is not alone"))
    }

    /// INVARIANT: an attempt at a redelivered message is on record before it begins; its number counts failed
    /// attempts only.
    fn check_alone(&self, task: &Task) -> Checked {
        let [content] = &*task.messages else { return Ok(()) };
        let TaskKind::Alone { is_to_record } = task.kind else { return Ok(()) };
        let is_recorded = is_to_record || task.recorded.is_some();
        ensure(is_recorded || !content.is_redelivered, || {
            format!("message {} may have ended a process, and is not on record", content.number)
        })?;
        let failures = self.processes[task.process].failures.get(&content.arrival);
        let failures = failures.copied().unwrap_or_default();
        ensure(is_recorded || task.attempt == failures + 1, || {
            format!("attempt {} after {failures} failures of {}", task.attempt, content.number)
        })
    }

    /// INVARIANT: a dead letter is whole unless the database refused it or failed at it.
    fn check_burial(&self, task: &Task, bytes: usize) -> Checked {
        for number in task.numbers() {
            let is_cut = bytes < self.message(number).bytes;
            ensure(!is_cut || self.unburied.contains_key(&number), || {
                format!("message {number} is cut to {bytes} bytes, and was not refused")
            })?;
        }
        ensure(task.attempt <= ATTEMPTS_MAX, || format!("{task:?} had too many attempts"))
    }

    /// The task reaches the database: it records its attempt, or notes its receipts and begins its handlers.
    pub(super) fn noted(&mut self, id: u64) -> Checked {
        let Some(task) = self.tasks.get(&id).cloned() else { return Ok(()) };
        if self.is_away() || self.goes_wrong() {
            let recorded = task.recorded;
            return self.interrupted(id, Upon::Nothing { recorded });
        }
        let numbers = task.numbers();
        if let (TaskKind::Alone { is_to_record: true }, [number]) = (task.kind, &*numbers) {
            return self.record(id, *number);
        }
        if self.inbox.is_locked(&numbers, id) {
            self.agenda.put_after(LOCKED, Happening::Noted { task: id });
            return Ok(());
        }
        if let [number] = &*numbers {
            self.use_record(task.process, *number);
        }
        let is_outside = numbers.iter().any(|number| self.message(*number).is_outside);
        if !is_outside || task.fate() == Fate::Dead {
            let new: Vec<_> =
                numbers.into_iter().filter(|number| self.inbox.is_new(*number)).collect();
            self.inbox.lock(&new, id);
        }
        if let Some(task) = self.tasks.get_mut(&id) {
            task.is_at_work = true;
        }
        let later = up_to(WORK_MAX, &mut self.rng);
        self.agenda.put_after(later, Happening::Finished { task: id });
        Ok(())
    }

    /// INVARIANT: an attempt is recorded once; an attempt that has not begun is not recorded again.
    fn record(&mut self, id: u64, number: u64) -> Checked {
        let Some(attempt) = self.inbox.suspect(number) else { return self.done(id, vec![false]) };
        let Some(process) = self.tasks.get(&id).map(|task| task.process) else { return Ok(()) };
        self.on_record.insert((process, number));
        self.check_record(number)?;
        if self.goes_wrong() {
            self.use_record(process, number);
            return self.interrupted(id, Upon::Nothing { recorded: None });
        }
        if attempt > ATTEMPTS_MAX {
            self.use_record(process, number);
            return self.failed(id, 0, (attempt - 1).min(ATTEMPTS_MAX), Verdict::Never);
        }
        if let Some(task) = self.tasks.get_mut(&id) {
            (task.attempt, task.recorded) = (attempt, Some(attempt));
            task.kind = TaskKind::Alone { is_to_record: false };
        }
        self.agenda.put_after(WIRE, Happening::Noted { task: id });
        Ok(())
    }

    fn check_record(&self, number: u64) -> Checked {
        let used = self.used.get(&number).copied().unwrap_or_default() as usize;
        let on_record = self.on_record.iter().filter(|(_, of)| *of == number).count();
        let attempts = self.inbox.attempts(number) as usize;
        ensure(attempts == used + on_record, || {
            format!("message {number} has {attempts} attempts on record, and {used} have begun")
        })
    }

    /// Marks an attempt on record as begun, or as forgotten by its process.
    fn use_record(&mut self, process: usize, number: u64) {
        if self.on_record.remove(&(process, number)) {
            *self.used.entry(number).or_default() += 1;
        }
    }

    pub(super) fn forget_records(&mut self, process: usize) {
        let of_it: Vec<_> =
            self.on_record.iter().filter(|(of, _)| *of == process).copied().collect();
        for (process, number) in of_it {
            self.use_record(process, number);
        }
    }

    /// Ends the handlers at the first failure, or commits.
    pub(super) fn finished(&mut self, id: u64) -> Checked {
        let Some(task) = self.tasks.get(&id).cloned() else { return Ok(()) };
        let numbers = task.numbers();
        if let TaskKind::Bury { bytes } = task.kind {
            let is_new = self.inbox.is_new(numbers[0]);
            let message = self.message(numbers[0]);
            if is_new && message.bytes.min(bytes) > message.room {
                return self.unburied(id, numbers[0]);
            }
            return self.commit(id, &task);
        }
        for (at, number) in numbers.iter().enumerate() {
            if !self.inbox.is_new(*number) || self.message(*number).is_fine() {
                continue;
            }
            return self.goes_badly(id, &task, at, *number);
        }
        if numbers.len() > 1 && self.goes_wrong() {
            self.inbox.unlock(id);
            let at = 1 + self.rng.usize(0..numbers.len() - 1);
            let outcome = if self.rng.bool() { Outcome::Refused } else { Outcome::Overdue { at } };
            return self.end(id, outcome);
        }
        self.commit(id, &task)
    }

    fn goes_badly(&mut self, id: u64, task: &Task, at: usize, number: u64) -> Checked {
        let place = usize::try_from(number).unwrap_or(usize::MAX);
        match self.messages[place].nature {
            Nature::Killer => {
                self.count_end(number, ATTEMPTS_MAX + 1)?;
                self.crash(task.process, "a handler ends it");
                Ok(())
            }
            Nature::Costly => {
                self.count_end(number, ATTEMPTS_MAX + 2)?;
                let upon = match self.mutant {
                    Some(ListenerMutant::NobodySuspected) => Upon::Nothing { recorded: None },
                    _ if self.rng.bool() => Upon::Handling { at },
                    _ => Upon::Whole,
                };
                self.inbox.unlock(id);
                self.interrupted(id, upon)
            }
            Nature::Fails(left) => {
                self.messages[place].nature = Nature::Fails(left - 1);
                self.inbox.unlock(id);
                self.failed(id, at, task.attempt, Verdict::Again)
            }
            _ => {
                self.inbox.unlock(id);
                self.failed(id, at, task.attempt, Verdict::Again)
            }
        }
    }

    /// INVARIANT: a message ends at most as many processes, or connections, as it has attempts, and before
    /// that one alone and one with others.
    fn count_end(&mut self, number: u64, most: u32) -> Checked {
        let ended = self.ended.entry(number).or_default();
        *ended += 1;
        let ended = *ended;
        ensure(ended <= most, || format!("message {number} ended {ended} processes or connections"))
    }

    fn unburied(&mut self, id: u64, number: u64) -> Checked {
        *self.unburied.entry(number).or_default() += 1;
        self.inbox.unlock(id);
        let random = self.rng.u64(..);
        match self.mutant {
            Some(ListenerMutant::RefusalIsInterruption) => {
                self.interrupted(id, Upon::Nothing { recorded: None })
            }
            _ => self.end(id, Outcome::Unburied { random }),
        }
    }

    /// Commits now, without an answer, or later when the process no longer waits for the answer.
    fn commit(&mut self, id: u64, task: &Task) -> Checked {
        let (numbers, fate) = (task.numbers(), task.fate());
        if self.inbox.is_locked(&numbers, id) {
            self.agenda.put_after(LOCKED, Happening::Finished { task: id });
            return Ok(());
        }
        if !self.is_away() && !self.goes_wrong() {
            let are_new = self.inbox.commit(&numbers, fate, id);
            return self.done(id, are_new);
        }
        if fate == Fate::Dead {
            numbers.iter().for_each(|number| *self.unburied.entry(*number).or_default() += 1);
        }
        match self.rng.u8(0..3) {
            0 => self.inbox.unlock(id),
            1 => drop(self.inbox.commit(&numbers, fate, id)),
            _ => self.commit_later(id, numbers.clone(), fate),
        }
        match self.mutant {
            Some(ListenerMutant::DoubtIsDone) => self.done(id, vec![true; numbers.len()]),
            _ => self.interrupted(id, Upon::Whole),
        }
    }

    fn commit_later(&mut self, task: u64, numbers: Vec<u64>, fate: Fate) {
        self.inbox.lock(&numbers, task);
        let later = up_to(WORK_MAX * 4, &mut self.rng);
        self.agenda.put_after(later, Happening::LateCommit { task, numbers, fate });
    }

    fn done(&mut self, id: u64, new: Vec<bool>) -> Checked {
        if let Some(task) = self.tasks.get(&id) {
            let it = &mut self.processes[task.process];
            let of_it = task.messages.iter().filter(|content| it.session == Some(content.session));
            let numbers: Vec<_> = of_it.map(|content| content.number).collect();
            it.here.retain(|number| !numbers.contains(number));
            it.finished.extend(numbers);
        }
        self.end(id, Outcome::Done { new })
    }

    fn failed(&mut self, id: u64, at: usize, attempt: u32, verdict: Verdict) -> Checked {
        if let Some(task) = self.tasks.get(&id)
            && let Some(content) = task.messages.get(at)
        {
            let failures = &mut self.processes[task.process].failures;
            *failures.entry(content.arrival).or_default() += 1;
        }
        let random = self.rng.u64(..);
        self.end(id, Outcome::Failed { at, attempt, failure: failure(), verdict, random })
    }

    fn interrupted(&mut self, id: u64, upon: Upon) -> Checked {
        let random = self.rng.u64(..);
        let upon = match (self.mutant, upon) {
            (Some(ListenerMutant::RecordedForgotten), Upon::Nothing { .. }) => {
                Upon::Nothing { recorded: None }
            }
            _ => upon,
        };
        if self.mutant == Some(ListenerMutant::InterruptionIsFailure) {
            let attempt = self.tasks.get(&id).map_or(1, |task| task.attempt.max(1));
            let (failure, verdict) = (failure(), Verdict::Again);
            return self.end(id, Outcome::Failed { at: 0, attempt, failure, verdict, random });
        }
        self.end(id, Outcome::Interrupted { upon, random })
    }

    fn end(&mut self, id: u64, outcome: Outcome) -> Checked {
        let Some(task) = self.tasks.remove(&id) else { return Ok(()) };
        let Task { process, piece, .. } = task;
        // What is of an earlier session arrives again, and the process knows nothing of it then.
        let session = self.processes[process].session;
        for content in task.messages.iter().filter(|content| session != Some(content.session)) {
            self.use_record(process, content.number);
        }
        self.tell(process, piece, outcome)
    }

    /// Of a process that has gone: what it has asked to be committed may be, later.
    pub(super) fn end_tasks(&mut self, process: usize) {
        let of_it = self.tasks.iter().filter(|(_, task)| task.process == process);
        let of_it: Vec<_> = of_it.map(|(id, _)| *id).collect();
        for id in of_it {
            let Some(task) = self.tasks.remove(&id) else { continue };
            let numbers = task.numbers();
            let is_fine = numbers.iter().all(|number| self.message(*number).is_fine());
            let is_free = !self.inbox.is_locked(&numbers, id);
            self.inbox.unlock(id);
            let is_handled = task.is_at_work && task.fate() == Fate::Handled && is_fine;
            if is_handled && is_free && self.rng.bool() {
                self.commit_later(id, numbers, Fate::Handled);
            }
        }
    }
}
