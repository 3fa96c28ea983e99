//! What the shop is about. It depends on nothing but the words of `ensue-core`.

mod address;
mod events;
mod money;
mod order;
mod order_line;
mod order_no;
mod product;
mod product_code;
mod refusal;

pub(crate) use address::Address;
pub(crate) use events::{OrderCancelled, OrderPaid, OrderPlaced, ShippingAddressChanged};
pub(crate) use money::Money;
pub(crate) use order::{Order, OrderState};
pub(crate) use order_line::OrderLine;
pub(crate) use order_no::OrderNo;
pub(crate) use product::Product;
pub(crate) use product_code::ProductCode;
pub(crate) use refusal::Refusal;
