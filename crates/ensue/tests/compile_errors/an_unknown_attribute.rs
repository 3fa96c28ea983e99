#[derive(ensue::Event)]
#[event(local, name = "order.cancelled")]
struct OrderCancelled;

fn main() {
    ensue::raise(OrderCancelled);
}
