//! Forwarders in one process.

use std::time::Duration;

use ensue::{BoxError, Error, Events, Handled, raise};

use crate::shop::{OrderPlaced, Store, placed};

const PATIENCE: Duration = Duration::from_secs(600);

async fn look(_: &OrderPlaced) -> Result<(), BoxError> {
    Ok(())
}

async fn place_one(events: &Events<Store>) {
    let place = events.run(async |_| {
        raise(placed("A-1"));
        Ok::<_, Error>(())
    });
    place.await.unwrap();
}

/// Neither by chance nor by polling, which would take longer than anybody waits.
#[tokio::test]
async fn two_forwarders_of_an_application_are_both_told_of_every_commit() {
    let builder = Events::builder(Store::default()).subscribe("looks", look);
    let events = builder.poll(PATIENCE * 10).build().await.unwrap();
    let _forwarders = [events.forward(), events.forward()];
    for _ in 0..10 {
        place_one(&events).await;
        let ticket = events.ticket().await.unwrap();
        assert_eq!(ticket.handled_by("looks", PATIENCE).await.unwrap(), Handled::Handled);
    }
}
