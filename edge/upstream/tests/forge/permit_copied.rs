//! A permit cannot be copied.

fn both<T: Clone>(given: T) -> (T, T) {
    (given.clone(), given)
}

fn main() {
    let _ = both::<comity_upstream::Permit>;
    //~ E0277 Permit: Clone` is not satisfied
}
