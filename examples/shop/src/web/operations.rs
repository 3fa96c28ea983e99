//! What an operator asks of a subscription: whoever runs it does it, and it is answered.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use ensue::subscription::Answer;
use ensue::{Operator, Position, Requested};
use serde_json::{Value, json};

use super::Shop;
use super::operation_body::{EntryBody, RangeBody, ReasonBody};
use super::orders::Body;
use super::problem::Problem;
use crate::application::Database;

/// LIMIT: how long an operator waits. Whoever runs the subscription may be another process, and in
/// the middle of something.
const PATIENCE: Duration = Duration::from_secs(15);

type Answered = Result<(StatusCode, Json<Value>), Problem>;

pub(super) async fn retry<D: Database>(
    State(shop): State<Arc<Shop<D>>>,
    Path(name): Path<String>,
    body: Body<EntryBody>,
) -> Answered {
    let Json(entry) = body?;
    answered(shop.operator(&name).retry(entry.which()?, &entry.reason).await?).await
}

pub(super) async fn skip<D: Database>(
    State(shop): State<Arc<Shop<D>>>,
    Path(name): Path<String>,
    body: Body<EntryBody>,
) -> Answered {
    let Json(entry) = body?;
    answered(shop.operator(&name).skip(entry.which()?, &entry.reason).await?).await
}

pub(super) async fn pause<D: Database>(
    State(shop): State<Arc<Shop<D>>>,
    Path(name): Path<String>,
    body: Body<ReasonBody>,
) -> Answered {
    let Json(ReasonBody { reason }) = body?;
    answered(shop.operator(&name).pause(&reason).await?).await
}

pub(super) async fn resume<D: Database>(
    State(shop): State<Arc<Shop<D>>>,
    Path(name): Path<String>,
    body: Body<ReasonBody>,
) -> Answered {
    let Json(ReasonBody { reason }) = body?;
    answered(shop.operator(&name).resume(&reason).await?).await
}

pub(super) async fn replay<D: Database>(
    State(shop): State<Arc<Shop<D>>>,
    Path(name): Path<String>,
    body: Body<RangeBody>,
) -> Answered {
    let Json(RangeBody { first, last, reason }) = body?;
    let (first, last) = (Position::new(first), Position::new(last));
    answered(shop.operator(&name).replay(first, last, &reason).await?).await
}

impl<D: Database> Shop<D> {
    fn operator(&self, subscription: &str) -> Operator<D> {
        self.events.operate(subscription)
    }
}

/// What has not been come to yet is accepted: it will be, and who asked need not stay.
async fn answered<D: Database>(requested: Requested<D>) -> Answered {
    let request = requested.id().get();
    match requested.answered(PATIENCE).await? {
        Some(Answer::Done { changed }) => {
            Ok((StatusCode::OK, Json(json!({ "request": request, "changed": changed }))))
        }
        Some(Answer::Refused { why }) => Err(Problem::conflict(why)),
        None => Ok((StatusCode::ACCEPTED, Json(json!({ "request": request })))),
    }
}
