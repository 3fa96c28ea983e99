struct OrderCancelled;

fn main() {
    ensue::raise(OrderCancelled);
}
