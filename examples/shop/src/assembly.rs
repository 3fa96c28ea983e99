//! The shop put together for one process: the ports that it has are filled, and what needs a port
//! that it lacks is left out.

use std::path::Path;
use std::time::Duration;

use axum::Router;
use ensue::BoxError;
use ensue_http::OriginLayer;
use ensue_sqlite::{Builder, Events, SqliteStore};

use crate::application::{self, PhoneService};
use crate::coupled;
use crate::infrastructure::{HttpDeliveryService, HttpMailer, HttpPaymentGateway, sqlite};
use crate::outside::Outside;
use crate::server::Server;
use crate::web;

pub(crate) struct Assembly<'a> {
    outside: Option<&'a Outside>,
    mailer: Option<HttpMailer>,
}

impl<'a> Assembly<'a> {
    pub(crate) fn new(
        outside: Option<&'a Outside>,
        mail_service: Option<&Server>,
    ) -> reqwest::Result<Self> {
        let mailer = mail_service.map(|service| HttpMailer::new(&service.url())).transpose()?;
        Ok(Self { outside, mailer })
    }

    /// The application over its database file: every process has the handlers that run in
    /// transactions.
    pub(crate) async fn events(&self, folder: &Path, lease: Duration) -> Result<Events, BoxError> {
        let store = SqliteStore::open(folder.join("shop.db")).await?;
        let mut builder = application::in_transaction(Events::builder(store).lease(lease));
        if let Some(mailer) = &self.mailer {
            builder = application::afterwards(builder, mailer.clone());
        }
        if let Some(outside) = self.outside {
            builder = durably(builder, outside)?;
        }
        let events = builder.build().await?;
        sqlite::create_tables(&events).await?;
        Ok(events)
    }

    /// The API.
    pub(crate) fn router(&self, events: &Events) -> reqwest::Result<Router> {
        let mut router = web::router(events.clone());
        if let Some(mailer) = &self.mailer {
            let phone = PhoneService::new(events.clone(), mailer.clone());
            router = router.merge(web::phone::router(phone));
        }
        if let Some(outside) = self.outside {
            router = router.merge(coupled_router(events, outside)?);
        }
        Ok(router.layer(OriginLayer::new()))
    }
}

fn durably(builder: Builder, outside: &Outside) -> reqwest::Result<Builder> {
    let (url, timeout) = (outside.payment_gateway_url(), HttpPaymentGateway::TIMEOUT);
    let gateway = HttpPaymentGateway::new(&url, timeout)?;
    let service = HttpDeliveryService::new(&outside.delivery_service_url())?;
    Ok(application::durably(builder, gateway, service))
}

fn coupled_router(events: &Events, outside: &Outside) -> reqwest::Result<Router> {
    let (url, timeout) = (outside.payment_gateway_url(), HttpPaymentGateway::TIMEOUT_WHERE_COUPLED);
    let gateway = HttpPaymentGateway::new(&url, timeout)?;
    Ok(web::coupled::router(coupled::OrderService::new(events.clone(), gateway)))
}
