//! Dates as `strftime` writes them, in UTC and in English.

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

/// A moment by its second after the beginning of 1970, in UTC, written as `format` says; what is not
/// known stays as it is.
pub(super) fn strftime(format: &str, second: i64) -> String {
    let (days, in_day) = (second.div_euclid(86_400), second.rem_euclid(86_400));
    let (year, month, day) = date(days);
    let weekday = (days + 4).rem_euclid(7) as usize;
    let first = days_before(year);
    let (hour, minute, seconds) = (in_day / 3600, in_day / 60 % 60, in_day % 60);
    let half = (hour + 11) % 12 + 1;
    let name = |names: &[&str], index: usize| names.get(index).copied().unwrap_or("").to_owned();
    let month_name = name(&MONTHS, month as usize - 1);
    let day_name = name(&DAYS, weekday);
    let short = |name: &str| name.chars().take(3).collect::<String>();
    let mut out = String::new();
    let mut letters = format.chars();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            out.push(letter);
            continue;
        }
        let mut code = letters.next();
        let plain = code == Some('-');
        if plain {
            code = letters.next();
        }
        let padded = |number: i64, width: usize| match plain {
            true => number.to_string(),
            false => format!("{number:0width$}"),
        };
        out += &match code {
            Some('Y') => year.to_string(),
            Some('y') => padded(year.rem_euclid(100), 2),
            Some('m') => padded(month, 2),
            Some('d') => padded(day, 2),
            Some('e') => format!("{day:2}"),
            Some('B') => month_name.clone(),
            Some('b' | 'h') => short(&month_name),
            Some('A') => day_name.clone(),
            Some('a') => short(&day_name),
            Some('w') => weekday.to_string(),
            Some('u') => ((weekday + 6) % 7 + 1).to_string(),
            Some('j') => padded(days - first + 1, 3),
            Some('H') => padded(hour, 2),
            Some('I') => padded(half, 2),
            Some('M') => padded(minute, 2),
            Some('S') => padded(seconds, 2),
            Some('f') => "000000".into(),
            Some('p') => if hour < 12 { "AM" } else { "PM" }.into(),
            Some('Z') => "UTC".into(),
            Some('z') => "+0000".into(),
            Some('s') => second.to_string(),
            Some('F') => strftime("%Y-%m-%d", second),
            Some('T') => strftime("%H:%M:%S", second),
            Some('R') => strftime("%H:%M", second),
            Some('D' | 'x') => strftime("%m/%d/%y", second),
            Some('X') => strftime("%H:%M:%S", second),
            Some('c') => strftime("%a %b %e %H:%M:%S %Y", second),
            Some('n') => "\n".into(),
            Some('t') => "\t".into(),
            Some('%') => "%".into(),
            Some(other) => format!("%{other}"),
            None => "%".into(),
        };
    }
    out
}

fn leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Days from the beginning of 1970 to that of `year`.
fn days_before(year: i64) -> i64 {
    let past = year - 1;
    365 * (year - 1970) + past.div_euclid(4) - past.div_euclid(100) + past.div_euclid(400) - 477
}

/// Year, month and day of the `days`-th day after the first of 1970.
fn date(days: i64) -> (i64, i64, i64) {
    let mut year = 1970 + days.div_euclid(366);
    while days_before(year + 1) <= days {
        year += 1;
    }
    let mut day = days - days_before(year);
    for month in 1..=12 {
        let length = match month {
            2 => 28 + i64::from(leap(year)),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        if day < length {
            return (year, month, day + 1);
        }
        day -= length;
    }
    (year, 12, 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_python() {
        // datetime.fromtimestamp(second, timezone.utc).strftime(format)
        for (second, format, expected) in [
            (0, "%d %b %Y", "01 Jan 1970"),
            (
                951_782_400,
                "%A, %-d %B %Y (%j)",
                "Tuesday, 29 February 2000 (060)",
            ),
            (1_721_952_000, "%d %B %Y %H:%M:%S", "26 July 2024 00:00:00"),
            (
                1_735_689_599,
                "%Y-%m-%d %I:%M %p %a %y %%",
                "2024-12-31 11:59 PM Tue 24 %",
            ),
            (4_102_444_800, "%F %T %u", "2100-01-01 00:00:00 5"),
        ] {
            assert_eq!(strftime(format, second), expected);
        }
    }
}
