//! The shop's tables in MySQL or MariaDB, in the database that holds the events too.
//!
//! Units of work run at the same time here, so each locks what it finds, and reads it as whoever had it
//! locked has left it: a locking read sees what is committed, whatever the isolation.

use ensue::{Error, Meta, Transactions};
use ensue_mysql::{Events, MysqlStore, Tx};
use sqlx::MySqlExecutor;

use super::rows::{self, AuditRow, BestSellerRow, ProductRow, failed};
use crate::application::{AuditEntry, BestSeller, Database};
use crate::domain::{Order, OrderNo, Product, ProductCode};

impl Database for MysqlStore {
    const ONE_WRITER: bool = false;

    /// Not in a unit of work: MySQL commits whatever is open before it makes a table.
    async fn create_tables(events: &Events) -> Result<(), Error> {
        let store = events.store();
        let mut transaction = store.begin().await?;
        sqlx::raw_sql(include_str!("mysql/sql/create_tables.sql"))
            .execute(&mut *transaction)
            .await
            .map_err(failed::<Self>("cannot create the shop's tables"))?;
        store.rollback(transaction).await
    }

    async fn next_order_no(tx: &mut Tx) -> Result<OrderNo, Error> {
        let taken = sqlx::query(include_str!("mysql/sql/take_order_number.sql"))
            .execute(&mut **tx)
            .await
            .map_err(failed::<Self>("cannot take an order number"))?;
        Ok(OrderNo::new(format!("A-{}", taken.last_insert_id())))
    }

    async fn find_order(tx: &mut Tx, no: &OrderNo) -> Result<Option<Order>, Error> {
        select_order(include_str!("mysql/sql/lock_order.sql"), &mut **tx, no).await
    }

    async fn save_order(tx: &mut Tx, order: &Order) -> Result<(), Error> {
        let lines = rows::lines(order.lines())?;
        sqlx::query(include_str!("mysql/sql/save_order.sql"))
            .bind(order.no().as_str())
            .bind(rows::state_name(order.state()))
            .bind(order.address().street())
            .bind(order.address().city())
            .bind(lines)
            .execute(&mut **tx)
            .await
            .map(drop)
            .map_err(failed::<Self>("cannot save an order"))
    }

    async fn find_product(tx: &mut Tx, code: &ProductCode) -> Result<Option<Product>, Error> {
        let row: Option<ProductRow> = sqlx::query_as(include_str!("mysql/sql/lock_product.sql"))
            .bind(code.as_str())
            .fetch_optional(&mut **tx)
            .await
            .map_err(failed::<Self>("cannot find a product"))?;
        row.map(rows::product).transpose()
    }

    async fn save_product(tx: &mut Tx, product: &Product) -> Result<(), Error> {
        sqlx::query(include_str!("mysql/sql/save_product.sql"))
            .bind(i64::from(product.in_stock))
            .bind(product.code.as_str())
            .execute(&mut **tx)
            .await
            .map(drop)
            .map_err(failed::<Self>("cannot save a product"))
    }

    async fn add_sold(tx: &mut Tx, code: &ProductCode, quantity: i64) -> Result<(), Error> {
        sqlx::query(include_str!("mysql/sql/add_sold.sql"))
            .bind(code.as_str())
            .bind(quantity)
            .execute(&mut **tx)
            .await
            .map(drop)
            .map_err(failed::<Self>("cannot count what was sold"))
    }

    async fn redeem_coupon(tx: &mut Tx, coupon: &str, no: &OrderNo) -> Result<bool, Error> {
        let redeemed = sqlx::query(include_str!("mysql/sql/redeem_coupon.sql"))
            .bind(coupon)
            .bind(no.as_str())
            .execute(&mut **tx)
            .await
            .map_err(failed::<Self>("cannot redeem a coupon"))?;
        Ok(redeemed.rows_affected() == 1)
    }

    async fn add_to_audit_trail(tx: &mut Tx, meta: &Meta) -> Result<(), Error> {
        sqlx::query(include_str!("mysql/sql/add_to_audit_trail.sql"))
            .bind(meta.id.to_string())
            .bind(&*meta.event_type)
            .bind(&meta.key)
            .bind(meta.occurred_at.as_micros())
            .execute(&mut **tx)
            .await
            .map(drop)
            .map_err(failed::<Self>("cannot write into the audit trail"))
    }

    async fn credit_points(tx: &mut Tx, no: &OrderNo, points: i64) -> Result<(), Error> {
        sqlx::query(include_str!("mysql/sql/credit_points.sql"))
            .bind(no.as_str())
            .bind(points)
            .execute(&mut **tx)
            .await
            .map(drop)
            .map_err(failed::<Self>("cannot credit points"))
    }

    async fn order(&self, no: &OrderNo) -> Result<Option<Order>, Error> {
        select_order(include_str!("mysql/sql/find_order.sql"), self.reader(), no).await
    }

    async fn products(&self) -> Result<Vec<Product>, Error> {
        let products: Vec<ProductRow> = sqlx::query_as(include_str!("mysql/sql/list_products.sql"))
            .fetch_all(self.reader())
            .await
            .map_err(failed::<Self>("cannot list the products"))?;
        products.into_iter().map(rows::product).collect()
    }

    async fn best_sellers(&self) -> Result<Vec<BestSeller>, Error> {
        let list = include_str!("mysql/sql/list_best_sellers.sql");
        let best_sellers: Vec<BestSellerRow> = sqlx::query_as(list)
            .fetch_all(self.reader())
            .await
            .map_err(failed::<Self>("cannot list the best sellers"))?;
        Ok(best_sellers.into_iter().map(rows::best_seller).collect())
    }

    async fn points(&self, no: &OrderNo) -> Result<i64, Error> {
        let points = sqlx::query_scalar(include_str!("mysql/sql/find_points.sql"))
            .bind(no.as_str())
            .fetch_optional(self.reader())
            .await
            .map_err(failed::<Self>("cannot find points"))?;
        Ok(points.unwrap_or_default())
    }

    async fn audit_trail(&self, key: &str) -> Result<Vec<AuditEntry>, Error> {
        let trail: Vec<AuditRow> = sqlx::query_as(include_str!("mysql/sql/list_audit_trail.sql"))
            .bind(key)
            .fetch_all(self.reader())
            .await
            .map_err(failed::<Self>("cannot read the audit trail"))?;
        trail.into_iter().map(rows::audit_entry).collect()
    }
}

async fn select_order(
    statement: &'static str,
    executor: impl MySqlExecutor<'_>,
    no: &OrderNo,
) -> Result<Option<Order>, Error> {
    let row = sqlx::query_as(statement)
        .bind(no.as_str())
        .fetch_optional(executor)
        .await
        .map_err(failed::<MysqlStore>("cannot find an order"))?;
    row.map(rows::order).transpose()
}
