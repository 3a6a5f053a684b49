//! A receipt cannot be copied.

fn both<T: Clone>(given: T) -> (T, T) {
    (given.clone(), given)
}

fn main() {
    let _ = both::<comity_upstream::Receipt>;
    //~ E0277 Receipt: Clone` is not satisfied
}
