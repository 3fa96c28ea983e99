//! Orders that a clerk takes by phone.

use std::sync::{Arc, Mutex, PoisonError};

use ensue::{Event, Events, Tx};

use super::{Database, Mailer, OrderService, Recipient, ShopError, Wanted};
use crate::domain::{CouponRedeemed, OrderNo, OrderPaid, OrderPlaced, VolumeDiscountGranted};

pub(crate) struct PhoneService<D: Database, M: Mailer> {
    events: Events<D>,
    orders: OrderService<D>,
    mailer: M,
}

/// An order, and what the clerk reads out to the customer.
#[derive(Debug)]
pub(crate) struct TakenByPhone {
    pub(crate) order_no: OrderNo,
    pub(crate) happened: Vec<String>,
}

impl<D: Database, M: Mailer> PhoneService<D, M> {
    pub(crate) fn new(events: Events<D>, mailer: M) -> Self {
        Self { orders: OrderService::new(events.clone()), events, mailer }
    }

    /// Places the order and pays it. The handlers that listen to it are of this call alone: they
    /// hold this customer's notepad, and go with the unit of work.
    pub(crate) async fn take(&self, wanted: Wanted) -> Result<TakenByPhone, ShopError> {
        let notepad = Notepad::default();
        let order_no = self.events.run(async |tx| {
            notepad.listen(tx, |event: &VolumeDiscountGranted| {
                format!("{} off, for so many", event.saved)
            });
            notepad.listen(tx, |event: &CouponRedeemed| {
                format!("{} off with coupon {}", event.saved, event.coupon)
            });
            notepad.listen(tx, |event: &OrderPlaced| {
                format!("order {} over {} placed", event.order_no, event.amount)
            });
            notepad.listen(tx, |event: &OrderPaid| format!("{} paid", event.amount));
            self.copy_to_sales(tx);
            let order_no = self.orders.place_in(tx, wanted).await?;
            self.orders.pay_in(tx, &order_no).await?;
            Ok::<_, ShopError>(order_no)
        });
        Ok(TakenByPhone { order_no: order_no.await?, happened: notepad.lines() })
    }

    fn copy_to_sales(&self, tx: &mut Tx<D>) {
        let mailer = self.mailer.clone();
        tx.after_commit(async move |event: &OrderPlaced| {
            let text = format!("Order {} was taken by phone.", event.order_no);
            mailer.send(&Recipient::Sales, &text).await
        });
    }
}

#[derive(Debug, Clone, Default)]
struct Notepad(Arc<Mutex<Vec<String>>>);

impl Notepad {
    /// Notes what `words` makes of each `E` of this unit of work.
    fn listen<D: Database, E: Event>(&self, tx: &mut Tx<D>, words: fn(&E) -> String) {
        let notepad = self.clone();
        tx.on(async move |event: &E| notepad.note(words(event)));
    }

    fn note(&self, line: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ensue::BoxError;
    use ensue_sqlite::SqliteStore;

    use super::*;
    use crate::scratch::{Scratch, wanted};

    /// LIMIT: only a failing test waits for so long.
    const PATIENCE: Duration = Duration::from_secs(600);

    #[derive(Clone, Default)]
    struct Sent(Arc<Mutex<Vec<String>>>);

    impl Mailer for Sent {
        async fn send(&self, _: &Recipient, text: &str) -> Result<(), BoxError> {
            self.0.lock().unwrap().push(text.to_owned());
            Ok(())
        }
    }

    #[tokio::test]
    async fn what_listens_to_an_order_by_phone_hears_no_other() {
        let shop = Shop::open().await;
        let first = shop.phone.take(wanted(Some("PHONE-10"))).await.unwrap();
        shop.on_the_web.place(wanted(None)).await.unwrap();
        let second = shop.phone.take(wanted(None)).await.unwrap();
        assert_eq!((first.happened.len(), second.happened.len()), (3, 2));
        let orders = [first.order_no, second.order_no];
        let copies = orders.map(|no| format!("Order {no} was taken by phone."));
        assert_eq!(shop.sent().await, copies);
    }

    #[tokio::test]
    async fn what_listens_to_an_order_that_is_refused_goes_with_it() {
        let shop = Shop::open().await;
        shop.on_the_web.place(wanted(Some("PHONE-10"))).await.unwrap();
        shop.phone.take(wanted(Some("PHONE-10"))).await.unwrap_err();
        shop.on_the_web.place(wanted(None)).await.unwrap();
        assert_eq!(shop.sent().await, [""; 0]);
    }

    struct Shop {
        scratch: Scratch,
        phone: PhoneService<SqliteStore, Sent>,
        on_the_web: OrderService<SqliteStore>,
        sent: Sent,
    }

    impl Shop {
        async fn open() -> Self {
            let (scratch, sent) = (Scratch::with(|builder| builder).await, Sent::default());
            let phone = PhoneService::new(scratch.events.clone(), sent.clone());
            let on_the_web = OrderService::new(scratch.events.clone());
            Self { scratch, phone, on_the_web, sent }
        }

        /// Everything that was, once nothing more will be.
        async fn sent(&self) -> Vec<String> {
            assert!(self.scratch.events.shutdown(PATIENCE).await, "handlers do not end");
            self.sent.0.lock().unwrap().clone()
        }
    }
}
