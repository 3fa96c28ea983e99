#[derive(ensue::Event)]
#[event(local)]
struct Changed<T> {
    to: T,
}

fn main() {}
