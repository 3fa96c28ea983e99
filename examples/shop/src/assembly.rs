//! The shop put together for one process: the ports that it has are filled, and what needs a port
//! that it lacks is left out.

use std::time::Duration;

use axum::Router;
use ensue::{BoxError, Builder, Event, Events};
use ensue_http::OriginLayer;

use crate::application::{self, Database, PhoneService};
use crate::coupled;
use crate::domain::{OrderCancelled, ShippingAddressChanged};
use crate::infrastructure::{Broker, HttpDeliveryService, HttpMailer, HttpPaymentGateway};
use crate::outside::Outside;
use crate::process::Parts;
use crate::server::Server;
use crate::web;

pub(crate) struct Assembly<'a> {
    parts: Parts,
    outside: &'a Outside,
    mailer: Option<HttpMailer>,
    broker: Option<Broker>,
}

impl<'a> Assembly<'a> {
    pub(crate) fn new(
        parts: Parts,
        outside: &'a Outside,
        broker: Option<Broker>,
    ) -> reqwest::Result<Self> {
        let mail_service = outside.mail_service.as_ref().map(Server::url);
        let mailer = mail_service.map(|url| HttpMailer::new(&url)).transpose()?;
        Ok(Self { parts, outside, mailer, broker })
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
        let events = self.durably(builder)?.build().await?;
        D::create_tables(&events).await?;
        Ok(events)
    }

    /// With a broker, what another service is told of goes over it.
    fn durably<D: Database>(&self, mut builder: Builder<D>) -> Result<Builder<D>, BoxError> {
        if self.parts.forwarder {
            builder = application::views(builder);
            if let Some(broker) = &self.broker {
                builder = application::elsewhere(builder, broker.sink()?);
            }
        }
        if let Some(gateway) = &self.outside.payment_gateway {
            let gateway = HttpPaymentGateway::new(&gateway.url())?;
            builder = self.refunds(builder, gateway)?;
        }
        if let Some(service) = &self.outside.delivery_service {
            builder = self.delivery(builder, HttpDeliveryService::new(&service.url())?)?;
        }
        Ok(builder)
    }

    fn refunds<D: Database>(
        &self,
        builder: Builder<D>,
        gateway: HttpPaymentGateway,
    ) -> Result<Builder<D>, BoxError> {
        let Some(broker) = &self.broker else { return Ok(application::refunds(builder, gateway)) };
        let queue = broker.queue(application::REFUNDS, OrderCancelled::TYPE)?;
        Ok(application::refunds_from(builder, gateway, queue))
    }

    fn delivery<D: Database>(
        &self,
        builder: Builder<D>,
        service: HttpDeliveryService,
    ) -> Result<Builder<D>, BoxError> {
        let Some(broker) = &self.broker else { return Ok(application::delivery(builder, service)) };
        let queue = broker.queue(application::DELIVERY, ShippingAddressChanged::TYPE)?;
        Ok(application::delivery_from(builder, service, queue))
    }

    /// The API.
    pub(crate) fn router<D: Database>(&self, events: &Events<D>) -> reqwest::Result<Router> {
        let mut router = web::router(events.clone());
        if let Some(mailer) = &self.mailer {
            let phone = PhoneService::new(events.clone(), mailer.clone());
            router = router.merge(web::phone::router(phone));
        }
        if let Some(gateway) = &self.outside.payment_gateway {
            router = router.merge(coupled_router(events, &gateway.url())?);
        }
        Ok(router.layer(OriginLayer::new()))
    }
}

fn coupled_router<D: Database>(events: &Events<D>, gateway: &str) -> reqwest::Result<Router> {
    let gateway = HttpPaymentGateway::new(gateway)?;
    Ok(web::coupled::router(coupled::OrderService::new(events.clone(), gateway)))
}
