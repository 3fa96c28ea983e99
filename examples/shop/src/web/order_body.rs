//! An order as JSON: what is asked for, and what is shown.

use serde::{Deserialize, Serialize};

use super::AddressBody;
use crate::application::Wanted;
use crate::domain::{Coupon, Order, OrderState, ProductCode, Refusal};

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct WantedBody {
    pub(crate) lines: Vec<LineBody>,
    pub(crate) coupon: Option<String>,
    pub(crate) address: AddressBody,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LineBody {
    pub(crate) product: String,
    pub(crate) quantity: u32,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OrderBody {
    pub(crate) order_no: String,
    pub(crate) state: State,
    pub(crate) amount_cents: i64,
    pub(crate) lines: Vec<LineBody>,
    pub(crate) address: AddressBody,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    Placed,
    Paid,
    Cancelled,
}

impl WantedBody {
    pub(super) fn into_wanted(self) -> Result<Wanted, Refusal> {
        let quantity = |line: LineBody| (ProductCode::new(line.product), line.quantity);
        Ok(Wanted {
            quantities: self.lines.into_iter().map(quantity).collect(),
            coupon: self.coupon.as_deref().map(Coupon::new).transpose()?,
            address: self.address.into_address()?,
        })
    }
}

impl From<&Order> for OrderBody {
    fn from(order: &Order) -> Self {
        let line = |line: &crate::domain::OrderLine| LineBody {
            product: line.product.to_string(),
            quantity: line.quantity,
        };
        Self {
            order_no: order.no().to_string(),
            state: order.state().into(),
            amount_cents: order.amount().cents(),
            lines: order.lines().iter().map(line).collect(),
            address: order.address().into(),
        }
    }
}

impl From<OrderState> for State {
    fn from(state: OrderState) -> Self {
        match state {
            OrderState::Placed => Self::Placed,
            OrderState::Paid => Self::Paid,
            OrderState::Cancelled => Self::Cancelled,
        }
    }
}
