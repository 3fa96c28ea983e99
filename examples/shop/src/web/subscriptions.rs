//! How far a subscription has come, and what it could not do yet.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};

use super::problem::Problem;
use super::{Shop, SubscriptionBody};
use crate::application::Database;

pub(super) async fn show<D: Database>(
    State(shop): State<Arc<Shop<D>>>,
    Path(name): Path<String>,
) -> Result<Json<SubscriptionBody>, Problem> {
    Ok(Json(shop.events.status(&name).await?.into()))
}
