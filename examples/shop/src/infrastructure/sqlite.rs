//! The shop's tables in SQLite, in the file that holds the events too.

use ensue::{BoxError, Error, Meta, Timestamp};
use ensue_sqlite::{Events, SqliteStore, Tx};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteExecutor};

use crate::application::{AuditEntry, BestSeller, Database};
use crate::domain::{Address, Money, Order, OrderNo, OrderState, Product, ProductCode};

/// Makes the shop's tables and fills its shelves, unless that has been done.
pub(crate) async fn create_tables(events: &Events) -> Result<(), Error> {
    events
        .run(async |tx| {
            sqlx::raw_sql(include_str!("sqlite/sql/create_tables.sql"))
                .execute(&mut **tx)
                .await
                .map_err(failed("cannot create the shop's tables"))?;
            Ok(())
        })
        .await
}

impl Database for SqliteStore {
    async fn next_order_no(tx: &mut Tx) -> Result<OrderNo, Error> {
        let number: i64 = sqlx::query_scalar(include_str!("sqlite/sql/next_order_number.sql"))
            .fetch_one(&mut **tx)
            .await
            .map_err(failed("cannot take an order number"))?;
        Ok(OrderNo::new(format!("A-{number}")))
    }

    async fn find_order(tx: &mut Tx, no: &OrderNo) -> Result<Option<Order>, Error> {
        select_order(&mut **tx, no).await
    }

    async fn save_order(tx: &mut Tx, order: &Order) -> Result<(), Error> {
        const WHAT: &str = "cannot save an order";
        let lines = serde_json::to_string(order.lines()).map_err(failed(WHAT))?;
        sqlx::query(include_str!("sqlite/sql/save_order.sql"))
            .bind(order.no().as_str())
            .bind(state_name(order.state()))
            .bind(order.address().street())
            .bind(order.address().city())
            .bind(lines)
            .execute(&mut **tx)
            .await
            .map(drop)
            .map_err(failed(WHAT))
    }

    async fn find_product(tx: &mut Tx, code: &ProductCode) -> Result<Option<Product>, Error> {
        let row = sqlx::query(include_str!("sqlite/sql/find_product.sql"))
            .bind(code.as_str())
            .fetch_optional(&mut **tx)
            .await
            .map_err(failed("cannot find a product"))?;
        row.as_ref().map(product).transpose().map_err(failed("cannot read a product"))
    }

    async fn save_product(tx: &mut Tx, product: &Product) -> Result<(), Error> {
        sqlx::query(include_str!("sqlite/sql/save_product.sql"))
            .bind(product.in_stock)
            .bind(product.code.as_str())
            .execute(&mut **tx)
            .await
            .map(drop)
            .map_err(failed("cannot save a product"))
    }

    async fn add_sold(tx: &mut Tx, code: &ProductCode, quantity: i64) -> Result<(), Error> {
        sqlx::query(include_str!("sqlite/sql/add_sold.sql"))
            .bind(code.as_str())
            .bind(quantity)
            .execute(&mut **tx)
            .await
            .map(drop)
            .map_err(failed("cannot count what was sold"))
    }

    async fn redeem_coupon(tx: &mut Tx, coupon: &str, no: &OrderNo) -> Result<bool, Error> {
        let redeemed = sqlx::query(include_str!("sqlite/sql/redeem_coupon.sql"))
            .bind(coupon)
            .bind(no.as_str())
            .execute(&mut **tx)
            .await
            .map_err(failed("cannot redeem a coupon"))?;
        Ok(redeemed.rows_affected() == 1)
    }

    async fn add_to_audit_trail(tx: &mut Tx, meta: &Meta) -> Result<(), Error> {
        sqlx::query(include_str!("sqlite/sql/add_to_audit_trail.sql"))
            .bind(meta.id.to_string())
            .bind(&*meta.event_type)
            .bind(&meta.key)
            .bind(meta.occurred_at.as_micros())
            .execute(&mut **tx)
            .await
            .map(drop)
            .map_err(failed("cannot write into the audit trail"))
    }

    async fn credit_points(tx: &mut Tx, no: &OrderNo, points: i64) -> Result<(), Error> {
        sqlx::query(include_str!("sqlite/sql/credit_points.sql"))
            .bind(no.as_str())
            .bind(points)
            .execute(&mut **tx)
            .await
            .map(drop)
            .map_err(failed("cannot credit points"))
    }

    async fn order(&self, no: &OrderNo) -> Result<Option<Order>, Error> {
        select_order(self.reader(), no).await
    }

    async fn products(&self) -> Result<Vec<Product>, Error> {
        let rows = sqlx::query(include_str!("sqlite/sql/list_products.sql"))
            .fetch_all(self.reader())
            .await
            .map_err(failed("cannot list the products"))?;
        rows.iter().map(product).collect::<Result<_, _>>().map_err(failed("cannot read a product"))
    }

    async fn best_sellers(&self) -> Result<Vec<BestSeller>, Error> {
        let rows = sqlx::query(include_str!("sqlite/sql/list_best_sellers.sql"))
            .fetch_all(self.reader())
            .await
            .map_err(failed("cannot list the best sellers"))?;
        let best_sellers = rows.iter().map(best_seller).collect::<Result<_, _>>();
        best_sellers.map_err(failed("cannot read a best seller"))
    }

    async fn points(&self, no: &OrderNo) -> Result<i64, Error> {
        let points = sqlx::query_scalar(include_str!("sqlite/sql/find_points.sql"))
            .bind(no.as_str())
            .fetch_optional(self.reader())
            .await
            .map_err(failed("cannot find points"))?;
        Ok(points.unwrap_or_default())
    }

    async fn audit_trail(&self, key: &str) -> Result<Vec<AuditEntry>, Error> {
        let rows = sqlx::query(include_str!("sqlite/sql/list_audit_trail.sql"))
            .bind(key)
            .fetch_all(self.reader())
            .await
            .map_err(failed("cannot read the audit trail"))?;
        rows.iter().map(audit_entry).collect()
    }
}

async fn select_order(
    executor: impl SqliteExecutor<'_>,
    no: &OrderNo,
) -> Result<Option<Order>, Error> {
    let row = sqlx::query(include_str!("sqlite/sql/find_order.sql"))
        .bind(no.as_str())
        .fetch_optional(executor)
        .await
        .map_err(failed("cannot find an order"))?;
    row.as_ref().map(order).transpose()
}

/// The columns in the order of `find_order.sql`.
fn order(row: &SqliteRow) -> Result<Order, Error> {
    const WHAT: &str = "cannot read an order";
    let column = |index| row.try_get::<&str, _>(index).map_err(failed(WHAT));
    let lines = serde_json::from_str(column(4)?).map_err(failed(WHAT))?;
    let address = Address::new(column(2)?, column(3)?).map_err(failed(WHAT))?;
    let state = state_named(column(1)?).map_err(failed(WHAT))?;
    Ok(Order::restore(OrderNo::new(column(0)?), lines, address, state))
}

/// The columns in the order of `find_product.sql` and `list_products.sql`.
fn product(row: &SqliteRow) -> sqlx::Result<Product> {
    Ok(Product {
        code: ProductCode::new(row.try_get::<&str, _>(0)?),
        name: row.try_get(1)?,
        price: Money::of_cents(row.try_get(2)?),
        is_returnable: row.try_get(3)?,
        in_stock: row.try_get(4)?,
    })
}

/// The columns in the order of `list_best_sellers.sql`.
fn best_seller(row: &SqliteRow) -> sqlx::Result<BestSeller> {
    Ok(BestSeller { product: ProductCode::new(row.try_get::<&str, _>(0)?), sold: row.try_get(1)? })
}

/// The columns in the order of `list_audit_trail.sql`.
fn audit_entry(row: &SqliteRow) -> Result<AuditEntry, Error> {
    const WHAT: &str = "cannot read the audit trail";
    Ok(AuditEntry {
        event_id: row.try_get::<&str, _>(0).map_err(failed(WHAT))?.parse().map_err(failed(WHAT))?,
        event_type: row.try_get(1).map_err(failed(WHAT))?,
        occurred_at: Timestamp::from_micros(row.try_get(2).map_err(failed(WHAT))?),
    })
}

fn state_name(state: OrderState) -> &'static str {
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

fn failed<E: Into<BoxError>>(what: &'static str) -> impl Fn(E) -> Error {
    move |error| Error::store(what, error, false)
}
