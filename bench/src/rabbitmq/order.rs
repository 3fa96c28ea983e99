//! Whether what arrived is in the order of its keys.

use std::collections::{HashMap, HashSet};

use ensue::BoxError;
use futures_util::StreamExt;
use lapin::types::AMQPValue;

use super::broker;

/// Takes `messages` out of `queue`: each event is there once, and those of a key as the log has them.
pub(crate) async fn check(queue: &str, messages: u32) -> Result<(), BoxError> {
    let (_connection, channel, mut consumer) = broker::consuming(queue).await?;
    let (mut known, mut last_of) = (HashSet::new(), HashMap::<String, String>::new());
    for _ in 0..messages {
        let delivery = consumer.next().await.ok_or("the queue has ended")??;
        let attribute = |name: &str| {
            let headers = delivery.properties.headers().as_ref()?;
            match headers.inner().get(name)? {
                AMQPValue::LongString(value) => Some(value.to_string()),
                _ => None,
            }
        };
        let id = attribute("cloudEvents_id").ok_or("an event without an id")?;
        let key = attribute("cloudEvents_partitionkey").ok_or("an event without a key")?;
        let sequence = attribute("cloudEvents_sequence").ok_or("an event without a sequence")?;
        if !known.insert(id) {
            return Err(format!("an event of {key} is there twice").into());
        }
        if last_of.insert(key.clone(), sequence.clone()).is_some_and(|last| last >= sequence) {
            return Err(format!("the events of {key} are out of order").into());
        }
        broker::acknowledge(&channel, delivery.delivery_tag).await?;
    }
    Ok(())
}
