//! What is promised of a database that is a server: sessions end, and locks are waited for.

use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ensue::subscription::{Change, SetAsideState, TakeOver};
use ensue::{
    BoxError, ErrorKind, Events, Handled, Meta, Position, RetryPolicy, Start, Subscriptions,
    Transactions, Tx, TxHandler,
};
use tokio::task::JoinSet;

use crate::backend::{Backend, PATIENCE, effects_of};
use crate::forwarding::{OrderPlaced, assert_noted, builder, place};

/// A database on a server.
pub trait Server: Backend {
    /// Ends every session that the database has, as a restart of the server would.
    fn end_sessions(&self) -> impl Future<Output = ()> + Send;

    /// As [`Backend::open`], with so many connections for units of work.
    fn open_with(&self, connections: u32) -> impl Future<Output = Self::Store> + Send;

    /// Ends the transaction behind the store's back.
    fn roll_back(
        connection: &mut <Self::Store as Transactions>::Connection,
    ) -> impl Future<Output = ()> + Send;
}

/// And goes on by itself.
pub async fn a_forwarder_whose_sessions_are_all_ended_handles_nothing_twice<B: Server>(server: &B) {
    let raising = Events::builder(server.open().await).build().await.unwrap();
    let handling = builder::<B>(server.open().await, 4).build().await.unwrap();
    let forwarder = handling.forward();
    for round in 0..3 {
        place::<B>(&raising, round * 10..(round + 1) * 10).await;
        server.end_sessions().await;
    }
    place::<B>(&raising, 30..40).await;
    // A handler whose statement fails with its connection has failed, and is tried again.
    let ticket = raising.ticket().await.unwrap();
    let waiting = async {
        while ticket.handled_by("notes", PATIENCE).await.unwrap() != Handled::Handled {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(2 * PATIENCE, waiting).await.expect("everything is handled in the end");
    assert_noted::<B>(raising.store(), 40).await;
    assert!(forwarder.shutdown(PATIENCE).await);
}

struct EndIt<B>(PhantomData<fn(B)>);

impl<B: Server> TxHandler<OrderPlaced, B::Store> for EndIt<B> {
    async fn handle(
        &self,
        event: &OrderPlaced,
        _: &Meta,
        tx: &mut Tx<B::Store>,
    ) -> Result<(), BoxError> {
        B::add_effect(tx, &event.order_no).await;
        B::roll_back(tx).await;
        Ok(())
    }
}

/// Were its progress recorded all the same, the entry would count as handled.
pub async fn a_durable_handler_whose_transaction_is_over_has_no_progress<B: Server>(server: &B) {
    let once = RetryPolicy::default().attempts(1);
    for lanes in [1, 2] {
        let name = format!("on {lanes} lanes");
        let builder = Events::builder(server.open().await).subscription(&name, |subscription| {
            subscription.on(EndIt::<B>(PhantomData)).retry(once).lanes(lanes)
        });
        let events = builder.build().await.unwrap();
        let forwarder = events.forward();
        place::<B>(&events, 0..1).await;
        let ticket = events.ticket().await.unwrap();
        assert_eq!(ticket.handled_by(&name, PATIENCE).await.unwrap(), Handled::SetAside);
        let set_aside = events.status(&name).await.unwrap().set_aside;
        assert_eq!(set_aside[0].state, SetAsideState::Parked);
        let message = &set_aside[0].failure.as_ref().unwrap().message;
        assert!(message.contains("the transaction is over already"), "{message}");
        assert_eq!(effects_of::<B>(events.store()).await.len(), 0);
        assert!(forwarder.shutdown(PATIENCE).await);
    }
}

/// All of them share the lock that it wants for itself, and at each moment one of them has it.
pub async fn who_ends_a_term_is_not_kept_waiting_by_the_lanes_of_its_owner<B: Server>(server: &B) {
    let store = server.open_with(16).await;
    store.register("notes", Start::Beginning, &[]).await.unwrap();
    let hour = Duration::from_secs(3_600);
    let TakeOver::Granted(term) = store.take_over("notes", "one", hour).await.unwrap() else {
        panic!("nobody else is there")
    };
    let (mut lanes, receipts) = (JoinSet::new(), Arc::<AtomicU64>::default());
    for lane in 0..16 {
        let (store, epoch, receipts) = (store.clone(), term.epoch, Arc::clone(&receipts));
        lanes.spawn(async move {
            for number in 0.. {
                let receipt = Change::Receipt { position: Position::new(lane + 16 * number + 1) };
                let mut transaction = store.begin().await.unwrap();
                let recorded = store.record(&mut transaction, "notes", epoch, &[receipt]).await;
                if let Err(error) = recorded {
                    assert_eq!(error.kind(), ErrorKind::Fenced);
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
                store.commit(transaction).await.unwrap();
                receipts.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    let busy = async {
        while receipts.load(Ordering::Relaxed) <= 32 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE, busy).await.expect("the lanes do not get on");
    let ending = store.register("notes", Start::Beginning, &["order.placed"]);
    tokio::time::timeout(PATIENCE, ending).await.expect("starved").unwrap();
    lanes.join_all().await;
}
