//! What the shop looks like right now.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};

use super::problem::Problem;
use super::{AuditEntryBody, BestSellerBody, ProductBody, Shop};
use crate::application::Database;
use crate::domain::OrderNo;

pub(super) async fn stock<D: Database>(
    State(shop): State<Arc<Shop<D>>>,
) -> Result<Json<Vec<ProductBody>>, Problem> {
    let products = shop.database().products().await?;
    Ok(Json(products.into_iter().map(Into::into).collect()))
}

pub(super) async fn best_sellers<D: Database>(
    State(shop): State<Arc<Shop<D>>>,
) -> Result<Json<Vec<BestSellerBody>>, Problem> {
    let best_sellers = shop.database().best_sellers().await?;
    Ok(Json(best_sellers.into_iter().map(Into::into).collect()))
}

pub(super) async fn points<D: Database>(
    State(shop): State<Arc<Shop<D>>>,
    Path(no): Path<OrderNo>,
) -> Result<Json<i64>, Problem> {
    Ok(Json(shop.database().points(&no).await?))
}

pub(super) async fn audit_trail<D: Database>(
    State(shop): State<Arc<Shop<D>>>,
    Path(key): Path<String>,
) -> Result<Json<Vec<AuditEntryBody>>, Problem> {
    let audit_trail = shop.database().audit_trail(&key).await?;
    Ok(Json(audit_trail.into_iter().map(Into::into).collect()))
}
