//! The shop over HTTP.

mod address_body;
mod audit_entry_body;
mod best_seller_body;
pub(crate) mod coupled;
mod feed;
mod operation_body;
mod operations;
mod order_body;
mod orders;
pub(crate) mod phone;
mod problem;
mod product_body;
mod subscription_body;
mod subscriptions;
mod views;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post, put};
use ensue::Events;

pub(crate) use address_body::AddressBody;
pub(crate) use audit_entry_body::AuditEntryBody;
pub(crate) use best_seller_body::BestSellerBody;
pub(crate) use order_body::{OrderBody, State, WantedBody};
pub(crate) use product_body::ProductBody;
pub(crate) use subscription_body::{SetAsideBody, SubscriptionBody};

use crate::application::{CheckoutService, Database, OrderService};

/// The shop's API, and the log of its events as a feed.
pub(crate) fn router<D: Database>(events: Events<D>) -> Router {
    let shop = Shop {
        orders: OrderService::new(events.clone()),
        checkout: CheckoutService::new(events.clone()),
        events,
    };
    let feed = feed::router(shop.database().clone());
    Router::new()
        .route("/api/orders", post(orders::place))
        .route("/api/orders/{no}", get(orders::show))
        .route("/api/orders/{no}/pay", post(orders::pay))
        .route("/api/orders/{no}/cancel", post(orders::cancel))
        .route("/api/orders/{no}/address", put(orders::change_address))
        .route("/api/orders/{no}/checkout", post(orders::check_out))
        .route("/api/orders/{no}/points", get(views::points))
        .route("/api/audit-trail/{key}", get(views::audit_trail))
        .route("/api/stock", get(views::stock))
        .route("/api/best-sellers", get(views::best_sellers))
        .route("/api/subscriptions/{name}", get(subscriptions::show))
        .route("/api/subscriptions/{name}/retry", post(operations::retry))
        .route("/api/subscriptions/{name}/skip", post(operations::skip))
        .route("/api/subscriptions/{name}/pause", post(operations::pause))
        .route("/api/subscriptions/{name}/resume", post(operations::resume))
        .route("/api/subscriptions/{name}/replay", post(operations::replay))
        .with_state(Arc::new(shop))
        .merge(feed)
}

/// What the handlers of requests share.
struct Shop<D: Database> {
    orders: OrderService<D>,
    checkout: CheckoutService<D>,
    events: Events<D>,
}

impl<D: Database> Shop<D> {
    fn database(&self) -> &D {
        self.events.store()
    }
}
