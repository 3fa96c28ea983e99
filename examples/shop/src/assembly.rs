//! The shop put together for one process: the ports that it has are filled, and what needs a port
//! that it lacks is left out.

use std::time::Duration;

use axum::Router;
use ensue::{BoxError, Builder, Events};
use ensue_http::OriginLayer;

use crate::application::{self, Database, PhoneService};
use crate::coupled;
use crate::infrastructure::{HttpDeliveryService, HttpMailer, HttpPaymentGateway};
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

    /// The application over its database: every process has the handlers that run in transactions.
    pub(crate) async fn events<D: Database>(
        &self,
        database: D,
        lease: Duration,
    ) -> Result<Events<D>, BoxError> {
        let mut builder = application::in_transaction(Events::builder(database).lease(lease));
        if let Some(mailer) = &self.mailer {
            builder = application::afterwards(builder, mailer.clone());
        }
        if let Some(outside) = self.outside {
            builder = durably(builder, outside)?;
        }
        let events = builder.build().await?;
        application::create_tables(&events).await?;
        Ok(events)
    }

    /// The API.
    pub(crate) fn router<D: Database>(&self, events: &Events<D>) -> reqwest::Result<Router> {
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

fn durably<D: Database>(builder: Builder<D>, outside: &Outside) -> reqwest::Result<Builder<D>> {
    let (url, timeout) = (outside.payment_gateway_url(), HttpPaymentGateway::TIMEOUT);
    let gateway = HttpPaymentGateway::new(&url, timeout)?;
    let service = HttpDeliveryService::new(&outside.delivery_service_url())?;
    Ok(application::durably(builder, gateway, service))
}

fn coupled_router<D: Database>(events: &Events<D>, outside: &Outside) -> reqwest::Result<Router> {
    let (url, timeout) = (outside.payment_gateway_url(), HttpPaymentGateway::TIMEOUT_WHERE_COUPLED);
    let gateway = HttpPaymentGateway::new(&url, timeout)?;
    Ok(web::coupled::router(coupled::OrderService::new(events.clone(), gateway)))
}
