#[derive(ensue::Event)]
struct OrderCancelled {
    order_no: u32,
}

fn main() {
    ensue::raise(OrderCancelled { order_no: 1 });
}
