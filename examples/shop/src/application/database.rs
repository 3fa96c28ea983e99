//! The port to the shop's database.

use ensue::{Error, EventId, Events, Meta, Store, Timestamp, Tx};

use crate::domain::{Order, OrderNo, Product, ProductCode};

/// A store of events that also keeps the shop's orders and products.
///
/// What takes a [`Tx`] is part of that unit of work, and sees its own changes; the rest reads what
/// is committed, and waits for no unit of work. Services and handlers are generic over it, so that
/// another database is one more module of the infrastructure.
///
/// An order or a product that a unit of work has found is its own until it ends: another one that
/// looks for the same MUST wait, and then see what became of it. Who needs several looks for them in
/// one order, an order before its products and products [by their codes](super::shelves), so that no
/// two units of work wait for each other.
pub(crate) trait Database: Store {
    /// Whether any two units of work wait for each other, also if they change different things.
    const ONE_WRITER: bool;

    /// Makes the shop's tables and fills its shelves, unless that has been done. Several processes
    /// may do it at the same time.
    fn create_tables(events: &Events<Self>) -> impl Future<Output = Result<(), Error>> + Send;

    /// A number that no order has had before.
    fn next_order_no(tx: &mut Tx<Self>) -> impl Future<Output = Result<OrderNo, Error>> + Send;

    fn find_order(
        tx: &mut Tx<Self>,
        no: &OrderNo,
    ) -> impl Future<Output = Result<Option<Order>, Error>> + Send;

    fn save_order(
        tx: &mut Tx<Self>,
        order: &Order,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    fn find_product(
        tx: &mut Tx<Self>,
        code: &ProductCode,
    ) -> impl Future<Output = Result<Option<Product>, Error>> + Send;

    fn save_product(
        tx: &mut Tx<Self>,
        product: &Product,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Counts `quantity` more of the product as sold, or less.
    fn add_sold(
        tx: &mut Tx<Self>,
        code: &ProductCode,
        quantity: i64,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Takes `coupon` for the order; whether it was still there to be taken.
    fn redeem_coupon(
        tx: &mut Tx<Self>,
        coupon: &str,
        no: &OrderNo,
    ) -> impl Future<Output = Result<bool, Error>> + Send;

    /// Writes down that the event happened which `meta` stands around.
    fn add_to_audit_trail(
        tx: &mut Tx<Self>,
        meta: &Meta,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Credits the customer of an order with so many points.
    fn credit_points(
        tx: &mut Tx<Self>,
        no: &OrderNo,
        points: i64,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    fn order(&self, no: &OrderNo) -> impl Future<Output = Result<Option<Order>, Error>> + Send;

    fn products(&self) -> impl Future<Output = Result<Vec<Product>, Error>> + Send;

    /// Which products sold, the best first.
    fn best_sellers(&self) -> impl Future<Output = Result<Vec<BestSeller>, Error>> + Send;

    /// What the customer of an order was credited with for it.
    fn points(&self, no: &OrderNo) -> impl Future<Output = Result<i64, Error>> + Send;

    /// What happened to whatever is called `key`, the first first.
    fn audit_trail(&self, key: &str)
    -> impl Future<Output = Result<Vec<AuditEntry>, Error>> + Send;
}

/// How many of a product were sold, cancelled ones taken off.
pub(crate) struct BestSeller {
    pub(crate) product: ProductCode,
    pub(crate) sold: i64,
}

/// That something happened.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct AuditEntry {
    pub(crate) event_id: EventId,
    pub(crate) event_type: String,
    pub(crate) occurred_at: Timestamp,
}
