//! Why a request is refused, for programs and for people.

use axum::Json;
use axum::http::header::{ALLOW, CONTENT_TYPE, HeaderName, RETRY_AFTER};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use ensue::Position;
use serde::{Serialize, Serializer};

/// [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457). The types are what clients match on: they
/// never change.
#[derive(Serialize)]
pub(crate) struct Problem {
    r#type: &'static str,
    title: &'static str,
    #[serde(serialize_with = "as_number")]
    status: StatusCode,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<&'static str>,
    /// The offset to read on from.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(rename = "oldestOffset")]
    oldest_offset: Option<u64>,
}

impl Problem {
    pub(crate) fn bad_parameter(parameter: &'static str, detail: String) -> Self {
        Self {
            r#type: "/problems/bad-parameter",
            title: "A parameter cannot be understood",
            status: StatusCode::BAD_REQUEST,
            detail,
            parameter: Some(parameter),
            oldest_offset: None,
        }
    }

    pub(crate) fn method_not_allowed(method: &Method) -> Self {
        Self {
            r#type: "/problems/method-not-allowed",
            title: "The feed is read-only",
            status: StatusCode::METHOD_NOT_ALLOWED,
            detail: format!("the method is {method}; accepted are GET and HEAD"),
            parameter: None,
            oldest_offset: None,
        }
    }

    pub(crate) fn pruned(oldest: Position) -> Self {
        let floor = oldest.previous();
        Self {
            r#type: "/problems/pruned",
            title: "The events are not in the log any more",
            status: StatusCode::GONE,
            detail: format!("the log was pruned up to offset {floor}; read on from there"),
            parameter: None,
            oldest_offset: Some(floor.get()),
        }
    }

    pub(crate) fn store_unavailable() -> Self {
        Self {
            r#type: "/problems/store-unavailable",
            title: "The log cannot be read now",
            status: StatusCode::SERVICE_UNAVAILABLE,
            detail: "the store is busy or out of reach; send the same request again".to_owned(),
            parameter: None,
            oldest_offset: None,
        }
    }

    pub(crate) fn store_failed() -> Self {
        Self {
            r#type: "/problems/store-failed",
            title: "The log cannot be read",
            status: StatusCode::INTERNAL_SERVER_ERROR,
            detail: "the store failed; the server's log says why".to_owned(),
            parameter: None,
            oldest_offset: None,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status;
        let content_type = [(CONTENT_TYPE, "application/problem+json")];
        (status, advice(status), content_type, Json(self)).into_response()
    }
}

/// The header that tells the client what to do instead.
fn advice(status: StatusCode) -> Option<[(HeaderName, &'static str); 1]> {
    match status {
        StatusCode::METHOD_NOT_ALLOWED => Some([(ALLOW, "GET, HEAD")]),
        StatusCode::SERVICE_UNAVAILABLE => Some([(RETRY_AFTER, "1")]),
        _ => None,
    }
}

fn as_number<S: Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}
