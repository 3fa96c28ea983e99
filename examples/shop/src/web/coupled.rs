//! A cancellation without events, beside the one with.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;

use super::problem::Problem;
use crate::application::{Database, PaymentGateway};
use crate::coupled::OrderService;
use crate::domain::OrderNo;

pub(crate) fn router<D: Database, G: PaymentGateway>(orders: OrderService<D, G>) -> Router {
    Router::new()
        .route("/api/coupled/orders/{no}/cancel", post(cancel))
        .with_state(Arc::new(orders))
}

async fn cancel<D: Database, G: PaymentGateway>(
    State(orders): State<Arc<OrderService<D, G>>>,
    Path(no): Path<OrderNo>,
) -> Result<StatusCode, Problem> {
    orders.cancel(&no).await?;
    Ok(StatusCode::OK)
}
