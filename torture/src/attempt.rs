//! One transaction under way.

use std::io::Write;

use ensue::BoxError;

use crate::evidence::Witness;
use crate::history::TransactionId;
use crate::mark::{Key, Mark};
use crate::moment::Moment;
use crate::plan::Plan;
use crate::report::Report;

/// One transaction under way, and who is told of it.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// How it is meant to go.
    pub plan: Plan,
    /// Who does it.
    pub writer: u16,
    /// The how manieth of this writer, and so of the writer's own key.
    pub number: u32,
    began: Moment,
    audience: Audience,
}

/// Who is told what becomes of a transaction.
#[derive(Debug, Clone)]
pub(crate) enum Audience {
    /// Whoever started this process.
    StandardOutput,
    /// The witness, in the same process.
    Witness(Witness),
}

impl Attempt {
    /// It begins now.
    pub(crate) fn new(plan: Plan, writer: u16, number: u32, audience: Audience) -> Self {
        Self { plan, writer, number, began: Moment::now(), audience }
    }

    /// The mark of its first event, as the `number`th transaction of `key`.
    pub fn first(&self, key: Key, number: u32) -> Mark {
        Mark::first(self.id(), key, number)
    }

    /// The mark of its first event under the key that its writer alone has.
    pub fn first_of_writer(&self) -> Mark {
        self.first(Key::of_writer(self.writer), self.number)
    }

    /// To be told before COMMIT is sent, so that no event can be in the log of which nobody knows.
    ///
    /// # Errors
    /// Nobody listens.
    pub fn committing(&self, first: Mark) -> Result<(), BoxError> {
        self.tell(Report::Committing { first, events: self.plan.events, began: self.began })
    }

    /// The commit was acknowledged.
    ///
    /// # Errors
    /// Nobody listens.
    pub fn acknowledged(&self) -> Result<(), BoxError> {
        self.tell(Report::Acknowledged { id: self.id(), at: Moment::now() })
    }

    /// As many events as planned were rolled back, or are going to be.
    ///
    /// # Errors
    /// Nobody listens.
    pub fn rolled_back(&self) -> Result<(), BoxError> {
        self.tell(Report::RolledBack { events: self.plan.events })
    }

    /// It failed.
    pub(crate) fn failed(&self) -> Result<(), BoxError> {
        self.tell(Report::Failed)
    }

    fn id(&self) -> TransactionId {
        TransactionId::new(self.writer, self.number)
    }

    fn tell(&self, report: Report) -> Result<(), BoxError> {
        match &self.audience {
            Audience::StandardOutput => print(report),
            Audience::Witness(witness) => {
                witness.evidence().hear(report);
                Ok(())
            }
        }
    }
}

/// A line is one write, so that a process which is killed has told all of it or nothing.
fn print(report: Report) -> Result<(), BoxError> {
    let line = format!("{report}\n");
    let mut output = std::io::stdout().lock();
    output.write_all(line.as_bytes())?;
    Ok(output.flush()?)
}
