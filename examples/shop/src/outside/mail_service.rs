//! A mail service: it keeps what it was given to carry.

use std::path::Path;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use sqlx::{Row, SqlitePool};

use super::behaviour::{Answer, BehaviourSwitch, Mode};
use super::books::{self, BooksError};

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS mail (
        id INTEGER PRIMARY KEY,
        recipient TEXT NOT NULL,
        text TEXT NOT NULL
    );
";

const KEEP: &str = "INSERT INTO mail (recipient, text) VALUES (?, ?)";

const LIST: &str = "SELECT recipient, text FROM mail ORDER BY id";

pub(super) async fn router(file: &Path) -> sqlx::Result<Router> {
    let service = Service { books: books::open(file, TABLES).await?, switch: Default::default() };
    let behaviour = service.switch.route();
    Ok(Router::new()
        .route("/mails", post(send).get(list))
        .with_state(service)
        .route("/behaviour", behaviour))
}

#[derive(Clone)]
struct Service {
    books: SqlitePool,
    switch: BehaviourSwitch,
}

#[derive(Debug, Serialize, Deserialize)]
struct Mail {
    to: String,
    text: String,
}

async fn send(
    State(service): State<Service>,
    Json(mail): Json<Mail>,
) -> Result<Answer, BooksError> {
    let mode = service.switch.mode_for(&mail.to).await;
    if let Some(refusal) = mode.refusal("no such mailbox") {
        return Ok(refusal);
    }
    service.keep(&mail).await?;
    Ok(match mode {
        Mode::Flaky => (StatusCode::SERVICE_UNAVAILABLE, ""),
        _ => (StatusCode::CREATED, ""),
    })
}

async fn list(State(service): State<Service>) -> Result<Json<Vec<Mail>>, BooksError> {
    let rows = sqlx::query(LIST).fetch_all(&service.books).await?;
    let mails = rows.iter().map(|row| Ok(Mail { to: row.try_get(0)?, text: row.try_get(1)? }));
    Ok(Json(mails.collect::<sqlx::Result<_>>()?))
}

impl Service {
    async fn keep(&self, mail: &Mail) -> sqlx::Result<()> {
        let statement = sqlx::query(KEEP).bind(&mail.to).bind(&mail.text);
        statement.execute(&self.books).await.map(drop)
    }
}
