//! Dates inside numbers: which characters are year, month and day, and whether there is such a day.
//!
//! The century of a year of two digits is not guessed: a date counts if it existed in any.

use super::number;

/// Where a date stands and what countries add to month or day (sex, century, serial ranges).
#[derive(Clone, Debug)]
pub(super) struct Date {
    pub(super) from: usize,
    pub(super) year: Option<Field>,
    pub(super) month: Option<Field>,
    pub(super) day: Option<Field>,
    pub(super) month_plus: Vec<u128>,
    pub(super) day_plus: Vec<u128>,
}

/// Some characters of the date, counted from its beginning.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub(super) at: usize,
    pub(super) length: usize,
}

// === impl Date ===

impl Date {
    /// Reads `yymmdd`, `ddmmyyyy` and their kin; nothing for any other letters, or a field in two pieces.
    pub(super) fn parse(format: &str, from: usize) -> Option<Self> {
        let field = |letter: char| {
            let at = format.find(letter)?;
            Some(Field { at, length: format.chars().filter(|other| *other == letter).count() })
        };
        let date = Self { from, year: field('y'), month: field('m'), day: field('d'), month_plus: vec![0], day_plus: vec![0] };
        let whole = |letter: char, field: Option<Field>| {
            field.is_none_or(|field| format.get(field.at..field.at + field.length) == Some(&letter.to_string().repeat(field.length)))
        };
        let known = format.chars().all(|letter| matches!(letter, 'y' | 'm' | 'd'));
        (known && date.month.is_some() && whole('y', date.year) && whole('m', date.month) && whole('d', date.day)).then_some(date)
    }

    pub(super) fn holds(&self, characters: &[u8]) -> Option<bool> {
        let read = |field: Option<Field>| match field {
            Some(field) => number(characters, self.from + field.at, field.length).map(Some),
            None => Some(None),
        };
        let (year, month, day) = (read(self.year)?, read(self.month)?, read(self.day)?);
        let full_year = year.filter(|_| self.year.is_some_and(|field| field.length >= 4));
        if full_year.is_some_and(|year| !(1850..=2100).contains(&year)) {
            return Some(false);
        }
        let leap = year.is_none_or(|year| year.is_multiple_of(4) && full_year.is_none_or(is_leap));
        let exists = |month: u128, day: u128| (1..=days_in(month, leap)).contains(&day);
        let months = self.month_plus.iter().filter_map(|plus| month?.checked_sub(*plus));
        let fits = |month: u128| match day {
            Some(day) => self.day_plus.iter().filter_map(|plus| day.checked_sub(*plus)).any(|day| exists(month, day)),
            None => (1..=12).contains(&month),
        };
        Some(months.into_iter().any(fits))
    }
}

fn is_leap(year: u128) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

/// Days of a month; 0 where there is no such month.
fn days_in(month: u128, leap: bool) -> u128 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => 0,
    }
}
