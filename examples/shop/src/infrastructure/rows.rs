//! What the rows of the shop's tables mean, in any database, and its failures.

use ensue::{BoxError, Error, Timestamp, Transactions};

use crate::application::{AuditEntry, BestSeller};
use crate::domain::{Address, Money, Order, OrderLine, OrderNo, OrderState, Product, ProductCode};

/// Number, state, street, city, and the lines as JSON.
pub(super) type OrderRow = (String, String, String, String, String);

/// Code, name, price in cents, whether it is returnable, how many there are.
pub(super) type ProductRow = (String, String, i64, bool, i64);

/// Product, how many of it were sold.
pub(super) type BestSellerRow = (String, i64);

/// Id and type of the event, and when it happened, in microseconds.
pub(super) type AuditRow = (String, String, i64);

pub(super) fn order((no, state, street, city, lines): OrderRow) -> Result<Order, Error> {
    const WHAT: &str = "cannot read an order";
    let lines = serde_json::from_str(&lines).map_err(unreadable(WHAT))?;
    let address = Address::new(&street, &city).map_err(unreadable(WHAT))?;
    let state = state_named(&state).map_err(unreadable(WHAT))?;
    Ok(Order::restore(OrderNo::new(no), lines, address, state))
}

pub(super) fn lines(lines: &[OrderLine]) -> Result<String, Error> {
    serde_json::to_string(lines).map_err(unreadable("cannot write the lines of an order"))
}

pub(super) fn product(row: ProductRow) -> Result<Product, Error> {
    let (code, name, price_cents, is_returnable, in_stock) = row;
    Ok(Product {
        code: ProductCode::new(code),
        name,
        price: Money::of_cents(price_cents),
        is_returnable,
        in_stock: in_stock.try_into().map_err(unreadable("cannot read a product"))?,
    })
}

pub(super) fn best_seller((product, sold): BestSellerRow) -> BestSeller {
    BestSeller { product: ProductCode::new(product), sold }
}

pub(super) fn audit_entry(row: AuditRow) -> Result<AuditEntry, Error> {
    let (event_id, event_type, occurred_at_us) = row;
    Ok(AuditEntry {
        event_id: event_id.parse().map_err(unreadable("cannot read the audit trail"))?,
        event_type,
        occurred_at: Timestamp::from_micros(occurred_at_us),
    })
}

pub(super) fn state_name(state: OrderState) -> &'static str {
    match state {
        OrderState::Placed => "placed",
        OrderState::Paid => "paid",
        OrderState::Cancelled => "cancelled",
    }
}

fn state_named(name: &str) -> Result<OrderState, String> {
    match name {
        "placed" => Ok(OrderState::Placed),
        "paid" => Ok(OrderState::Paid),
        "cancelled" => Ok(OrderState::Cancelled),
        _ => Err(format!("no state of an order is called `{name}`")),
    }
}

/// That the database could not do what is in `what`; it knows whether it may be able to next time.
pub(super) fn failed<D: Transactions>(what: &'static str) -> impl FnOnce(sqlx::Error) -> Error {
    move |error| {
        let is_retryable = D::is_retryable(&error);
        Error::store(what, error, is_retryable)
    }
}

/// What is stored will be the same next time.
fn unreadable<E: Into<BoxError>>(what: &'static str) -> impl FnOnce(E) -> Error {
    move |error| Error::store(what, error, false)
}
