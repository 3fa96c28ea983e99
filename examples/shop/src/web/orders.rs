//! What a customer asks for, order by order.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::IntoResponse;

use super::problem::Problem;
use super::{AddressBody, OrderBody, Shop, WantedBody};
use crate::application::{Database, ShopError};
use crate::domain::OrderNo;

pub(super) type Body<T> = Result<Json<T>, JsonRejection>;
type Shown = Result<Json<OrderBody>, Problem>;

pub(super) async fn place<D: Database>(
    State(shop): State<Arc<Shop<D>>>,
    body: Body<WantedBody>,
) -> Result<impl IntoResponse, Problem> {
    let Json(wanted) = body?;
    let no = shop.orders.place(wanted.into_wanted()?).await?;
    let location = [(LOCATION, format!("/api/orders/{no}"))];
    Ok((StatusCode::CREATED, location, shop.show(&no).await?))
}

pub(super) async fn show<D: Database>(
    State(shop): State<Arc<Shop<D>>>,
    Path(no): Path<OrderNo>,
) -> Shown {
    shop.show(&no).await
}

pub(super) async fn pay<D: Database>(
    State(shop): State<Arc<Shop<D>>>,
    Path(no): Path<OrderNo>,
) -> Shown {
    shop.orders.pay(&no).await?;
    shop.show(&no).await
}

pub(super) async fn cancel<D: Database>(
    State(shop): State<Arc<Shop<D>>>,
    Path(no): Path<OrderNo>,
) -> Shown {
    shop.orders.cancel(&no).await?;
    shop.show(&no).await
}

pub(super) async fn change_address<D: Database>(
    State(shop): State<Arc<Shop<D>>>,
    Path(no): Path<OrderNo>,
    body: Body<AddressBody>,
) -> Shown {
    let Json(address) = body?;
    shop.orders.change_address(&no, address.into_address()?).await?;
    shop.show(&no).await
}

pub(super) async fn check_out<D: Database>(
    State(shop): State<Arc<Shop<D>>>,
    Path(no): Path<OrderNo>,
    body: Body<AddressBody>,
) -> Shown {
    let Json(address) = body?;
    shop.checkout.check_out(&no, address.into_address()?).await?;
    shop.show(&no).await
}

impl<D: Database> Shop<D> {
    async fn show(&self, no: &OrderNo) -> Shown {
        let found = self.database().order(no).await?;
        let order = found.ok_or_else(|| ShopError::NoSuchOrder(no.clone()))?;
        Ok(Json(OrderBody::from(&order)))
    }
}
