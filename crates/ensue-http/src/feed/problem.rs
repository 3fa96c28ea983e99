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
    /// The last offset in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    head: Option<u64>,
}

impl Problem {
    fn new(r#type: &'static str, title: &'static str, status: StatusCode, detail: String) -> Self {
        Self { r#type, title, status, detail, parameter: None, oldest_offset: None, head: None }
    }

    pub(crate) fn bad_parameter(parameter: &'static str, detail: String) -> Self {
        let title = "A parameter cannot be understood";
        let problem = Self::new("/problems/bad-parameter", title, StatusCode::BAD_REQUEST, detail);
        Self { parameter: Some(parameter), ..problem }
    }

    pub(crate) fn method_not_allowed(method: &Method) -> Self {
        Self::new(
            "/problems/method-not-allowed",
            "The feed is read-only",
            StatusCode::METHOD_NOT_ALLOWED,
            format!("the method is {method}; accepted are GET and HEAD"),
        )
    }

    pub(crate) fn offset_beyond_head(offset: Position, head: Position) -> Self {
        let problem = Self::new(
            "/problems/offset-beyond-head",
            "The offset is beyond the end of the log",
            StatusCode::CONFLICT,
            format!(
                "the offset is {offset} and the log ends at {head}: it was restored to an earlier moment, \
                 or the offset was saved for another log"
            ),
        );
        Self { head: Some(head.get()), ..problem }
    }

    pub(crate) fn offset_not_reached(offset: Position, head: Position) -> Self {
        let problem = Self::new(
            "/problems/offset-not-reached",
            "This copy of the log has not reached the offset yet",
            StatusCode::SERVICE_UNAVAILABLE,
            format!("the offset is {offset} and this copy ends at {head}; retry the request"),
        );
        Self { head: Some(head.get()), ..problem }
    }

    pub(crate) fn pruned(oldest: Position) -> Self {
        let floor = oldest.previous();
        let problem = Self::new(
            "/problems/pruned",
            "The events are no longer in the log",
            StatusCode::GONE,
            format!("the log was pruned up to offset {floor}; continue from there"),
        );
        Self { oldest_offset: Some(floor.get()), ..problem }
    }

    pub(crate) fn too_many_reads() -> Self {
        Self::new(
            "/problems/too-many-reads",
            "Too many concurrent reads",
            StatusCode::SERVICE_UNAVAILABLE,
            "the feed is reading its maximum number of pages; retry the request".to_owned(),
        )
    }

    pub(crate) fn store_unavailable() -> Self {
        Self::new(
            "/problems/store-unavailable",
            "The log is temporarily unavailable",
            StatusCode::SERVICE_UNAVAILABLE,
            "the store is busy or unreachable; retry the request".to_owned(),
        )
    }

    pub(crate) fn store_failed() -> Self {
        Self::new(
            "/problems/store-failed",
            "The log cannot be read",
            StatusCode::INTERNAL_SERVER_ERROR,
            "the store failed; the server's log says why".to_owned(),
        )
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
