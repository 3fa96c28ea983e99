//! The client alone, to find out whether the broker is there.

use std::time::{Duration, Instant};

use ensue::BoxError;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Confirmation, Connection, ConnectionProperties};

/// How soon it is tried again.
const PAUSE: Duration = Duration::from_millis(5);

/// LIMIT: for an attempt. A broker that has just begun to listen may not answer.
const ANSWER_MAX: Duration = Duration::from_secs(2);

/// LIMIT: for the broker to start.
const PATIENCE: Duration = Duration::from_secs(120);

/// Connects, has a message to `queue` confirmed, and lets go.
pub(crate) async fn knock(url: &str, queue: &str) -> Result<(), BoxError> {
    let connection = Connection::connect(url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let properties = BasicProperties::default().with_delivery_mode(2);
    let publish = channel.basic_publish("".into(), queue.into(), options, b"", properties);
    let answer = publish.await?.await?;
    connection.close(200, "done".into()).await?;
    match answer {
        Confirmation::Ack(None) => Ok(()),
        other => Err(format!("not confirmed: {other:?}").into()),
    }
}

/// Until it is there, and since when.
pub(crate) async fn knock_until_confirmed(url: &str, queue: &str) -> Result<Instant, BoxError> {
    let knocking = async {
        while !matches!(tokio::time::timeout(ANSWER_MAX, knock(url, queue)).await, Ok(Ok(()))) {
            tokio::time::sleep(PAUSE).await;
        }
        Instant::now()
    };
    Ok(tokio::time::timeout(PATIENCE, knocking).await?)
}
