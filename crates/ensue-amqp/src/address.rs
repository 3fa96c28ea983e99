//! Where the broker is, and how it is connected to.

use std::fmt;
use std::time::Duration;

use ensue::BoxError;
use lapin::ConnectionProperties;
use lapin::tcp::OwnedTLSConfig;
use lapin::uri::AMQPUri;
use tokio::time::timeout;

use crate::error::{Error, ErrorKind};
use crate::handshake;
use crate::line::Line;

#[derive(Clone)]
pub(crate) struct Address {
    uri: AMQPUri,
    /// What the broker shows of us.
    name: String,
    /// Certificates that are trusted beside the system's.
    trusted: Option<String>,
}

impl Address {
    /// The address at `url`, for a connection that the broker shows as `name`.
    pub(crate) fn new(url: &str, name: String) -> Result<Self, Error> {
        let parsed: Result<AMQPUri, String> = url.parse();
        // Not the URL itself: it may have a password.
        let mut uri = parsed.map_err(|error| {
            let message = format!("the broker's address is no amqp:// or amqps:// URL: {error}");
            Error::new(ErrorKind::Address, message)
        })?;
        uri.query.heartbeat.get_or_insert(HEARTBEAT);
        Ok(Self { uri, name, trusted: None })
    }

    pub(crate) fn trusting(self, pem: String) -> Self {
        Self { trusted: Some(pem), ..self }
    }

    /// CANCEL-SAFE: dropped half-way, nothing stays connected.
    pub(crate) async fn connect(&self) -> Result<Line, BoxError> {
        let (uri, name) = (self.uri.clone(), self.name.clone());
        // Not the client's own recovery: it is silent for as long as it lasts, up to minutes.
        let properties = ConnectionProperties::default().with_connection_name(name.into());
        let tls = OwnedTLSConfig { identity: None, cert_chain: self.trusted.clone() };
        match timeout(CONNECT_TIMEOUT, handshake::connect(uri, properties, tls)).await {
            Ok(connected) => {
                connected.map_err(|error| format!("no broker at {self}: {error}").into())
            }
            Err(_) => Err(format!("no broker at {self}: no answer in {CONNECT_TIMEOUT:?}").into()),
        }
    }
}

/// Without the account.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AMQPUri { scheme, authority, vhost, .. } = &self.uri;
        write!(f, "{scheme}://{}:{}/{vhost}", authority.host, authority.port)
    }
}

/// LIMIT: a broker that takes longer for a handshake than its heartbeats take is not there.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Seconds. A broker that has vanished is noticed after two of them; RabbitMQ's own 60 are two minutes.
const HEARTBEAT: u16 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_account() {
        let address = Address::new("amqps://me:secret@broker.example/shop", "name".into()).unwrap();
        assert_eq!(address.to_string(), "amqps://broker.example:5671/shop");
    }

    #[test]
    fn a_heartbeat_that_the_url_asks_for_is_kept() {
        let heartbeat = |url| Address::new(url, String::new()).unwrap().uri.query.heartbeat;
        assert_eq!(heartbeat("amqp://localhost?heartbeat=3"), Some(3));
        assert_eq!(heartbeat("amqp://localhost"), Some(HEARTBEAT));
    }

    #[test]
    fn what_is_no_address_is_refused_without_telling_the_password() {
        for url in ["http://me:secret@localhost", "secret", "amqp://me:secret@localhost:port"] {
            let error = Address::new(url, String::new()).err().unwrap();
            assert_eq!(error.kind(), ErrorKind::Address);
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
