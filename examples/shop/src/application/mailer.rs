//! The port to whoever carries the mail.

use std::fmt;

use ensue::BoxError;

use crate::domain::OrderNo;

pub(crate) trait Mailer: Clone + Send + Sync + 'static {
    fn send(&self, to: &Recipient, text: &str)
    -> impl Future<Output = Result<(), BoxError>> + Send;
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Recipient {
    CustomerOf(OrderNo),
    Sales,
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CustomerOf(order_no) => write!(f, "customer-of-{order_no}"),
            Self::Sales => f.write_str("sales"),
        }
    }
}
