//! `#[ensue::service]`.

use std::time::Duration;

use ensue::{BoxError, Error, ErrorKind, Position, raise};
use ensue_sqlite::{Events, Tx};

use crate::scratch::{OrderPlaced, Scratch, add_effect, effects};

struct Orders {
    events: Events,
    prefix: String,
}

impl Orders {
    /// With everything that a parameter can be.
    #[ensue::service(self.events)]
    async fn place(
        &self,
        tx: &mut Tx,
        order_no: &str,
        (amount, _): (i64, i64),
        mut note: String,
        times: impl Into<u32> + Send,
    ) -> Result<String, BoxError> {
        note.push_str(&self.prefix);
        for _ in 0..times.into() {
            raise(OrderPlaced::of(order_no, amount));
        }
        add_effect(tx, &note).await?;
        Ok(note)
    }

    #[ensue::service(self.events)]
    async fn place_both(&self, first: &str, second: &str, tx: &mut Tx) -> Result<(), BoxError> {
        self.place_in(tx, first, (1, 0), "first".to_owned(), 1_u8).await?;
        self.place_in(tx, second, (2, 0), "second".to_owned(), 1_u8).await?;
        match second {
            "fails" => Err("on purpose".into()),
            _ => Ok(()),
        }
    }

    #[ensue::service(self.events)]
    async fn never_ends(&self, tx: &mut Tx) -> Result<(), BoxError> {
        add_effect(tx, "ghost").await?;
        std::future::pending().await
    }

    #[ensue::service(self.events)]
    async fn opens_another(&self, _tx: &mut Tx) -> Result<(), BoxError> {
        self.place_both("A", "B").await
    }
}

/// Outside of an `impl` the expression names a parameter.
#[ensue::service(events)]
async fn note(events: &Events, tx: &mut Tx, name: &str) -> Result<(), sqlx_or_ours::Error> {
    assert_eq!(events.head().await?, Position::START);
    Ok(add_effect(tx, name).await?)
}

mod sqlx_or_ours {
    #[derive(Debug)]
    pub(super) struct Error;

    impl From<sqlx::Error> for Error {
        fn from(_: sqlx::Error) -> Self {
            Self
        }
    }

    impl From<ensue::Error> for Error {
        fn from(_: ensue::Error) -> Self {
            Self
        }
    }
}

async fn orders(scratch: &Scratch) -> Orders {
    let events = scratch.builder().await.build().await.unwrap();
    Orders { events, prefix: "!".to_owned() }
}

#[tokio::test]
async fn a_service_is_one_unit_of_work() {
    let scratch = Scratch::new();
    let orders = orders(&scratch).await;
    let placing = tokio::spawn(async move {
        let note = orders.place("A", (7, 0), "noted".to_owned(), 3_u8).await.unwrap();
        (orders, note)
    });
    let (orders, note) = placing.await.unwrap();
    assert_eq!(note, "noted!");
    assert_eq!(effects(orders.events.store()).await, ["noted!"]);
    assert_eq!(orders.events.head().await.unwrap(), Position::new(3));
}

#[tokio::test]
async fn a_service_that_joins_another_is_part_of_its_unit_of_work() {
    let scratch = Scratch::new();
    let orders = orders(&scratch).await;
    orders.place_both("A", "fails").await.unwrap_err();
    assert_eq!(effects(orders.events.store()).await, [""; 0]);
    orders.place_both("A", "B").await.unwrap();
    assert_eq!(effects(orders.events.store()).await, ["first!", "second!"]);
}

#[tokio::test]
async fn a_service_that_does_not_join_is_refused_inside_another() {
    let scratch = Scratch::new();
    let refused = orders(&scratch).await.opens_another().await.unwrap_err();
    let refused: Error = *refused.downcast().unwrap();
    assert_eq!(refused.kind(), ErrorKind::Nested);
}

#[tokio::test]
async fn a_function_can_be_a_service() {
    let scratch = Scratch::new();
    let events = scratch.builder().await.build().await.unwrap();
    note(&events, "A").await.unwrap();
    let run = events.run(async |tx| note_in(&events, tx, "B").await);
    run.await.unwrap();
    assert_eq!(effects(events.store()).await, ["A", "B"]);
}

#[tokio::test]
async fn an_inner_service_that_is_dropped_before_its_end_abandons_the_unit_of_work() {
    let scratch = Scratch::new();
    let orders = orders(&scratch).await;
    let run = orders.events.run(async |tx| {
        let inner = tokio::time::timeout(Duration::from_millis(20), orders.never_ends_in(tx));
        assert!(inner.await.is_err());
        Ok::<_, Error>(())
    });
    assert_eq!(run.await.unwrap_err().kind(), ErrorKind::Abandoned);
    assert_eq!(effects(orders.events.store()).await, [""; 0]);
}
