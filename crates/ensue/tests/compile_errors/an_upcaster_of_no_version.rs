#[derive(ensue::Event)]
#[event(version = 2, upcast(2 = add_coupon))]
struct OrderPlaced;

fn main() {}
