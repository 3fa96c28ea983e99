//! A batch on its way through a channel, until of each message it is known what has become of it.

use std::collections::HashSet;
use std::time::Duration;

use ensue::{BoxError, EventId, Outcome, permanent};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use lapin::message::BasicReturnMessage;
use lapin::options::BasicPublishOptions;
use lapin::protocol::{AMQPErrorKind, AMQPSoftError};
use lapin::types::ShortString;
use lapin::{Channel, Confirmation, ErrorKind};
use tokio::time::timeout;

use crate::format::Published;

/// A message that is ready to be sent.
pub(crate) struct Outgoing {
    pub(crate) id: EventId,
    pub(crate) routing_key: ShortString,
    pub(crate) message: Published,
}

/// What has become of a batch.
pub(crate) struct Batch {
    answers: Vec<Option<Answer>>,
    /// Which came back since no queue is bound for them.
    returned: Returned,
}

enum Answer {
    Confirmed,
    Refused,
    Lost(lapin::Error),
}

impl Batch {
    /// Sends these in their order, all at once, and waits for the answers until the broker has said
    /// nothing for a while.
    ///
    /// CANCEL-SAFE: dropped, some may have been sent; then the channel must not be used again.
    pub(crate) async fn publish(
        channel: &Channel,
        exchange: &ShortString,
        messages: &[Outgoing],
    ) -> Self {
        let answers = messages.iter().map(|_| None).collect();
        let mut batch = Self { answers, returned: Returned::default() };
        // ORDERING: they are polled for the first time in the order of their addition, and a message is
        // on its way by that.
        let mut under_way: FuturesUnordered<_> = messages
            .iter()
            .enumerate()
            .map(
                |(index, outgoing)| async move { (index, send(channel, exchange, outgoing).await) },
            )
            .collect();
        while let Ok(Some((index, confirmation))) = timeout(SILENCE_MAX, under_way.next()).await {
            batch.answers[index] = Some(batch.returned.answer(confirmation));
        }
        batch
    }

    /// Whether there is an answer for each.
    pub(crate) fn is_complete(&self) -> bool {
        self.answers
            .iter()
            .all(|answer| matches!(answer, Some(Answer::Confirmed | Answer::Refused)))
    }

    pub(crate) fn into_outcomes(self, messages: &[Outgoing]) -> Vec<Outcome> {
        let is_complete = self.is_complete();
        let is_alone = self.answers.len() == 1;
        let of = |(answer, outgoing): (_, &Outgoing)| match answer {
            Some(Answer::Confirmed) => self.returned.outcome(outgoing.id, is_complete),
            Some(Answer::Refused) => Outcome::Rejected("a queue refuses it; is it full?".into()),
            Some(Answer::Lost(error)) if is_alone && is_too_large(&error) => {
                Outcome::Rejected(permanent(error).into())
            }
            Some(Answer::Lost(error)) => Outcome::Unknown(lost(&error)),
            None => Outcome::Unknown(unanswered()),
        };
        self.answers.into_iter().zip(messages).map(of).collect()
    }
}

async fn send(
    channel: &Channel,
    exchange: &ShortString,
    Outgoing { routing_key, message, .. }: &Outgoing,
) -> Result<Confirmation, lapin::Error> {
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let (exchange, routing_key) = (exchange.clone(), routing_key.clone());
    let properties = message.properties.clone();
    channel.basic_publish(exchange, routing_key, options, &message.body, properties).await?.await
}

/// Messages that came back.
///
/// A message that has no queue to go to is returned, and after that confirmed. The client hands what
/// was returned to whichever message of the channel is confirmed next, so only their ids say which those
/// are, and only once every message of the channel is confirmed has it handed over all of them.
#[derive(Default)]
struct Returned {
    ids: HashSet<String>,
    why: Option<String>,
}

impl Returned {
    fn answer(&mut self, confirmation: Result<Confirmation, lapin::Error>) -> Answer {
        match confirmation {
            Ok(Confirmation::Ack(returned)) => {
                self.add(returned);
                Answer::Confirmed
            }
            Ok(Confirmation::Nack(returned)) => {
                self.add(returned);
                Answer::Refused
            }
            // Of a channel without confirms, which none of ours is.
            Ok(Confirmation::NotRequested) => Answer::Lost(ErrorKind::FutureCompleted.into()),
            Err(error) => Answer::Lost(error),
        }
    }

    fn add(&mut self, message: Option<BasicReturnMessage>) {
        let Some(message) = message else { return };
        self.why.get_or_insert_with(|| message.reply_text.to_string());
        self.ids.extend(message.delivery.properties.message_id().as_ref().map(ToString::to_string));
    }

    /// What has become of a message that was confirmed.
    fn outcome(&self, id: EventId, is_complete: bool) -> Outcome {
        if self.ids.contains(&id.to_string()) {
            let why = self.why.as_deref().unwrap_or("NO_ROUTE");
            return Outcome::Unroutable(format!("no queue is bound for it: {why}").into());
        }
        // If nothing ever came back, nothing was waiting to be handed over either.
        if is_complete || self.ids.is_empty() {
            return Outcome::Delivered;
        }
        Outcome::Unknown("it is confirmed, but may have been returned".into())
    }
}

/// Whether the broker closed the channel since a message is larger than it takes.
fn is_too_large(error: &lapin::Error) -> bool {
    let ErrorKind::ProtocolError(error) = error.kind() else { return false };
    let is_refusal = *error.kind() == AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED);
    is_refusal && error.get_message().as_str().contains("message size")
}

fn lost(error: &lapin::Error) -> BoxError {
    format!("the session was lost before it was confirmed: {error}").into()
}

fn unanswered() -> BoxError {
    format!("the broker has confirmed nothing for {SILENCE_MAX:?}").into()
}

/// LIMIT: a broker that confirms anything at all is waited for; one that confirms nothing for so long
/// may never.
const SILENCE_MAX: Duration = Duration::from_secs(10);
