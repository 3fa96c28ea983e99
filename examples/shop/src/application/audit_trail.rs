//! What happened, for those who may ask one day.

use ensue::{AnyEvent, Error, Meta, Tx};

use super::Database;

/// Handles any event, also of a type that was made long after this was written: what it writes
/// down stands around every event. It is in the transaction, so the trail has what happened, all of
/// it, and nothing that did not.
pub(super) async fn write_down<D: Database>(
    _: &AnyEvent,
    meta: Meta,
    tx: &mut Tx<D>,
) -> Result<(), Error> {
    D::add_to_audit_trail(tx, &meta).await
}

#[cfg(test)]
mod tests {
    use ensue::{Event, raise};
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::application::ShopError;
    use crate::scratch::Scratch;

    #[derive(Event, Serialize, Deserialize)]
    #[event(type = "shelf.dusted", key = shelf)]
    struct ShelfDusted {
        shelf: String,
    }

    #[derive(Event)]
    #[event(local, type = "shelf.looked_at", key = shelf)]
    struct ShelfLookedAt {
        shelf: String,
    }

    #[tokio::test]
    async fn events_of_types_that_are_made_later_are_written_down_and_local_ones_too() {
        let scratch = Scratch::with(|builder| builder).await;
        look_and_dust(&scratch, Ok(())).await.unwrap();
        assert_eq!(types_of_top_shelf(&scratch).await, ["shelf.looked_at", "shelf.dusted"]);
    }

    #[tokio::test]
    async fn what_was_rolled_back_is_not_written_down() {
        let scratch = Scratch::with(|builder| builder).await;
        let no = ShopError::Gateway("on purpose".into());
        look_and_dust(&scratch, Err(no)).await.unwrap_err();
        assert_eq!(types_of_top_shelf(&scratch).await, [""; 0]);
    }

    async fn look_and_dust(
        scratch: &Scratch,
        ended: Result<(), ShopError>,
    ) -> Result<(), ShopError> {
        let work = async |tx: &mut ensue_sqlite::Tx| {
            raise(ShelfLookedAt { shelf: "top".to_owned() });
            raise(ShelfDusted { shelf: "top".to_owned() });
            tx.flush().await?;
            ended
        };
        scratch.events.run(work).await
    }

    async fn types_of_top_shelf(scratch: &Scratch) -> Vec<String> {
        let trail = scratch.events.store().audit_trail("top").await.unwrap();
        trail.into_iter().map(|entry| entry.event_type).collect()
    }
}
