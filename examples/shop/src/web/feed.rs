//! The log, for whoever wants to follow it from outside.

use axum::Router;
use ensue::Log;

pub(super) fn router(log: impl Log) -> Router {
    ensue_http::Feed::new(log).into_router()
}
