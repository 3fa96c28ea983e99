//! A payment gateway: money goes back once for each idempotency key, however often it is asked.

use std::path::Path;

use axum::extract::{Path as UrlPath, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use sqlx::{Row, SqlitePool};

use super::behaviour::{Answer, BehaviourSwitch, Mode};
use super::books::{self, BooksError};

/// Every request is kept, with what came of it. At most one of a key is `done`.
const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS request (
        id INTEGER PRIMARY KEY,
        key TEXT NOT NULL,
        order_no TEXT NOT NULL,
        cents INTEGER NOT NULL,
        outcome TEXT NOT NULL CHECK (outcome IN ('done', 'repeated', 'refused'))
    );
    CREATE UNIQUE INDEX IF NOT EXISTS done_once ON request (key) WHERE outcome = 'done';
    CREATE INDEX IF NOT EXISTS request_of_order ON request (order_no);
";

const REFUSE: &str =
    "INSERT INTO request (key, order_no, cents, outcome) VALUES (?, ?, ?, 'refused')";

const REFUND: &str = "
    INSERT INTO request (key, order_no, cents, outcome)
    SELECT ?1, ?2, ?3, iif(
        EXISTS (SELECT 1 FROM request WHERE key = ?1 AND outcome = 'done'), 'repeated', 'done'
    )
    RETURNING outcome = 'done'
";

const SUMMARISE: &str = "
    SELECT order_no, sum(outcome = 'done'), sum(iif(outcome = 'done', cents, 0)),
        sum(outcome = 'repeated'), sum(outcome = 'refused')
    FROM request WHERE ?1 IS NULL OR order_no = ?1 GROUP BY order_no
";

pub(super) async fn router(file: &Path) -> sqlx::Result<Router> {
    let gateway = Gateway { books: books::open(file, TABLES).await?, switch: Default::default() };
    let behaviour = gateway.switch.route();
    Ok(Router::new()
        .route("/refunds", post(refund).get(list))
        .route("/refunds/{order_no}", get(list_of_order))
        .with_state(gateway)
        .route("/behaviour", behaviour))
}

#[derive(Clone)]
struct Gateway {
    books: SqlitePool,
    switch: BehaviourSwitch,
}

#[derive(Debug, Deserialize)]
struct Wanted {
    order_no: String,
    cents: i64,
}

/// What the gateway did for an order, and how often it was asked.
#[derive(Debug, Serialize)]
struct Summary {
    order_no: String,
    refunds: u32,
    cents: i64,
    repeated: u32,
    refused: u32,
}

async fn refund(
    State(gateway): State<Gateway>,
    headers: HeaderMap,
    Json(wanted): Json<Wanted>,
) -> Result<Answer, BooksError> {
    let Some(key) = headers.get("Idempotency-Key").and_then(|key| key.to_str().ok()) else {
        return Ok((StatusCode::BAD_REQUEST, "no idempotency key"));
    };
    let mode = gateway.switch.mode_for(&wanted.order_no).await;
    if let Some(refusal) = mode.refusal("no such card") {
        gateway.refuse(key, &wanted).await?;
        return Ok(refusal);
    }
    let is_first = gateway.refund(key, &wanted).await?;
    Ok(match (is_first, mode) {
        (true, Mode::Flaky) => (StatusCode::SERVICE_UNAVAILABLE, ""),
        (true, _) => (StatusCode::CREATED, ""),
        (false, _) => (StatusCode::OK, ""),
    })
}

async fn list(State(gateway): State<Gateway>) -> Result<Json<Vec<Summary>>, BooksError> {
    Ok(Json(gateway.summaries(None).await?))
}

async fn list_of_order(
    State(gateway): State<Gateway>,
    UrlPath(order_no): UrlPath<String>,
) -> Result<Json<Vec<Summary>>, BooksError> {
    Ok(Json(gateway.summaries(Some(&order_no)).await?))
}

impl Gateway {
    async fn refuse(&self, key: &str, wanted: &Wanted) -> sqlx::Result<()> {
        let statement = sqlx::query(REFUSE).bind(key).bind(&wanted.order_no).bind(wanted.cents);
        statement.execute(&self.books).await.map(drop)
    }

    /// Gives the money back, unless that was done for this key; whether it was the first time.
    async fn refund(&self, key: &str, wanted: &Wanted) -> sqlx::Result<bool> {
        let statement = sqlx::query_scalar(REFUND).bind(key).bind(&wanted.order_no);
        statement.bind(wanted.cents).fetch_one(&self.books).await
    }

    async fn summaries(&self, order_no: Option<&str>) -> sqlx::Result<Vec<Summary>> {
        let rows = sqlx::query(SUMMARISE).bind(order_no).fetch_all(&self.books).await?;
        let summary = |row: &sqlx::sqlite::SqliteRow| {
            Ok(Summary {
                order_no: row.try_get(0)?,
                refunds: row.try_get(1)?,
                cents: row.try_get(2)?,
                repeated: row.try_get(3)?,
                refused: row.try_get(4)?,
            })
        };
        rows.iter().map(summary).collect()
    }
}
