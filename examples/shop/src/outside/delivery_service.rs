//! A delivery service: it knows where each parcel goes.

use std::path::Path;

use axum::extract::{Path as UrlPath, State};
use axum::http::StatusCode;
use axum::routing::{delete, put};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use sqlx::{Row, SqlitePool};

use super::behaviour::{Answer, BehaviourSwitch, Mode};
use super::books::{self, BooksError};

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS delivery (
        order_no TEXT NOT NULL PRIMARY KEY,
        street TEXT NOT NULL,
        city TEXT NOT NULL,
        changes INTEGER NOT NULL
    ) WITHOUT ROWID;
";

/// To be told the same again is no change.
const SET_ADDRESS: &str = "
    INSERT INTO delivery (order_no, street, city, changes) VALUES (?, ?, ?, 1)
    ON CONFLICT (order_no) DO UPDATE SET
        changes = changes + (street <> excluded.street OR city <> excluded.city),
        street = excluded.street, city = excluded.city
    RETURNING changes = 1
";

const FIND: &str = "SELECT street, city, changes FROM delivery WHERE order_no = ?";

pub(super) async fn router(file: &Path) -> sqlx::Result<Router> {
    let service = Service { books: books::open(file, TABLES).await?, switch: Default::default() };
    let behaviour = service.switch.route();
    Ok(Router::new()
        .route("/deliveries/{order_no}", put(set_address).get(show))
        .route("/deliveries", delete(lose_books))
        .with_state(service)
        .route("/behaviour", behaviour))
}

#[derive(Clone)]
struct Service {
    books: SqlitePool,
    switch: BehaviourSwitch,
}

#[derive(Debug, Deserialize)]
struct Address {
    street: String,
    city: String,
}

#[derive(Debug, Serialize)]
struct Delivery {
    street: String,
    city: String,
    changes: u32,
}

async fn set_address(
    State(service): State<Service>,
    UrlPath(order_no): UrlPath<String>,
    Json(address): Json<Address>,
) -> Result<Answer, BooksError> {
    let mode = service.switch.mode_for(&order_no).await;
    if let Some(refusal) = mode.refusal("no such parcel") {
        return Ok(refusal);
    }
    let is_first = service.set_address(&order_no, &address).await?;
    Ok(match (is_first, mode) {
        (true, Mode::Flaky) => (StatusCode::SERVICE_UNAVAILABLE, ""),
        _ => (StatusCode::NO_CONTENT, ""),
    })
}

async fn lose_books(State(service): State<Service>) -> Result<StatusCode, BooksError> {
    sqlx::query("DELETE FROM delivery").execute(&service.books).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn show(
    State(service): State<Service>,
    UrlPath(order_no): UrlPath<String>,
) -> Result<Json<Option<Delivery>>, BooksError> {
    Ok(Json(service.find(&order_no).await?))
}

impl Service {
    async fn set_address(&self, order_no: &str, address: &Address) -> sqlx::Result<bool> {
        let statement = sqlx::query_scalar(SET_ADDRESS).bind(order_no);
        statement.bind(&address.street).bind(&address.city).fetch_one(&self.books).await
    }

    async fn find(&self, order_no: &str) -> sqlx::Result<Option<Delivery>> {
        let row = sqlx::query(FIND).bind(order_no).fetch_optional(&self.books).await?;
        row.map(|row| {
            Ok(Delivery {
                street: row.try_get(0)?,
                city: row.try_get(1)?,
                changes: row.try_get(2)?,
            })
        })
        .transpose()
    }
}
