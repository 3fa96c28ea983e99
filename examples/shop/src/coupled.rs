//! How a cancellation looks without events, kept to be compared with and not to be copied.
//!
//! [`OrderService::cancel`] hands the order whoever gives the money back, and the order waits for
//! them. It works, and three things are wrong with it:
//!
//! 1. *Somebody else's slowness is ours.* The customer waits for the gateway, and so does the open
//!    transaction with everything that it has locked. On SQLite that is the only writer: as long as
//!    the gateway takes, nobody else can order anything. On a server it is the order and its
//!    products, and one of the connections: who wants the same waits, and once enough are cancelled,
//!    everybody does.
//! 2. *Nobody knows what to do when the gateway fails.* Rolled back, the order is paid and the money
//!    may have gone back, since an answer can get lost. Committed, the order is cancelled and the
//!    money may never go back.
//! 3. *The order knows of payment.* Its logic is mixed with a port, with what can go wrong there,
//!    with `async`, and a test of it needs a gateway. Whatever else must ensue is written here too.
//!
//! With events the same is `Order::cancel` in the domain and `refund` in the application.

mod order;
mod order_service;

pub(crate) use order_service::OrderService;
