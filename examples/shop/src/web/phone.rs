//! What a clerk at the phone asks for.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::WantedBody;
use super::orders::Body;
use super::problem::Problem;
use crate::application::{Database, Mailer, PhoneService, TakenByPhone};

pub(crate) fn router<D: Database, M: Mailer>(phone: PhoneService<D, M>) -> Router {
    Router::new().route("/api/phone-orders", post(take)).with_state(Arc::new(phone))
}

async fn take<D: Database, M: Mailer>(
    State(phone): State<Arc<PhoneService<D, M>>>,
    body: Body<WantedBody>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let Json(wanted) = body?;
    let TakenByPhone { order_no, happened } = phone.take(wanted.into_wanted()?).await?;
    Ok((StatusCode::CREATED, Json(json!({ "order_no": order_no, "happened": happened }))))
}
