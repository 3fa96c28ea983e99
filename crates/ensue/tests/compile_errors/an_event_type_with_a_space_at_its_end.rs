#[derive(ensue::Event)]
#[event(local, type = "order.cancelled ")]
struct OrderCancelled;

fn main() {
    ensue::raise(OrderCancelled);
}
