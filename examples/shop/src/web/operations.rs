//! What an operator asks of a subscription: whoever runs it does it, and it is answered.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use ensue::subscription::Answer;
use ensue::{Operator, Position, Requested};
use serde_json::{Value, json};

use super::Shop;
use super::operation_body::{EntryBody, RangeBody, ReasonBody};
use super::orders::Body;
use super::problem::Problem;
use crate::application::Database;

/// LIMIT: wait for an answer without `Prefer: wait=SECONDS` ([RFC 7240]). The owner of the subscription may
/// be another process, and busy.
///
/// [RFC 7240]: https://www.rfc-editor.org/rfc/rfc7240#section-4.3
const PATIENCE: Duration = Duration::from_secs(5);

fn patience(headers: &HeaderMap) -> Duration {
    let prefer = headers.get("prefer").and_then(|prefer| prefer.to_str().ok());
    let seconds = prefer.and_then(|prefer| prefer.strip_prefix("wait=")?.parse().ok());
    seconds.map_or(PATIENCE, Duration::from_secs)
}

type Answered = Result<(StatusCode, Json<Value>), Problem>;

pub(super) async fn retry<D: Database>(
    State(shop): State<Arc<Shop<D>>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body<EntryBody>,
) -> Answered {
    let Json(entry) = body?;
    answered(shop.operator(&name).retry(entry.which()?, &entry.reason).await?, &headers).await
}

pub(super) async fn skip<D: Database>(
    State(shop): State<Arc<Shop<D>>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body<EntryBody>,
) -> Answered {
    let Json(entry) = body?;
    answered(shop.operator(&name).skip(entry.which()?, &entry.reason).await?, &headers).await
}

pub(super) async fn pause<D: Database>(
    State(shop): State<Arc<Shop<D>>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body<ReasonBody>,
) -> Answered {
    let Json(ReasonBody { reason }) = body?;
    answered(shop.operator(&name).pause(&reason).await?, &headers).await
}

pub(super) async fn resume<D: Database>(
    State(shop): State<Arc<Shop<D>>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body<ReasonBody>,
) -> Answered {
    let Json(ReasonBody { reason }) = body?;
    answered(shop.operator(&name).resume(&reason).await?, &headers).await
}

pub(super) async fn replay<D: Database>(
    State(shop): State<Arc<Shop<D>>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body<RangeBody>,
) -> Answered {
    let Json(RangeBody { first, last, reason }) = body?;
    let (first, last) = (Position::new(first), Position::new(last));
    answered(shop.operator(&name).replay(first, last, &reason).await?, &headers).await
}

impl<D: Database> Shop<D> {
    fn operator(&self, subscription: &str) -> Operator<D> {
        self.events.operate(subscription)
    }
}

/// What has not been come to yet is accepted: it will be, and who asked need not stay.
async fn answered<D: Database>(requested: Requested<D>, headers: &HeaderMap) -> Answered {
    let request = requested.id().get();
    match requested.answered(patience(headers)).await? {
        Some(Answer::Done { changed }) => {
            Ok((StatusCode::OK, Json(json!({ "request": request, "changed": changed }))))
        }
        Some(Answer::Refused { why }) => Err(Problem::conflict(why)),
        None => Ok((StatusCode::ACCEPTED, Json(json!({ "request": request })))),
    }
}
