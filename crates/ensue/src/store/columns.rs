//! What stores that speak SQL have in common: what the contract's types are as columns.
//!
//! A number is a `bigint`, a time microseconds since 1970, everything else text. What is written in
//! one of these forms and read back is the same.

mod dead_letter;

use std::collections::BTreeMap;

use ensue_core::{Envelope, Position, Timestamp};

use crate::BoxError;
use crate::subscription::{
    Answer, Change, Command, Epoch, Failure, FailureClass, Replayed, RequestId, SetAside,
    SetAsideState, Which,
};

pub use dead_letter::DeadLetterColumns;

/// A number that SQL has no unsigned type for. None is that large that is not made up.
pub fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A position, an epoch or a request as a number.
pub trait Numbered {
    /// The number.
    fn number(self) -> i64;
}

impl Numbered for Position {
    fn number(self) -> i64 {
        number(self.get())
    }
}

impl Numbered for Epoch {
    fn number(self) -> i64 {
        number(self.get())
    }
}

impl Numbered for RequestId {
    fn number(self) -> i64 {
        number(self.get())
    }
}

/// The position that [`Numbered::number`] gave; none is negative.
pub fn position(number: i64) -> Position {
    Position::new(number.unsigned_abs())
}

/// The headers of an envelope, a JSON object of strings; nothing if there are none.
pub fn headers(envelope: &Envelope) -> Option<String> {
    let headers = &envelope.headers;
    // A map of strings always has a JSON form.
    (!headers.is_empty()).then(|| serde_json::to_string(headers).unwrap_or_default())
}

/// Returns the size of an envelope as a row with all of its columns, in bytes, as a close upper bound.
pub fn row_bytes(envelope: &Envelope) -> usize {
    let texts = [&envelope.key, &envelope.trace_context, &headers(envelope)];
    let texts = texts.into_iter().flatten().map(String::len).sum::<usize>();
    FIXED_BYTES
        + texts
        + envelope.payload.len()
        + envelope.event_type.len()
        + envelope.content_type.len()
        + envelope.correlation_id.as_str().len()
}

/// Two ids, four numbers, a time, and a few bytes per column for its type and length.
const FIXED_BYTES: usize = 256;

/// What [`headers`] wrote.
///
/// # Errors
/// If it did not.
pub fn read_headers(stored: Option<&str>) -> Result<BTreeMap<String, String>, BoxError> {
    Ok(stored.map(serde_json::from_str).transpose()?.unwrap_or_default())
}

/// A [`Command`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommandColumns {
    /// Its [name](Command::name).
    pub command: String,
    /// Of the entry, to seek to, or the first to replay.
    pub position: Option<i64>,
    /// The last to replay.
    pub last_position: Option<i64>,
    /// Of the entries; with neither position nor key, those that are parked:
    pub key: Option<String>,
    /// of any class without it,
    pub failure_class: Option<String>,
    /// and as many as there are without it.
    pub at_most: Option<i64>,
}

impl From<&Command> for CommandColumns {
    fn from(command: &Command) -> Self {
        let columns = Self { command: command.name().to_owned(), ..Self::default() };
        match command {
            Command::Retry(which) | Command::Skip(which) => columns.about(which),
            Command::Pause | Command::Resume | Command::Unreadable { .. } => columns,
            Command::Seek { to } => Self { position: Some(to.number()), ..columns },
            Command::Replay { first, last } => Self {
                position: Some(first.number()),
                last_position: Some(last.number()),
                ..columns
            },
        }
    }
}

impl CommandColumns {
    fn about(self, which: &Which) -> Self {
        match which {
            Which::Entry(position) => Self { position: Some(position.number()), ..self },
            Which::Key(key) => Self { key: Some(key.clone()), ..self },
            Which::Parked { class, at_most } => Self {
                failure_class: class.map(|class| class.name().to_owned()),
                // More than there can be rows is as many as there are.
                at_most: i64::try_from(*at_most).ok(),
                ..self
            },
        }
    }

    /// The command.
    ///
    /// # Errors
    /// If no command was written in this way.
    pub fn read(self) -> Result<Command, BoxError> {
        Ok(match self.command.as_str() {
            "retry" => Command::Retry(self.which()?),
            "skip" => Command::Skip(self.which()?),
            "pause" => Command::Pause,
            "resume" => Command::Resume,
            "seek" => Command::Seek { to: there(self.position)? },
            "replay" => {
                Command::Replay { first: there(self.position)?, last: there(self.last_position)? }
            }
            other => return Err(format!("`{other}` is no command").into()),
        })
    }

    fn which(self) -> Result<Which, BoxError> {
        Ok(match (self.position, self.key) {
            (Some(number), _) => Which::Entry(position(number)),
            (None, Some(key)) => Which::Key(key),
            (None, None) => {
                let class = self.failure_class.as_deref().map(str::parse::<FailureClass>);
                let at_most = self.at_most.map(u64::try_from).transpose()?;
                Which::Parked { class: class.transpose()?, at_most: at_most.unwrap_or(u64::MAX) }
            }
        })
    }
}

fn there(stored: Option<i64>) -> Result<Position, BoxError> {
    stored.map(position).ok_or_else(|| "a command lacks its position".into())
}

/// How far a replay has come, from its two columns.
///
/// # Errors
/// If there is only one of them.
pub fn read_replayed(
    up_to: Option<i64>,
    entries: Option<i64>,
) -> Result<Option<Replayed>, BoxError> {
    let Some(up_to) = up_to else { return Ok(None) };
    let entries = entries.ok_or("a replay lacks its number of entries")?;
    Ok(Some(Replayed { up_to: position(up_to), entries: entries.try_into()? }))
}

/// An [`Answer`], or none yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AnswerColumns {
    /// `done` or `refused`.
    pub answer: Option<String>,
    /// How many steps of progress it was, if it is done.
    pub changed: Option<i64>,
    /// Why not, if it was refused.
    pub why: Option<String>,
}

impl From<&Answer> for AnswerColumns {
    fn from(answer: &Answer) -> Self {
        let (word, changed, why) = match answer {
            Answer::Done { changed } => ("done", Some(number(*changed)), None),
            Answer::Refused { why } => ("refused", None, Some(why.clone())),
        };
        Self { answer: Some(word.to_owned()), changed, why }
    }
}

impl AnswerColumns {
    /// The answer, if there is one.
    ///
    /// # Errors
    /// If no answer was written in this way.
    pub fn read(self) -> Result<Option<Answer>, BoxError> {
        Ok(match (self.answer.as_deref(), self.changed, self.why) {
            (None, ..) => None,
            (Some("done"), Some(changed), _) => Some(Answer::Done { changed: changed.try_into()? }),
            (Some("refused"), _, Some(why)) => Some(Answer::Refused { why }),
            (Some(other), ..) => return Err(format!("`{other}` is no answer").into()),
        })
    }
}

/// An entry that is set aside.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SetAsideColumns {
    /// Where it stands in the log.
    pub position: i64,
    /// What it must stay in order with.
    pub key: Option<String>,
    /// The [name](SetAsideState::name) of its state.
    pub state: String,
    /// How many attempts have failed.
    pub attempts: i64,
    /// When it is tried again, if it is.
    pub next_attempt_at_us: Option<i64>,
    /// How the last attempt failed, if there was one,
    pub failure_class: Option<String>,
    /// and in whose words.
    pub failure_message: Option<String>,
    /// Whether it is handled once more.
    pub is_replay: bool,
}

impl From<&SetAside> for SetAsideColumns {
    fn from(entry: &SetAside) -> Self {
        let failure = entry.failure.as_ref();
        Self {
            position: entry.position.number(),
            key: entry.key.clone(),
            state: entry.state.name().to_owned(),
            attempts: entry.attempts.into(),
            next_attempt_at_us: entry.state.next_attempt_at().map(Timestamp::as_micros),
            failure_class: failure.map(|failure| failure.class.name().to_owned()),
            failure_message: failure.map(|failure| failure.message.clone()),
            is_replay: entry.is_replay,
        }
    }
}

impl SetAsideColumns {
    /// The entry.
    ///
    /// # Errors
    /// If none was written in this way.
    pub fn read(self) -> Result<SetAside, BoxError> {
        let at = self.next_attempt_at_us.map(Timestamp::from_micros);
        let state = SetAsideState::from_parts(&self.state, at);
        let message = self.failure_message.unwrap_or_default();
        Ok(SetAside {
            position: position(self.position),
            key: self.key,
            state: state.ok_or_else(|| format!("`{}` with {at:?} is no state", self.state))?,
            attempts: self.attempts.try_into()?,
            failure: self.failure_class.map(|class| failure(&class, message)),
            is_replay: self.is_replay,
        })
    }
}

/// Reads a failure. A newer program may have stored a class that this one does not know.
fn failure(class: &str, message: String) -> Failure {
    match class.parse() {
        Ok(class) => Failure { class, message },
        Err(why) => Failure::new(FailureClass::Unreadable, format!("{why}: {message}")),
    }
}

/// Whether it is an error if the change finds nothing to change: the database then is not as its
/// sender knows it.
pub fn must_change(change: &Change) -> bool {
    match change {
        Change::Advance { .. }
        | Change::Receipt { .. }
        | Change::Settle { .. }
        | Change::Seek { .. }
        | Change::Replayed { .. }
        | Change::Answer { .. } => true,
        Change::Forget { .. } | Change::SetAside(_) | Change::Pause { .. } | Change::Resume => {
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAR: Position = Position::new(u32::MAX as u64 + 7);

    #[test]
    fn every_command_comes_back() {
        let parked = |class, at_most| Which::Parked { class, at_most };
        for which in [
            Which::Entry(FAR),
            Which::Key(String::new()),
            parked(None, u64::MAX),
            parked(Some(FailureClass::UnknownType), 0),
        ] {
            for command in [Command::Retry(which.clone()), Command::Skip(which)] {
                assert_eq!(CommandColumns::from(&command).read().unwrap(), command);
            }
        }
        let (first, last) = (Position::new(1), FAR);
        for command in [
            Command::Pause,
            Command::Resume,
            Command::Seek { to: Position::START },
            Command::Replay { first, last },
        ] {
            assert_eq!(CommandColumns::from(&command).read().unwrap(), command);
        }
    }

    #[test]
    fn what_is_no_command_or_answer_is_an_error_that_names_it() {
        let columns = |command: &str| CommandColumns {
            command: command.to_owned(),
            ..CommandColumns::default()
        };
        let said = columns("rewind").read().unwrap_err().to_string();
        assert_eq!(said, "`rewind` is no command");
        assert!(columns("seek").read().is_err());
        let answer = AnswerColumns { answer: Some("maybe".to_owned()), ..AnswerColumns::default() };
        assert_eq!(answer.read().unwrap_err().to_string(), "`maybe` is no answer");
        assert!(read_replayed(Some(1), None).is_err());
    }

    #[test]
    fn every_answer_comes_back() {
        for answer in [Answer::Done { changed: 3 }, Answer::Refused { why: "no".to_owned() }] {
            assert_eq!(AnswerColumns::from(&answer).read().unwrap(), Some(answer));
        }
        assert_eq!(AnswerColumns::default().read().unwrap(), None);
    }

    #[test]
    fn every_entry_that_is_set_aside_comes_back() {
        let next_attempt_at = Timestamp::from_micros(-1);
        for state in [
            SetAsideState::Retrying { next_attempt_at },
            SetAsideState::Parked,
            SetAsideState::Queued,
        ] {
            for (key, failure) in [
                (None, None),
                (Some("A-1".to_owned()), Some(Failure::new(FailureClass::Crash, "gone"))),
            ] {
                let entry = SetAside {
                    position: FAR,
                    key,
                    state,
                    attempts: 7,
                    is_replay: failure.is_some(),
                    failure,
                };
                assert_eq!(SetAsideColumns::from(&entry).read().unwrap(), entry);
            }
        }
        let no_time =
            SetAsideColumns { state: "retrying".to_owned(), ..SetAsideColumns::default() };
        let said = no_time.read().unwrap_err().to_string();
        assert_eq!(said, "`retrying` with None is no state");
    }
}
