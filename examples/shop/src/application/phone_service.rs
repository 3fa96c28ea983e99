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
