//! Worlds that are broken on purpose.

use std::fmt;
use std::str::FromStr;

use ensue::Position;
use ensue::subscription::{Answer, Change, SetAsideState, Term};

use crate::handlers::STOPPED;
use crate::letter::{Commit, Work};
use crate::story::Entry;
use crate::target::Target;

/// One thing that is done wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutant {
    /// A commit does not look at the owner.
    NoFence,
    /// The owner is looked at before the handler runs, and not at the commit.
    EarlyFence,
    /// A take-over begins no new epoch.
    EpochNotRaised,
    /// What a term begins with is read before the epoch begins.
    TermReadTooEarly,
    /// The cursor or receipt is committed before the effect.
    ProgressBeforeEffect,
    /// It is committed after the effect.
    ProgressAfterEffect,
    /// What is handled above the cursor leaves no receipt.
    ReceiptLeftOut,
    /// All receipts are forgotten with those that the cursor has passed.
    ReceiptsForgottenEarly,
    /// A new owner does not load the receipts.
    ReceiptsNotLoaded,
    /// A new owner does not load what is set aside.
    SetAsideNotLoaded,
    /// A new owner does not know that the subscription is paused.
    PauseNotLoaded,
    /// The cursor passes a failed entry that is not set aside.
    FailureNotRecorded,
    /// The cursor passes entries that wait behind a failed one, and they are not set aside.
    QueuedNotRecorded,
    /// An entry that was set aside stays so when it is handled.
    SettleLeftOut,
    /// An attempt at what is set aside is not on record before it begins.
    AttemptNotRecorded,
    /// A request is answered in a transaction of its own, before what was asked for is done.
    AnsweredBeforeDone,
    /// A lost reply to a commit is taken for a failure of the handler.
    LostReplyIsFailure,
    /// A lost reply to a commit is taken for a success.
    LostReplyIsSuccess,
    /// After a lost reply the same is committed again.
    LostReplyIsRepeated,
    /// Work of a term that is over reports to the next one.
    OldWorkReports,
    /// An owner that went without handing over has left nothing half done.
    HandOverAlwaysBelieved,
    /// Whether an owner before this one went without handing over is forgotten with a lost reply.
    SuspicionLostWithReply,
    /// It is forgotten when a term cannot begin.
    SuspicionLostAtBeginning,
    /// It is forgotten when a process that has not tried all suspects hands over.
    SuspicionHandedOver,
    /// Forgets, with its term, an attempt that failed at its commit or could not be recorded.
    FailuresLeftBehind,
    /// Ends the term when a commit loses its connection, and counts no failed attempt.
    LossIsInterruption,
    /// Suspects are looked for up to where the log went when the process looked last.
    HeadFromBefore,
    /// A process that starts again takes itself for the owner that it was.
    OwnersNamedAlike,
    /// A lease is trusted for half as long again.
    LeaseTrustedTooLong,
    /// A lease is counted from the answer, not from the asking.
    LeaseCountedFromAnswer,
    /// A process whose trust has ended goes on.
    LeaseEndIgnored,
    /// Entries of a key are handled as if they had none.
    KeysIgnored,
    /// Nobody looks unless they are woken.
    NoPolling,
    /// A request that comes in as a term begins is taken for one that was told.
    RequestTakenForTold,
    /// Only the first effect of a batch is committed, with the progress of all.
    BatchHalfCommitted,
    /// A batch is recorded with its first position only.
    BatchRecordedAsOne,
    /// A batch that failed is tried again as it was.
    FailedBatchTriedAgain,
    /// Entries that are handled in batches are as if they had no key, whoever holds it.
    BatchKeysIgnored,
    /// Of a batch that ended a process only the first entry is suspected.
    BatchSuspectsForgotten,
    /// A page of a replay is put up, and how far the replay has come is not recorded.
    ReplayWithoutProgress,
    /// How far a replay has come is recorded, and its page is not put up.
    ReplayWithoutPage,
    /// A new owner begins a replay anew.
    ReplayProgressNotLoaded,
    /// Entries are replayed as if they had no key, whatever of it is under way.
    ReplayKeysIgnored,
    /// A replay leaves a receipt, as a fresh entry does.
    ReplayLeavesReceipt,
    /// A replay sets the cursor to its entry.
    ReplayMovesCursor,
    /// A replay is answered as soon as it has begun.
    ReplayAnsweredEarly,
    /// A cursor that is set back keeps the receipts.
    SeekKeepsReceipts,
    /// It keeps what is set aside after it.
    SeekKeepsSetAside,
    /// A new type of event is registered, and whoever does not know it remains the owner.
    RegistrationKeepsEpoch,
    /// A new owner is not told which types of events others handle.
    UnknownTypesNotLoaded,
    /// A handler says that somebody has to look, and the subscription goes on.
    StopWithoutPause,
    /// What nobody knows the fate of is taken for delivered.
    UnknownIsDelivered,
    /// So is what nobody was there to take.
    NobodyIsDelivered,
    /// That nobody was there is taken for the end of a session: it counts as an attempt.
    NobodyIsHeard,
    /// The end of a session is taken for nobody being there: it says nothing of what was sent.
    EndIsNobody,
    /// Of entries that were sent together only the first is answered for.
    OnlyFirstAnswered,
    /// Each is told the fate of the next.
    AnswersMixedUp,
    /// The cursor passes what was sent and not confirmed.
    CursorBeforeConfirmation,
    /// What was set aside is settled when it is sent, not when it is confirmed.
    SettledBeforeSent,
}

impl Mutant {
    /// Those of worlds with handlers.
    const OF_HANDLERS: [Self; 51] = [
        Self::NoFence,
        Self::EarlyFence,
        Self::EpochNotRaised,
        Self::TermReadTooEarly,
        Self::ProgressBeforeEffect,
        Self::ProgressAfterEffect,
        Self::ReceiptLeftOut,
        Self::ReceiptsForgottenEarly,
        Self::ReceiptsNotLoaded,
        Self::SetAsideNotLoaded,
        Self::PauseNotLoaded,
        Self::FailureNotRecorded,
        Self::QueuedNotRecorded,
        Self::SettleLeftOut,
        Self::AttemptNotRecorded,
        Self::AnsweredBeforeDone,
        Self::LostReplyIsFailure,
        Self::LostReplyIsSuccess,
        Self::LostReplyIsRepeated,
        Self::OldWorkReports,
        Self::HandOverAlwaysBelieved,
        Self::SuspicionLostWithReply,
        Self::SuspicionLostAtBeginning,
        Self::SuspicionHandedOver,
        Self::FailuresLeftBehind,
        Self::LossIsInterruption,
        Self::HeadFromBefore,
        Self::OwnersNamedAlike,
        Self::LeaseTrustedTooLong,
        Self::LeaseCountedFromAnswer,
        Self::LeaseEndIgnored,
        Self::KeysIgnored,
        Self::NoPolling,
        Self::RequestTakenForTold,
        Self::BatchHalfCommitted,
        Self::BatchRecordedAsOne,
        Self::FailedBatchTriedAgain,
        Self::BatchKeysIgnored,
        Self::BatchSuspectsForgotten,
        Self::ReplayWithoutProgress,
        Self::ReplayWithoutPage,
        Self::ReplayProgressNotLoaded,
        Self::ReplayKeysIgnored,
        Self::ReplayLeavesReceipt,
        Self::ReplayMovesCursor,
        Self::ReplayAnsweredEarly,
        Self::SeekKeepsReceipts,
        Self::SeekKeepsSetAside,
        Self::RegistrationKeepsEpoch,
        Self::UnknownTypesNotLoaded,
        Self::StopWithoutPause,
    ];

    /// Those of worlds with a sink.
    const OF_SINKS: [Self; 20] = [
        Self::NoFence,
        Self::SetAsideNotLoaded,
        Self::PauseNotLoaded,
        Self::FailureNotRecorded,
        Self::QueuedNotRecorded,
        Self::SettleLeftOut,
        Self::AttemptNotRecorded,
        Self::OldWorkReports,
        Self::LeaseEndIgnored,
        Self::KeysIgnored,
        Self::ReplayKeysIgnored,
        Self::SeekKeepsSetAside,
        Self::UnknownIsDelivered,
        Self::NobodyIsDelivered,
        Self::NobodyIsHeard,
        Self::EndIsNobody,
        Self::OnlyFirstAnswered,
        Self::AnswersMixedUp,
        Self::CursorBeforeConfirmation,
        Self::SettledBeforeSent,
    ];

    /// All that are looked for in worlds with this target.
    pub fn of(target: Target) -> &'static [Self] {
        match target {
            Target::Handlers => &Self::OF_HANDLERS,
            Target::Sink => &Self::OF_SINKS,
        }
    }

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoFence => "no-fence",
            Self::EarlyFence => "early-fence",
            Self::EpochNotRaised => "epoch-not-raised",
            Self::TermReadTooEarly => "term-read-too-early",
            Self::ProgressBeforeEffect => "progress-before-effect",
            Self::ProgressAfterEffect => "progress-after-effect",
            Self::ReceiptLeftOut => "receipt-left-out",
            Self::ReceiptsForgottenEarly => "receipts-forgotten-early",
            Self::ReceiptsNotLoaded => "receipts-not-loaded",
            Self::SetAsideNotLoaded => "set-aside-not-loaded",
            Self::PauseNotLoaded => "pause-not-loaded",
            Self::FailureNotRecorded => "failure-not-recorded",
            Self::QueuedNotRecorded => "queued-not-recorded",
            Self::SettleLeftOut => "settle-left-out",
            Self::AttemptNotRecorded => "attempt-not-recorded",
            Self::AnsweredBeforeDone => "answered-before-done",
            Self::LostReplyIsFailure => "lost-reply-is-failure",
            Self::LostReplyIsSuccess => "lost-reply-is-success",
            Self::LostReplyIsRepeated => "lost-reply-is-repeated",
            Self::OldWorkReports => "old-work-reports",
            Self::HandOverAlwaysBelieved => "hand-over-always-believed",
            Self::SuspicionLostWithReply => "suspicion-lost-with-reply",
            Self::SuspicionLostAtBeginning => "suspicion-lost-at-beginning",
            Self::SuspicionHandedOver => "suspicion-handed-over",
            Self::FailuresLeftBehind => "failures-left-behind",
            Self::LossIsInterruption => "loss-is-interruption",
            Self::HeadFromBefore => "head-from-before",
            Self::OwnersNamedAlike => "owners-named-alike",
            Self::LeaseTrustedTooLong => "lease-trusted-too-long",
            Self::LeaseCountedFromAnswer => "lease-counted-from-answer",
            Self::LeaseEndIgnored => "lease-end-ignored",
            Self::KeysIgnored => "keys-ignored",
            Self::NoPolling => "no-polling",
            Self::RequestTakenForTold => "request-taken-for-told",
            Self::BatchHalfCommitted => "batch-half-committed",
            Self::BatchRecordedAsOne => "batch-recorded-as-one",
            Self::FailedBatchTriedAgain => "failed-batch-tried-again",
            Self::BatchKeysIgnored => "batch-keys-ignored",
            Self::BatchSuspectsForgotten => "batch-suspects-forgotten",
            Self::ReplayWithoutProgress => "replay-without-progress",
            Self::ReplayWithoutPage => "replay-without-page",
            Self::ReplayProgressNotLoaded => "replay-progress-not-loaded",
            Self::ReplayKeysIgnored => "replay-keys-ignored",
            Self::ReplayLeavesReceipt => "replay-leaves-receipt",
            Self::ReplayMovesCursor => "replay-moves-cursor",
            Self::ReplayAnsweredEarly => "replay-answered-early",
            Self::SeekKeepsReceipts => "seek-keeps-receipts",
            Self::SeekKeepsSetAside => "seek-keeps-set-aside",
            Self::RegistrationKeepsEpoch => "registration-keeps-epoch",
            Self::UnknownTypesNotLoaded => "unknown-types-not-loaded",
            Self::StopWithoutPause => "stop-without-pause",
            Self::UnknownIsDelivered => "unknown-is-delivered",
            Self::NobodyIsDelivered => "nobody-is-delivered",
            Self::NobodyIsHeard => "nobody-is-heard",
            Self::EndIsNobody => "end-is-nobody",
            Self::OnlyFirstAnswered => "only-first-answered",
            Self::AnswersMixedUp => "answers-mixed-up",
            Self::CursorBeforeConfirmation => "cursor-before-confirmation",
            Self::SettledBeforeSent => "settled-before-sent",
        }
    }

    /// What a new owner is told, by this one.
    pub(crate) fn spoil_term(self, term: &mut Term) {
        match self {
            Self::ReceiptsNotLoaded => term.receipts.clear(),
            Self::SetAsideNotLoaded => term.set_aside.clear(),
            Self::PauseNotLoaded => term.paused = false,
            Self::HandOverAlwaysBelieved => term.is_handed_over = true,
            Self::UnknownTypesNotLoaded => term.event_types.clear(),
            _ => {}
        }
    }

    /// What is read, by this one.
    pub(crate) fn spoil_entry(self, entry: &mut Entry) {
        match self {
            Self::KeysIgnored => entry.key = None,
            Self::BatchKeysIgnored if entry.in_batch => entry.key = None,
            _ => {}
        }
    }

    /// What is committed, by this one.
    pub(crate) fn spoil_commit(self, commit: &mut Commit) {
        let Commit { effect, changes, .. } = commit;
        let is_replay = effect.as_ref().is_some_and(|work| work.is_replay);
        let first = effect.as_ref().map_or(Position::START, |work| work.position);
        match self {
            Self::BatchRecordedAsOne if effect.as_ref().is_some_and(Work::is_batch) => {
                *changes = vec![Change::Advance { to: first }];
            }
            Self::ReplayLeavesReceipt if is_replay => {
                changes.push(Change::Receipt { position: first });
            }
            Self::ReplayMovesCursor if is_replay => changes.push(Change::Advance { to: first }),
            Self::ReplayAnsweredEarly => answer_what_begins(changes),
            _ => {}
        }
        changes.retain(|change| !self.leaves_out(change));
    }

    fn leaves_out(self, change: &Change) -> bool {
        match (self, change) {
            (Self::ReceiptLeftOut, Change::Receipt { .. })
            | (Self::SettleLeftOut, Change::Settle { .. }) => true,
            (Self::QueuedNotRecorded, Change::SetAside(entry)) => {
                entry.state == SetAsideState::Queued
            }
            (Self::FailureNotRecorded, Change::SetAside(entry)) => entry.attempts == 1,
            (Self::ReplayWithoutPage, Change::SetAside(entry)) => {
                entry.is_replay && entry.attempts == 0
            }
            (Self::ReplayWithoutProgress, Change::Replayed { replayed, .. }) => {
                replayed.entries > 0
            }
            (Self::StopWithoutPause, Change::Pause { reason }) => reason.ends_with(STOPPED),
            _ => false,
        }
    }
}

fn answer_what_begins(changes: &mut Vec<Change>) {
    let begins = changes.iter().find_map(|change| match change {
        Change::Replayed { request, replayed } if replayed.entries == 0 => Some(*request),
        _ => None,
    });
    let answer = Answer::Done { changed: 0 };
    changes.extend(begins.map(|request| Change::Answer { request, answer }));
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Mutant {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let mut all = Self::OF_HANDLERS.iter().chain(&Self::OF_SINKS);
        let found = all.find(|mutant| mutant.name() == name).copied();
        found.ok_or_else(|| format!("no mutant is called `{name}`; --mutants lists them"))
    }
}
