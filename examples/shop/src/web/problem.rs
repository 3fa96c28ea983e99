//! Why a request failed, as [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) says it.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use ensue::ErrorKind;
use serde_json::json;

use crate::application::ShopError;
use crate::domain::Refusal;

#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    detail: String,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason(),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        let content_type = [(CONTENT_TYPE, "application/problem+json")];
        (self.status, content_type, Json(body)).into_response()
    }
}

impl From<ShopError> for Problem {
    fn from(error: ShopError) -> Self {
        let status = match &error {
            ShopError::Refused(refusal) => status_of(refusal),
            ShopError::NoSuchOrder(_) => StatusCode::NOT_FOUND,
            ShopError::NoSuchProduct(_) => StatusCode::UNPROCESSABLE_ENTITY,
            ShopError::Gateway(_) => StatusCode::BAD_GATEWAY,
            ShopError::Events(error) => return Self::of_events(error),
        };
        Self { status, detail: error.to_string() }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        ShopError::from(refusal).into()
    }
}

impl From<ensue::Error> for Problem {
    fn from(error: ensue::Error) -> Self {
        ShopError::from(error).into()
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        Self { status: rejection.status(), detail: rejection.body_text() }
    }
}

impl Problem {
    /// What was asked for is clear, and cannot be done as things stand.
    pub(super) fn conflict(why: String) -> Self {
        Self { status: StatusCode::CONFLICT, detail: why }
    }

    /// What was asked for is not clear.
    pub(super) fn unclear(detail: &str) -> Self {
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, detail: detail.to_owned() }
    }

    fn of_events(error: &ensue::Error) -> Self {
        match error.kind() {
            ErrorKind::UnknownSubscription => {
                Self { status: StatusCode::NOT_FOUND, detail: error.to_string() }
            }
            _ => Self::of_fault(error),
        }
    }

    /// What went wrong inside is for us to read, not for the customer.
    fn of_fault(error: &ensue::Error) -> Self {
        tracing::error!(%error, "request failed");
        let status = match error.is_retryable() {
            true => StatusCode::SERVICE_UNAVAILABLE,
            false => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self { status, detail: "the shop could not do that; its log says why".to_owned() }
    }
}

fn status_of(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::NothingOrdered | Refusal::AddressIncomplete | Refusal::NoCoupon(_) => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Refusal::PaidAlready(_)
        | Refusal::CancelledAlready(_)
        | Refusal::OutOfStock { .. }
        | Refusal::NotReturnable(_)
        | Refusal::CouponSpent(_) => StatusCode::CONFLICT,
    }
}
