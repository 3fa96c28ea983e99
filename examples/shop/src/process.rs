//! What runs in this process.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::Router;
use clap::ValueEnum;
use ensue::{BoxError, Forwarder};
use ensue_sqlite::{Builder, Events, SqliteStore};
use tokio::net::TcpListener;

use crate::application::{self, PhoneService};
use crate::coupled;
use crate::infrastructure::{HttpDeliveryService, HttpMailer, HttpPaymentGateway, sqlite};
use crate::outside::{self, Outside};
use crate::server::{Server, listen};
use crate::web;

/// LIMIT: how long handlers that run at the end are waited for.
const GRACE: Duration = Duration::from_secs(10);

/// Which part of the shop runs here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// Everything
    All,
    /// The API: what is done is stored, and ensues elsewhere
    Web,
    /// What ensues durably, and the services that it calls
    Forwarder,
}

#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) folder: PathBuf,
    pub(crate) port: u16,
    pub(crate) role: Role,
    pub(crate) lease: Duration,
}

pub(crate) struct Process {
    pub(crate) events: Events,
    outside: Option<Outside>,
    mail_service: Option<Server>,
    web: Option<Server>,
    forwarder: Option<Forwarder>,
}

impl Process {
    pub(crate) async fn start(settings: &Settings) -> Result<Self, BoxError> {
        let listener = match settings.role {
            Role::All | Role::Web => Some(listen_on(settings.port).await?),
            Role::Forwarder => None,
        };
        let folder = &settings.folder;
        std::fs::create_dir_all(folder).map_err(|error| unusable(folder, &error))?;
        let outside = match settings.role {
            Role::All | Role::Forwarder => Some(Outside::start(folder).await?),
            Role::Web => None,
        };
        let mail_service = match settings.role {
            Role::All | Role::Web => Some(outside::start_mail_service(folder).await?),
            Role::Forwarder => None,
        };
        let mailer = mail_service.as_ref().map(|service| HttpMailer::new(&service.url()));
        let mailer = mailer.transpose()?;
        let events = open(settings, outside.as_ref(), mailer.as_ref()).await?;
        let web = match listener.zip(mailer) {
            Some((listener, mailer)) => {
                Some(Server::start(listener, router(&events, mailer, outside.as_ref())?)?)
            }
            None => None,
        };
        let forwarder = outside.is_some().then(|| events.forward());
        Ok(Self { events, outside, mail_service, web, forwarder })
    }

    /// Who listens where.
    pub(crate) fn listeners(&self) -> Vec<(&'static str, String)> {
        let web = self.web.iter().map(|web| ("shop", web.url()));
        let outside = self.outside.iter().flat_map(|outside| {
            let payment_gateway = ("payment gateway", outside.payment_gateway_url());
            [payment_gateway, ("delivery service", outside.delivery_service_url())]
        });
        let mail_service = self.mail_service.iter().map(|mails| ("mail service", mails.url()));
        web.chain(outside).chain(mail_service).collect()
    }

    /// Takes no more orders, lets what is being handled finish, then closes what that may call.
    pub(crate) async fn stop(self) {
        if let Some(web) = self.web {
            web.stop().await;
        }
        if let Some(forwarder) = self.forwarder {
            forwarder.shutdown(GRACE).await;
        }
        if let Some(outside) = self.outside {
            outside.stop().await;
        }
        self.events.shutdown(GRACE).await;
        if let Some(mail_service) = self.mail_service {
            mail_service.stop().await;
        }
    }
}

/// The application over its database file: every process has the handlers that run in transactions,
/// and one that can reach the outside has those that call it.
async fn open(
    settings: &Settings,
    outside: Option<&Outside>,
    mailer: Option<&HttpMailer>,
) -> Result<Events, BoxError> {
    let store = SqliteStore::open(settings.folder.join("shop.db")).await?;
    let builder = application::in_transaction(Events::builder(store).lease(settings.lease));
    let builder = match mailer {
        Some(mailer) => application::afterwards(builder, mailer.clone()),
        None => builder,
    };
    let builder = match outside {
        Some(outside) => durably(builder, outside)?,
        None => builder,
    };
    let events = builder.build().await?;
    sqlite::create_tables(&events).await?;
    Ok(events)
}

fn durably(builder: Builder, outside: &Outside) -> reqwest::Result<Builder> {
    let (url, timeout) = (outside.payment_gateway_url(), HttpPaymentGateway::TIMEOUT);
    let gateway = HttpPaymentGateway::new(&url, timeout)?;
    let service = HttpDeliveryService::new(&outside.delivery_service_url())?;
    Ok(application::durably(builder, gateway, service))
}

/// The API. What is coupled to the payment gateway is there only if that is.
fn router(
    events: &Events,
    mailer: HttpMailer,
    outside: Option<&Outside>,
) -> reqwest::Result<Router> {
    let phone = web::phone::router(PhoneService::new(events.clone(), mailer));
    let router = web::router(events.clone()).merge(phone);
    let Some(outside) = outside else { return Ok(router) };
    let (url, timeout) = (outside.payment_gateway_url(), HttpPaymentGateway::TIMEOUT_WHERE_COUPLED);
    let gateway = HttpPaymentGateway::new(&url, timeout)?;
    let coupled = coupled::OrderService::new(events.clone(), gateway);
    Ok(router.merge(web::coupled::router(coupled)))
}

/// First of all, so that a port that is taken leaves no trace.
async fn listen_on(port: u16) -> Result<TcpListener, BoxError> {
    listen(port).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "port {port} is taken; choose another with --port, or any free one with --port 0"
        )
        .into(),
        _ => format!("cannot listen on port {port}: {error}").into(),
    })
}

fn unusable(folder: &Path, error: &io::Error) -> BoxError {
    format!("cannot use the folder `{}`: {error}; name another with --data", folder.display())
        .into()
}
