//! What the shop is about. It depends on nothing but the words of `ensue-core`.

mod address;
mod coupon;
mod events;
mod money;
mod order;
mod order_line;
mod order_no;
mod product;
mod product_code;
mod refusal;
mod volume_discount;

pub(crate) use address::Address;
pub(crate) use coupon::Coupon;
pub(crate) use events::{
    CouponRedeemed, OrderCancelled, OrderPaid, OrderPlaced, ShippingAddressChanged,
    VolumeDiscountGranted,
};
pub(crate) use money::Money;
pub(crate) use order::{Order, OrderState};
pub(crate) use order_line::OrderLine;
pub(crate) use order_no::OrderNo;
pub(crate) use product::Product;
pub(crate) use product_code::ProductCode;
pub(crate) use refusal::Refusal;
pub(crate) use volume_discount::VolumeDiscount;
