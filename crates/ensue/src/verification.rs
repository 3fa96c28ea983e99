//! Whether what is stored is as it must be.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::time::Duration;

use ensue_core::{EventId, Position};

use crate::store::{Outbox, Page, Read, position_of};
use crate::{Error, Store};

/// LIMIT: entries read at once.
const ROWS: u32 = 1_000;

/// LIMIT: findings that are listed; where there are more, the first ones say what is wrong.
const FINDINGS_MAX: usize = 100;

/// How long what is committed may wait for its position before that is a finding: a sequencer takes
/// milliseconds, and hundred times as long under load.
const OUTBOX_AGE_MAX: Duration = Duration::from_secs(10);

/// What [`Events::verify`](crate::Events::verify) has found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verification {
    /// The oldest position that is left in the log.
    pub oldest: Position,
    /// The last position.
    pub head: Position,
    /// How many entries were read.
    pub entries: u64,
    /// How many subscriptions were looked at.
    pub subscriptions: u64,
    /// What waits for its position, on a store that gives positions after the commit.
    pub outbox: Option<Outbox>,
    /// What is not as it must be; the first hundred.
    pub findings: Vec<Finding>,
}

/// Something that is not as it must be, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// There is no entry at these positions.
    Gap {
        /// The first.
        first: Position,
        /// The last.
        last: Position,
    },
    /// An entry is unreadable: another program wrote it wrongly. Subscriptions set it aside.
    Unreadable {
        /// Its position.
        position: Position,
        /// The unreadable column, and the cause.
        reason: String,
    },
    /// The log contains entries beyond its recorded end, at positions that the next entries need. No new
    /// event gets a position until you repair that.
    BeyondHead {
        /// The recorded end of the log.
        head: Position,
        /// The position of the first entry beyond it.
        first: Position,
    },
    /// Two entries have the same event id.
    DuplicateEventId {
        /// Which.
        id: EventId,
        /// Where it stands first,
        first: Position,
        /// and again.
        second: Position,
    },
    /// An entry stands before the one in whose handling it was raised.
    BeforeItsCause {
        /// Where it stands.
        position: Position,
        /// Where its cause does.
        cause: Position,
    },
    /// A cursor has passed the end of the log.
    CursorBeyondHead {
        /// Whose.
        subscription: String,
        /// Where it is.
        cursor: Position,
    },
    /// Something is set aside that is not in the log.
    SetAsideNotInLog {
        /// By whom.
        subscription: String,
        /// At which position.
        position: Position,
    },
    /// A subscription still needs what was pruned.
    CursorBeforeOldest {
        /// Which.
        subscription: String,
        /// Where its cursor is.
        cursor: Position,
    },
    /// Events wait for their positions longer than any sequencer takes: none is running, or something
    /// holds it up.
    OutboxStalled {
        /// How many.
        events: u64,
        /// For how long the oldest has waited.
        oldest: Duration,
    },
}

impl Verification {
    /// Whether everything is as it must be.
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }

    fn find(&mut self, finding: Finding) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(finding);
        }
    }
}

/// Reads the whole log, in pages, and where every subscription stands.
pub(crate) async fn verify<S: Store>(store: &S) -> Result<Verification, Error> {
    let beyond = beyond_head(store).await?;
    let head = match beyond {
        // No barrier: the waiting events cannot get positions.
        Some(_) => store.head().await?,
        None => head(store).await?,
    };
    let mut log = LogRead::new(oldest(store).await?, head);
    log.read(store).await?;
    let LogRead { mut verification, repeated, .. } = log;
    if let Some(finding) = beyond {
        verification.find(finding);
    }
    locate(store, &mut verification, &repeated).await?;
    subscriptions(store, &mut verification).await?;
    outbox(store, &mut verification).await?;
    Ok(verification)
}

/// ORDERING: read the entry first and the head second: the head must then include the entry, however the
/// log grows meanwhile.
async fn beyond_head<S: Store>(store: &S) -> Result<Option<Finding>, Error> {
    let first = match store.read(Page::new(store.head().await?, ROWS)).await {
        Ok(page) => page.first().map(position_of),
        // The entry is not right behind the head; the gap looks like pruning.
        Err(error) => Some(error.oldest().ok_or(error)?),
    };
    let head = store.head().await?;
    let first = first.filter(|first| *first > head);
    Ok(first.map(|first| Finding::BeyondHead { head, first }))
}

/// Behind a barrier; if that does not get through while events wait, what waits is the finding.
async fn head<S: Store>(store: &S) -> Result<Position, Error> {
    match store.barrier().await {
        Err(error) if error.is_retryable() && store.outbox().await?.is_some() => store.head().await,
        head => head,
    }
}

/// Without one, the next that is given.
async fn oldest<S: Store>(store: &S) -> Result<Position, Error> {
    match store.read(Page::new(Position::START, 1)).await {
        Ok(_) => Ok(Position::START.next()),
        Err(error) => error.oldest().ok_or(error),
    }
}

/// The log, as it is read from its beginning to what was its end then.
struct LogRead {
    verification: Verification,
    expected: Position,
    /// LIMIT: some tens of bytes for each entry.
    seen: HashSet<EventId>,
    repeated: HashSet<EventId>,
    /// What was raised in the handling of entries that have not been read yet, by their ids.
    early: HashMap<EventId, Position>,
}

impl LogRead {
    fn new(oldest: Position, head: Position) -> Self {
        let verification = Verification {
            oldest,
            head,
            entries: 0,
            subscriptions: 0,
            outbox: None,
            findings: Vec::new(),
        };
        Self {
            verification,
            expected: oldest,
            seen: HashSet::new(),
            repeated: HashSet::new(),
            early: HashMap::new(),
        }
    }

    async fn read<S: Store>(&mut self, store: &S) -> Result<(), Error> {
        let head = self.verification.head;
        while self.expected <= head {
            match store.read(Page::new(self.expected.previous(), ROWS)).await {
                Ok(page) if page.is_empty() => self.expect(head.next()),
                Ok(page) => page.iter().filter(|read| position_of(read) <= head).for_each(|read| {
                    self.expect(position_of(read));
                    self.take(read);
                }),
                Err(error) => {
                    let next = error.oldest().ok_or(error)?.min(head.next());
                    self.jump(next, oldest(store).await?);
                }
            }
        }
        Ok(())
    }

    /// What is missing in the middle of a log looks as if it had been pruned; if it begins there, it was,
    /// just now.
    fn jump(&mut self, next: Position, oldest: Position) {
        if oldest == next {
            (self.verification.oldest, self.expected) = (oldest, next);
        }
        self.expect(next);
    }

    /// The next entry stands here.
    fn expect(&mut self, position: Position) {
        if position > self.expected {
            let (first, last) = (self.expected, position.previous());
            self.verification.find(Finding::Gap { first, last });
            self.expected = position;
        }
    }

    fn take(&mut self, read: &Read) {
        let position = position_of(read);
        self.verification.entries += 1;
        self.expected = position.next();
        let envelope = match read {
            Ok(entry) => &entry.envelope,
            Err(unreadable) => {
                let reason = unreadable.reason.clone();
                return self.verification.find(Finding::Unreadable { position, reason });
            }
        };
        let id = envelope.id;
        if let Some(earlier) = self.early.remove(&id) {
            self.verification.find(Finding::BeforeItsCause { position: earlier, cause: position });
        }
        if !self.seen.insert(id) {
            self.repeated.insert(id);
        }
        if let Some(cause) = envelope.causation_id.filter(|cause| !self.seen.contains(cause)) {
            self.early.entry(cause).or_insert(position);
        }
    }
}

/// Reads the log once more, if there is anything to be located.
async fn locate<S: Store>(
    store: &S,
    verification: &mut Verification,
    repeated: &HashSet<EventId>,
) -> Result<(), Error> {
    let mut first = HashMap::new();
    let mut after = verification.oldest.previous();
    while !repeated.is_empty() && after < verification.head {
        let page = match store.read(Page::new(after, ROWS)).await {
            Ok(page) => page,
            // A gap, which is found already.
            Err(error) => {
                after = error.oldest().ok_or(error)?.previous();
                continue;
            }
        };
        let Some(last) = page.last().map(position_of) else { break };
        for entry in page.iter().flatten().filter(|entry| repeated.contains(&entry.envelope.id)) {
            let (id, second) = (entry.envelope.id, entry.position);
            if let Some(first) = first.insert(id, second) {
                verification.find(Finding::DuplicateEventId { id, first, second });
            }
        }
        after = last;
    }
    Ok(())
}

async fn subscriptions<S: Store>(store: &S, found: &mut Verification) -> Result<(), Error> {
    for subscription in store.subscriptions().await? {
        let Some(status) = store.status(&subscription).await? else { continue };
        if status.retired.is_some() {
            continue;
        }
        // It may have moved on meanwhile, with the log.
        let head = store.head().await?;
        let (name, cursor) = (|| subscription.clone(), status.cursor);
        found.subscriptions += 1;
        if cursor > head {
            found.find(Finding::CursorBeyondHead { subscription: name(), cursor });
        }
        if cursor.next() < found.oldest {
            found.find(Finding::CursorBeforeOldest { subscription: name(), cursor });
        }
        let log = found.oldest..=head;
        let positions = status.set_aside.iter().map(|entry| entry.position);
        for position in positions.filter(|position| !log.contains(position)) {
            found.find(Finding::SetAsideNotInLog { subscription: name(), position });
        }
    }
    Ok(())
}

async fn outbox<S: Store>(store: &S, found: &mut Verification) -> Result<(), Error> {
    found.outbox = store.outbox().await?;
    if !found.outbox.is_some_and(is_old) {
        return Ok(());
    }
    let is_stuck = found.findings.iter().any(|found| matches!(found, Finding::BeyondHead { .. }));
    // It may have been appended long ago, and committed just now.
    let is_through = !is_stuck && store.barrier().await.is_ok();
    if let Some(Outbox { events, oldest }) = store.outbox().await?.filter(|outbox| is_old(*outbox))
        && !is_through
    {
        found.find(Finding::OutboxStalled { events, oldest });
    }
    Ok(())
}

fn is_old(outbox: Outbox) -> bool {
    outbox.events > 0 && outbox.oldest > OUTBOX_AGE_MAX
}

impl fmt::Display for Verification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { oldest, head, entries, subscriptions, findings, .. } = self;
        write!(f, "{entries} entries from {oldest} to {head}, {subscriptions} subscriptions: ")?;
        match findings.len() {
            0 => f.write_str("sound"),
            count => {
                write!(f, "{count} findings")?;
                findings.iter().try_for_each(|finding| write!(f, "; {finding}"))
            }
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gap { first, last } => write!(f, "no entries from {first} to {last}"),
            Self::Unreadable { position, reason } => {
                write!(f, "entry {position} cannot be read: {reason}")
            }
            Self::BeyondHead { head, first } => write!(
                f,
                "the log ends at {head}, but has entries from {first} on; repair it as the store's \
                 documentation says"
            ),
            Self::DuplicateEventId { id, first, second } => {
                write!(f, "event {id} stands at {first} and at {second}")
            }
            Self::BeforeItsCause { position, cause } => {
                write!(f, "entry {position} stands before its cause at {cause}")
            }
            Self::CursorBeyondHead { subscription, cursor } => {
                write!(
                    f,
                    "the cursor of `{subscription}` is at {cursor}, beyond the end of the log"
                )
            }
            Self::SetAsideNotInLog { subscription, position } => {
                write!(
                    f,
                    "`{subscription}` has set entry {position} aside, which is not in the log"
                )
            }
            Self::CursorBeforeOldest { subscription, cursor } => {
                write!(f, "`{subscription}` has come to {cursor}, and what follows was pruned")
            }
            Self::OutboxStalled { events, oldest } => {
                write!(f, "{events} events wait for their positions, the oldest for {oldest:?}")
            }
        }
    }
}
